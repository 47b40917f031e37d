"""Records survive the way through bytes, and bytes that are not a record are refused."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ids import AssetId, DeviceId
from domain.paperwork import Approval, Role, Tag, TagKind, User
from domain.records import (
    DeadLetter,
    DeviceReplied,
    PaperLearned,
    ReadingsArrived,
    Receipts,
    Record,
    ReplyOutcome,
)
from storage.codec import DamagedRecord, decode, encode, from_bytes, to_bytes
from tests.support import stored
from tests.support.arrangements import ONE_OF_EACH
from tests.support.posts import Post


@given(stored.records)
def test_every_record_is_read_back_as_it_was_written(record: Record) -> None:
    assert stored.same(decode(encode(record)), record)


@given(stored.records, stored.records)
def test_different_records_have_different_rows(one: Record, other: Record) -> None:
    assert (encode(one) == encode(other)) == stored.same(one, other)


def test_what_another_worker_learns_of_a_watch_is_read_back() -> None:
    post = Post().at("2026-05-02 08:00")
    post.signs()
    learned = PaperLearned(at_us=1, number=2, watches=tuple(post.everything.watches))
    assert from_bytes(to_bytes(learned)) == learned


def test_half_a_surrogate_pair_from_outside_is_written_in_words() -> None:
    letter = DeadLetter(
        at_us=1,
        source_id=stored.SOURCE,
        reason="unknown_point",
        detail="no point \ud800",
        topic="t/\udfff",
        payload=b"{}",
    )
    read = decode(encode(letter))
    assert isinstance(read, DeadLetter)
    assert (read.detail, read.topic) == ("no point \\ud800", "t/\\udfff")


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param({"kind": "poem"}, id="unknown-kind"),
        pytest.param({"body": b"\x93"}, id="body-cut-short"),
        pytest.param({"body": b""}, id="no-body"),
        pytest.param({"digests": b"123"}, id="part-of-a-digest"),
        pytest.param({"packet_ids": b"123"}, id="part-of-a-packet-id"),
    ],
)
def test_a_row_that_is_no_record_is_refused(damage: dict[str, object]) -> None:
    row = encode(
        DeviceReplied(
            at_us=1,
            device_id=DeviceId("siren"),
            command_id=UUID(int=1),
            outcome=ReplyOutcome.DONE,
        )
    )
    with pytest.raises(DamagedRecord):
        decode(replace(row, **damage))  # type: ignore[arg-type]


def test_columns_of_a_broken_length_are_refused() -> None:
    row = encode(stored.group(2))
    with pytest.raises(DamagedRecord, match="no whole number of readings"):
        decode(replace(row, body=row.body[:-1]))


def test_a_digest_of_another_length_is_not_written() -> None:
    group = stored.group(1)
    wrong = ReadingsArrived(
        at_us=1,
        source_id=stored.SOURCE,
        readings=group.readings,
        receipts=Receipts(digests=(b"123456789", b"1234567")),
    )
    with pytest.raises(ValueError, match="8 bytes"):
        encode(wrong)


@given(stored.records)
def test_a_record_as_one_message_is_read_back_as_it_was(record: Record) -> None:
    assert stored.same(from_bytes(to_bytes(record)), record)


@given(stored.records, st.integers(0), st.integers(1, 255))
def test_a_message_with_a_changed_byte_is_never_another_record(
    record: Record, place: int, change: int
) -> None:
    message = bytearray(to_bytes(record))
    message[place % len(message)] ^= change
    try:
        found = from_bytes(bytes(message))
    except DamagedRecord:
        return
    assert stored.same(found, record)  # a bit of compression that meant nothing


def test_what_was_learned_of_people_and_paper_is_read_back_as_it_was() -> None:
    learned = PaperLearned(
        at_us=5,
        number=9,
        users=(User(name="u", password="p", roles=frozenset({Role.DISPATCHER, Role.ADMINISTRATOR})),),
        tags=(
            Tag(
                tag_id=uuid4(), kind=TagKind.DRIVE_TEST, asset_id=AssetId("a"), note="",
                hung_by="u", hung_at_us=1,
            ),
        ),
        approvals=(
            Approval(
                approval_id=uuid4(), subject="site", subject_id="2", summary=("x",), proposed_by="u",
                proposed_at_us=3,
            ),
        ),
        arrangements=ONE_OF_EACH,
    )  # fmt: skip
    assert from_bytes(to_bytes(learned)) == learned
    assert decode(encode(learned)) == learned
