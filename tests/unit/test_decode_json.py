"""Canonical JSON and device replies: what is good is kept, what is not has its word."""

import json
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.records import ReplyOutcome
from ingest.decode.canonical_json import Problem, decode, take_apart
from ingest.decode.device_replies import Reply, decode_reply

NOON_MS = 1_763_863_200_000
NOON_US = NOON_MS * 1_000
COMMAND = UUID("3f0c7c3e-6f0a-4a53-9d3b-6a1d7c1f8e21")


def payload(*readings: object) -> bytes:
    return json.dumps({"readings": readings}).encode()


def reading(**changes: object) -> dict[str, object]:
    return {"point": "LY/1T/top_oil_temp", "time": NOON_MS, "value": 86.2, **changes}


def without(name: str) -> dict[str, object]:
    row = reading()
    del row[name]
    return row


def test_a_reading_is_read_with_its_time_in_microseconds() -> None:
    said = reading(unit="degC", quality="questionable", origin="history")
    (decoded,), problems = decode(payload(said))
    assert problems == []
    assert (decoded.point, decoded.time, decoded.value) == ("LY/1T/top_oil_temp", NOON_US, 86.2)
    assert (decoded.unit, decoded.quality, decoded.origin) == ("degC", "questionable", "history")


def test_unit_quality_and_origin_may_be_left_out() -> None:
    (decoded,), _ = decode(payload(reading()))
    assert (decoded.unit, decoded.quality, decoded.origin) == (None, "good", "live")


@pytest.mark.parametrize(
    "time",
    [
        pytest.param("2025-11-23T02:00:00Z", id="utc"),
        pytest.param("2025-11-23T10:00:00+08:00", id="local-with-offset"),
        pytest.param("2025-11-23 10:00:00.000+08:00", id="with-a-space"),
        pytest.param("20251123T100000+0800", id="basic-form"),
    ],
)
def test_a_time_with_offset_is_the_same_moment(time: str) -> None:
    (decoded,), problems = decode(payload(reading(time=time)))
    assert (decoded.time, problems) == (NOON_US, [])


def test_readings_with_text_and_number_times_may_stand_in_one_message() -> None:
    decoded, problems = decode(payload(reading(), reading(time="2025-11-23T02:00:00Z")))
    assert [one.time for one in decoded] == [NOON_US, NOON_US]
    assert problems == []


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param(b"", "malformed_json", id="nothing"),
        pytest.param(b'{"readings":[', "malformed_json", id="cut-off"),
        pytest.param(b"\xff\xfe{}", "malformed_json", id="not-utf-8"),
        pytest.param(b"86.2", "wrong_type", id="a-bare-number"),
        pytest.param(b"[]", "wrong_type", id="a-list"),
        pytest.param(b"{}", "missing_field", id="no-readings"),
        pytest.param(b'{"readings":7}', "wrong_type", id="readings-are-no-list"),
        pytest.param(b"[" * 100_000, "too_deep", id="deep-lists"),
        pytest.param(
            b'{"readings":[],"x":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001,
            "too_deep",
            id="deep-in-a-field-that-we-do-not-read",
        ),
        pytest.param(
            b'{"readings":[],"x":%s}' % (b"9" * 5_000), None, id="long-number-that-we-do-not-read"
        ),
        pytest.param(
            b'{"readings":[{"point":"p","time":%s,"value":1}]}' % (b"9" * 5_000),
            "not_a_number",
            id="time-with-5000-digits",
        ),
    ],
)
def test_a_payload_as_a_whole_is_refused(raw: bytes, reason: str | None) -> None:
    decoded, problems = decode(raw)
    assert decoded == []
    assert [problem.reason for problem in problems] == ([reason] if reason else [])


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        pytest.param(without("point"), "missing_field", id="no-point"),
        pytest.param(without("time"), "missing_field", id="no-time"),
        pytest.param(without("value"), "missing_field", id="no-value"),
        pytest.param(reading(value=float("nan")), "not_a_number", id="nan"),
        pytest.param(reading(value=float("inf")), "not_a_number", id="infinity"),
        pytest.param(reading(value=10**400), "not_a_number", id="out-of-range"),
        pytest.param(reading(value="86.2"), "wrong_type", id="value-as-text"),
        pytest.param(reading(value=None), "wrong_type", id="value-null"),
        pytest.param(reading(value=True), "wrong_type", id="value-boolean"),
        pytest.param(reading(point=7), "wrong_type", id="point-number"),
        pytest.param(reading(unit=7), "wrong_type", id="unit-number"),
        pytest.param(reading(time=1.5), "wrong_type", id="time-with-a-fraction"),
        pytest.param(reading(time=True), "wrong_type", id="time-boolean"),
        pytest.param(reading(time="yesterday"), "wrong_type", id="time-no-moment"),
        pytest.param(reading(time="2025-11-23 10:00:00"), "naive_time", id="time-without-offset"),
        pytest.param(reading(time=-1), "absurd_time", id="time-before-1970"),
        pytest.param(reading(time="1969-12-31T00:00:00Z"), "absurd_time", id="text-before-1970"),
        pytest.param(reading(quality="fine"), "wrong_type", id="unknown-quality"),
        pytest.param(reading(quality=["good"]), "wrong_type", id="quality-list"),
        pytest.param(reading(origin="retained"), "wrong_type", id="unknown-origin"),
        pytest.param(reading(point="half \ud800"), "malformed_json", id="half-a-character"),
        pytest.param("reading", "wrong_type", id="not-an-object"),
    ],
)
def test_a_bad_reading_is_named_and_its_neighbours_are_kept(bad: object, reason: str) -> None:
    decoded, problems = decode(payload(reading(value=1.0), bad, reading(value=3.0)))
    assert [one.value for one in decoded] == [1.0, 3.0]
    assert [problem.reason for problem in problems] == [reason]
    assert problems[0].detail.startswith("Reading 2: ")
    assert problems[0].detail.encode()  # fit for storing


