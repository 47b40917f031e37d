"""The log and the hand-overs in SQL: written once, found again, and never changed but by a newer version."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest

from domain.changes import Changes
from domain.clock import MINUTE_US
from domain.handover import SignedPage
from domain.logbook import DISPATCH_ROOM, LogEntry, LogKind, PhoneOrder
from domain.responsibility import Reason
from storage.logbook import LogFilter
from storage.records import SqlRecords
from tests.support.posts import PAGE, Post
from tests.support.records_stores import RecordsStore

NOW = 1_795_000_000_000_000
LY = "35kV柳塬变"


@pytest.fixture
def records(store: RecordsStore) -> Iterator[SqlRecords]:
    engine = store.engine()
    yield SqlRecords(engine)
    engine.dispose()


def line(number: int, **changes: object) -> LogEntry:
    facts = {
        "entry_id": UUID(int=number),
        "station": LY,
        "kind": LogKind.NOTE,
        "at_us": NOW + number * MINUTE_US,
        "written_at_us": NOW + number * MINUTE_US,
        "by": "duty",
        "text": f"第 {number} 条",
    }
    return LogEntry(**(facts | changes))  # type: ignore[arg-type]


ORDER = PhoneOrder(giver="地调 张", receiver="正值", given_at_us=NOW, read_back=True)
LINES = [
    line(1),
    line(2, station=DISPATCH_ROOM, kind=LogKind.ORDER_RECEIVED, order=ORDER),
    line(3, by="", text="", kind=LogKind.TRIP, what=Reason.of("trip", place="113", signal="开关")),
    line(4, corrects=UUID(int=1), text="100% 更正_"),
]


def test_lines_come_back_as_they_were_written_the_newest_first(records: SqlRecords) -> None:
    records.commit(Changes(log=LINES), 1)
    assert records.logbook.entries(LogFilter()) == LINES[::-1]
    assert records.logbook.count(LogFilter()) == 4
    assert records.logbook.written_since(NOW + 2 * MINUTE_US) == [LINES[1], LINES[3]]
    assert records.logbook.corrections([UUID(int=1), UUID(int=2)]) == {UUID(int=1): LINES[3]}


def test_a_line_that_is_told_again_stays_as_it_was(records: SqlRecords) -> None:
    records.commit(Changes(log=LINES), 1)
    records.commit(Changes(log=[line(1, text="anders"), line(1, text="noch anders")]), 2)
    assert records.logbook.entries(LogFilter(), limit=1, offset=3) == [LINES[0]]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        pytest.param(LogFilter(stations=[LY]), [4, 3, 1], id="of-a-station"),
        pytest.param(LogFilter(stations=[DISPATCH_ROOM]), [2], id="of-the-dispatch-room"),
        pytest.param(LogFilter(stations=[]), [], id="of-no-station"),
        pytest.param(LogFilter(kinds=[LogKind.TRIP]), [3], id="of-a-kind"),
        pytest.param(LogFilter(from_us=NOW + 2 * MINUTE_US), [4, 3, 2], id="from"),
        pytest.param(LogFilter(to_us=NOW + 2 * MINUTE_US), [1], id="to-excluded"),
        pytest.param(LogFilter(words="113 跳闸"), [3], id="words-of-the-system"),
        pytest.param(LogFilter(words="TRIPPED"), [3], id="in-every-language"),
        pytest.param(LogFilter(words="地调"), [2], id="who-gave-the-order"),
        pytest.param(LogFilter(words="100%"), [4], id="a-percent-sign-is-a-percent-sign"),
        pytest.param(LogFilter(words="正_"), [4], id="an-underscore-too"),
        pytest.param(LogFilter(words="DUTY 第"), [2, 1], id="every-word-in-any-case"),
    ],
)
def test_lines_are_found(records: SqlRecords, wanted: LogFilter, numbers: list[int]) -> None:
    records.commit(Changes(log=LINES), 1)
    assert [each.entry_id.int for each in records.logbook.entries(wanted)] == numbers
    assert records.logbook.count(wanted) == len(numbers)


def test_a_hand_over_is_kept_with_its_page(records: SqlRecords) -> None:
    post = Post().at("2026-05-02 08:00")
    first = post.watch
    post.signs()
    post.takes()
    records.commit(post.everything, 1)
    reads = records.logbook
    assert [each.crew for each in reads.watches_of("sp")] == ["乙值", "甲值"]
    assert reads.open_watches() == [post.watch]
    over = reads.watch(first.watch_id)
    assert over == post.versions_of(first.watch_id)[-1]
    assert over
    assert reads.page(over.page) == SignedPage.of(PAGE)
    assert reads.page("0" * 64) is None
    assert over.taken_at_us
    assert len(reads.watches_since(over.taken_at_us)) == 2
    assert len(reads.watches_since(over.taken_at_us + 1)) == 1


def test_an_older_version_of_a_watch_never_comes_back(records: SqlRecords) -> None:
    watch = Post().watch
    records.commit(Changes(watches=[watch.noted("neu")]), 1)
    records.commit(Changes(watches=[watch]), 2)
    assert records.logbook.open_watches() == [watch.noted("neu")]


def test_what_could_not_be_written_as_text_is_written_without_it(records: SqlRecords) -> None:
    records.commit(Changes(log=[replace(line(1), text="a\x00b")]), 1)
    (found,) = records.logbook.entries(LogFilter())
    assert "\x00" not in found.text


def test_a_page_that_no_store_takes_as_it_is_still_fits_its_hash(records: SqlRecords) -> None:
    page = SignedPage.of("a\x00b\ud800")
    records.commit(Changes(pages=[page]), 1)
    found = records.logbook.page(page.digest)
    assert found
    assert found.is_whole


def test_other_workers_learn_a_watch(records: SqlRecords) -> None:
    watch = Post().watch
    records.commit(Changes(watches=[watch], log=[line(1)]), 1)
    number, heard = records.paper_since(0, but_not_of=None)
    assert (number, heard) == (1, Changes(watches=[watch]))
