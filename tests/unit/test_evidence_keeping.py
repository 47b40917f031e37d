"""Evidence goes by what became of the item that names it, and never before."""

import os
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from domain.changes import Changes
from domain.clock import MINUTE_US
from domain.credit import ReviewItem, ReviewKind, ReviewState
from domain.evidence import EvidenceFile, EvidenceKind
from domain.rectification import Rectification, RectificationState
from service.counting import Counted
from service.evidence_keeping import EvidenceKeeper, kept_until
from service.janitor import Janitor
from service.settings import KeepSettings
from storage.engines import sqlite_engine, writing
from storage.evidence import EvidenceFiles, NoSuchEvidence
from storage.migrate import upgrade
from storage.records import write_changes
from storage.reviews import ReviewReads

DAY = 24 * 60 * MINUTE_US
NOW = 20_000 * DAY
KEEP = KeepSettings(
    evidence_confirmed_days=1_000, evidence_rejected_days=30, evidence_unjudged_days=180
)


def file(name: str) -> EvidenceFile:
    return EvidenceFile(
        sha256=name, media_type="image/jpeg", kind=EvidenceKind.MOMENT, at_us=0, size=1
    )


def item(number: int, state: ReviewState, age_days: int, *names: str) -> ReviewItem:
    at_us = NOW - age_days * DAY
    is_open = state in {ReviewState.PROPOSED, ReviewState.SENT_BACK}
    return ReviewItem(
        review_id=UUID(int=number),
        kind=ReviewKind.VIOLATION,
        created_at_us=at_us,
        proposed_by="rule:PPE-01",
        text="未戴安全帽",
        files=tuple(map(file, names)),
        state=state,
        judged_by=None if is_open else "safety",
        judged_at_us=None if is_open else at_us,
    )


def notice(of: int, state: RectificationState) -> Rectification:
    return Rectification(
        rectification_id=UUID(int=100 + of),
        number="ZG-2026-0001",
        review_id=UUID(int=of),
        asset_id=None,
        station="s",
        zone_id=None,
        member_id=None,
        measure="m",
        issued_by="safety",
        issued_at_us=0,
        due_us=1,
        state=state,
    )


@pytest.mark.parametrize(
    ("state", "age_days", "is_kept"),
    [
        pytest.param(ReviewState.PROPOSED, 179, True, id="it-may-still-be-judged"),
        pytest.param(ReviewState.SENT_BACK, 181, False, id="nobody-judged-it-in-time"),
        pytest.param(ReviewState.CONFIRMED, 999, True, id="confirmed"),
        pytest.param(ReviewState.CONFIRMED, 1_001, False, id="confirmed-long-ago"),
        pytest.param(ReviewState.REJECTED, 29, True, id="just-rejected"),
        pytest.param(ReviewState.REJECTED, 31, False, id="rejected"),
        pytest.param(ReviewState.DUPLICATE, 31, False, id="a-duplicate"),
    ],
)
def test_each_class_has_its_own_time(state: ReviewState, age_days: int, is_kept: bool) -> None:
    until = kept_until([item(1, state, age_days, "a")], [], KEEP)
    assert (until["a"] > NOW) is is_kept


def test_a_file_of_two_items_stays_for_the_longer_one() -> None:
    items = [
        item(1, ReviewState.CONFIRMED, 31, "a"),
        item(2, ReviewState.REJECTED, 31, "a", "b"),
    ]
    until = kept_until(items, [], KEEP)
    assert until["a"] > NOW >= until["b"]


def test_a_duplicate_is_kept_like_the_item_that_was_judged() -> None:
    original = item(1, ReviewState.CONFIRMED, 31, "a")
    copy = replace(item(2, ReviewState.DUPLICATE, 31, "b"), same_as=original.review_id)
    assert kept_until([original, copy], [], KEEP)["b"] > NOW


@pytest.mark.parametrize(("state", "is_kept"), [("issued", True), ("closed", False)])
def test_an_open_notice_keeps_its_pictures(state: str, is_kept: bool) -> None:
    old = item(1, ReviewState.CONFIRMED, 2_000, "a")
    until = kept_until([old], [notice(1, RectificationState(state))], KEEP)
    assert (until["a"] > NOW) is is_kept


def test_the_janitor_deletes_what_is_over_and_what_is_nobodys(tmp_path: Path) -> None:
    engine = sqlite_engine(tmp_path / "records.db")
    upgrade(engine)
    files = EvidenceFiles(tmp_path / "evidence")
    kept, over, nobodys, fresh = (files.put(each) for each in (b"1", b"2", b"3", b"4"))
    for name in (kept, over, nobodys):
        long_ago_s = (NOW - 40 * DAY) / 1e6
        os.utime(tmp_path / "evidence" / name[:2] / name, (long_ago_s, long_ago_s))
    os.utime(tmp_path / "evidence" / fresh[:2] / fresh, (NOW / 1e6, NOW / 1e6))
    items = [item(1, ReviewState.CONFIRMED, 40, kept), item(2, ReviewState.REJECTED, 40, over)]
    with writing(engine) as connection:
        write_changes(connection, Changes(reviews=items))
    counters = Counted()
    janitor = Janitor(
        engine,
        KEEP,
        clock=lambda: NOW,
        counters=counters,
        evidence=EvidenceKeeper(files, ReviewReads(engine), KEEP, lambda: NOW),
    )
    assert janitor.sweep() == 2
    assert set(files.names()) == {kept, fresh}
    assert counters.count("kept_long_enough", kept="evidence") == 2
    assert janitor.sweep() == 0
    with pytest.raises(NoSuchEvidence):
        files.get(over)
    engine.dispose()


def test_what_is_put_again_is_not_nobodys(tmp_path: Path) -> None:
    files = EvidenceFiles(tmp_path)
    name = files.put(b"1")
    os.utime(tmp_path / name[:2] / name, (0, 0))
    files.put(b"1")
    assert files.age_us(name, NOW) < NOW - 10_000 * DAY