def test_a_time_beyond_every_calendar_is_kept_for_the_gate_as_far_ahead() -> None:
    (decoded,), problems = decode(payload(reading(time=NOON_MS * 1_000_000)))
    assert decoded.time > NOON_US * 2
    assert problems == []


moments = st.integers(min_value=0, max_value=253_402_300_799_999)
good_readings = st.fixed_dictionaries(
    {
        "point": st.text(st.characters(exclude_categories=["Cs"])),
        "time": moments,
        "value": st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63),
    },
    optional={
        "unit": st.none() | st.text(st.characters(exclude_categories=["Cs"])),
        "quality": st.sampled_from(["good", "invalid", "not_topical"]),
        "origin": st.sampled_from(["live", "history"]),
    },
)


@given(st.lists(good_readings, max_size=5))
def test_the_slow_way_reads_good_payloads_like_the_fast_one(rows: list[dict[str, object]]) -> None:
    raw = payload(*rows)
    assert take_apart(raw) == decode(raw)
    assert len(decode(raw).readings) == len(rows)


@given(
    st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "ignore"))
)
def test_no_bytes_at_all_raise(raw: bytes) -> None:
    decoded, problems = decode(raw)
    assert problems or msgspec.json.decode(raw)["readings"] == decoded


@pytest.mark.parametrize("correlation", [None, COMMAND.bytes])
def test_a_reply_is_read(correlation: bytes | None) -> None:
    raw = json.dumps({"command_id": str(COMMAND), "outcome": "refused", "detail": "door open"})
    assert decode_reply(raw.encode(), correlation) == Reply(
        COMMAND, ReplyOutcome.REFUSED, "door open"
    )


@pytest.mark.parametrize(
    ("raw", "correlation"),
    [
        pytest.param(b"{", None, id="no-json"),
        pytest.param(b'{"command_id":"7","outcome":"done"}', None, id="no-uuid"),
        pytest.param(b'{"command_id":"%s"}' % str(COMMAND).encode(), None, id="no-outcome"),
        pytest.param(
            b'{"command_id":"%s","outcome":"maybe"}' % str(COMMAND).encode(), None, id="bad-outcome"
        ),
        pytest.param(
            b'{"command_id":"%s","outcome":"done"}' % str(COMMAND).encode(),
            bytes(16),
            id="correlation-of-another-command",
        ),
    ],
)
def test_a_reply_that_cannot_be_used_says_so(raw: bytes, correlation: bytes | None) -> None:
    refused = decode_reply(raw, correlation)
    assert isinstance(refused, Problem)
    assert refused.reason == "malformed_reply"
