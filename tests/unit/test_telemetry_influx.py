"""What becomes of each answer of InfluxDB. The answers are those of a real InfluxDB 2.7.11 or documented."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from domain.ports import StorageUnavailable
from domain.readings import Origin, Readings
from service.counting import Counted
from storage import telemetry_influx
from storage.influx_server import InfluxConfig
from storage.telemetry_influx import InfluxTelemetry
from tests.support.influx import Rejected
from tests.support.series_answers import TAKEN, Asked, Says, SeriesAnswers, series_answers
from tests.support.stored import random_readings, reading

HOUR_US = 3_600_000_000


@dataclass(slots=True)
class Bench:
    """A store, the server it asks, and what it keeps of refusals."""

    server: SeriesAnswers
    store: InfluxTelemetry
    counters: Counted
    rejected: Rejected
    now_s: float = 1_000.0

    def rows_written(self) -> list[str]:
        """Lines of readings in order, in every request."""
        return [
            line
            for each in self.server.written
            for line in each.lines
            if line.startswith("reading,")
        ]


@pytest.fixture
def bench() -> Iterator[Bench]:
    with series_answers() as server:
        config = InfluxConfig(url=server.url, org="油田", bucket="a b&c", token="s3cret")
        counters, rejected = Counted(), Rejected()
        store = InfluxTelemetry(
            config,
            counters,
            rejected,
            monotonic=lambda: made.now_s,
            clock=lambda: 20 * HOUR_US + 5,
        )
        made = Bench(server, store, counters, rejected)
        yield made
        store.close()


def _rows(*rows: tuple[int, int, int, float, int, int]) -> Readings:
    return Readings.from_rows(rows)


def test_rows_go_first_and_the_mark_after_them(bench: Bench) -> None:
    bench.store.of_partition(3).write(_rows(reading(1, 10, 1.5)), 7)
    rows, mark = bench.server.written
    assert rows.lines == ["reading,point=1 value=1.5,quality=0i,origin=0i,arrival=11i 10"]
    assert mark.lines == [
        "reading.upkeep,partition=3 touched=7i 0",
        f"reading.applied,partition=3 seq=7i {20 * HOUR_US}",
    ]
    for asked in (rows, mark):
        assert asked.query == {"org": "油田", "bucket": "a b&c", "precision": "us"}
        assert asked.headers["Authorization"] == "Token s3cret"
        assert asked.headers["Content-Encoding"] == "gzip"
        assert asked.headers["Content-Type"] == "text/plain"


def test_a_large_batch_goes_in_several_requests_and_one_mark(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telemetry_influx, "LINES_IN_ONE_REQUEST", 400)
    bench.store.write(random_readings(1_000), 7)
    assert [len(each.lines) for each in bench.server.written] == [400, 400, 200, 2]


def test_names_reach_flux_as_literals_and_never_as_its_text(bench: Bench) -> None:
    evil = 'x") |> drop(columns: ["_time"]) //'
    config = InfluxConfig(url=bench.server.url, org="o", bucket=evil, token="t", measurement="m")
    store = InfluxTelemetry(config, bench.counters, bench.rejected)
    store.history(7, 10, 20)
    (asked,) = bench.server.asked
    said = json.loads(asked.body)
    assert evil not in said["query"]
    given = {
        each["assignment"]["id"]["name"]: each["assignment"]["init"]["value"]
        for each in said["extern"]["body"]
    }
    assert given == {
        "bucket": evil,
        "measurement": "m",
        "point": "7",
        "start": "10000",
        "stop": "20000",
    }
    store.close()


@pytest.mark.parametrize(
    ("says", "words"),
    [
        pytest.param(
            Says.error(401, "unauthorized access"), "GRIDWARDEN_TELEMETRY__TOKEN", id="401"
        ),
        pytest.param(
            Says.error(403, "insufficient permissions for write"), "insufficient", id="403"
        ),
        pytest.param(
            Says.error(404, 'bucket "a b&c" not found'), "gridwarden telemetry setup", id="404"
        ),
        pytest.param(Says.error(500, "disk full"), "answers 500: disk full", id="500"),
        pytest.param(Says(502, "<html>bad\ngateway</html>"), "<html>bad gateway", id="502-no-json"),
        pytest.param(Says(500), "answers 500: Internal Server Error", id="500-empty"),
    ],
)
def test_what_may_mend_itself_is_tried_again_and_nothing_is_put_aside(
    bench: Bench, says: Says, words: str
) -> None:
    bench.server.to_write = lambda asked: says
    for _ in range(2):
        with pytest.raises(StorageUnavailable, match=words) as told:
            bench.store.write(_rows(reading(1, 10)), 7)
        assert "s3cret" not in str(told.value)
    bench.server.to_write = lambda asked: TAKEN
    bench.store.write(_rows(reading(1, 10)), 7)
    assert bench.rejected.lines == []
    assert bench.counters.snapshot() == {}
    assert bench.server.written[-1].lines[-1].startswith("reading.applied,partition=local seq=7i")


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("retry_after", "wait_s"), [("30", 30), ("0", 1), ("99999", 300), ("Fri, 01 Jan 2027", 10)]
)
def test_a_server_that_asks_for_patience_is_left_alone_for_so_long(
    bench: Bench, status: int, retry_after: str, wait_s: float
) -> None:
    bench.server.to_write = lambda asked: Says.error(
        status, "too many requests", Retry_After=retry_after
    )
    with pytest.raises(StorageUnavailable, match=f"wait for {wait_s} s"):
        bench.store.write(_rows(reading(1, 10)), 7)
    bench.server.to_write = lambda asked: TAKEN
    asked = len(bench.server.asked)
    bench.now_s += wait_s - 0.1
    with pytest.raises(StorageUnavailable, match="asked us to wait"):
        bench.store.write(_rows(reading(1, 10)), 7)
    assert len(bench.server.asked) == asked
    bench.now_s += 0.2
    bench.store.write(_rows(reading(1, 10)), 7)
    assert len(bench.rows_written()) == 2


def test_a_batch_that_is_too_large_is_halved_until_it_fits(bench: Bench) -> None:
    bench.server.to_write = lambda asked: (
        Says.error(413, "request too large") if len(asked.lines) > 30 else TAKEN
    )
    readings = random_readings(100)
    bench.store.write(readings, 7)
    taken = [each for each in bench.server.written if len(each.lines) <= 30]
    lines = [line for each in taken for line in each.lines]
    assert len(lines) == 102
    assert [int(line.rsplit(" ", 1)[1]) for line in lines[:100]] == readings.event_time.tolist()
    assert bench.rejected.lines == []


def test_a_line_that_is_too_large_by_itself_is_put_aside(bench: Bench) -> None:
    bench.server.to_write = lambda asked: (
        Says.error(413, "request too large") if " 13" in "\n".join(asked.lines) else TAKEN
    )
    bench.store.write(_rows(reading(1, 12), reading(1, 13), reading(1, 14)), 7)
    assert [line.rsplit(" ", 1)[1] for line in bench.rejected.lines] == ["13"]
    assert bench.counters.count("telemetry_rejected", reason="too_large") == 1
    assert bench.server.written[-1].lines[-1].startswith("reading.applied")


def test_a_line_that_is_refused_is_found_and_put_aside_and_the_others_stand(bench: Bench) -> None:
    """400: nothing of the request is taken. 422: the rest is, and comes again without harm."""
    bad = {20, 71}

    def answer(asked: Asked) -> Says:
        times = {int(line.rsplit(" ", 1)[1]) for line in asked.lines}
        if asked.lines[0].startswith("reading,") and times & bad:
            return Says.error(400, f"unable to parse '{min(times & bad)}': invalid field format")
        taken.update(times)
        return TAKEN

    taken: set[int] = set()
    bench.server.to_write = answer
    bench.store.write(_rows(*(reading(1, time) for time in range(100))), 7)
    assert sorted(int(line.rsplit(" ", 1)[1]) for line in bench.rejected.lines) == sorted(bad)
    assert all("unable to parse" in reason for reason in bench.rejected.reasons)
    assert taken >= set(range(100)) - bad
    assert bench.counters.count("telemetry_rejected", reason="refused") == 2


def test_a_batch_of_which_all_is_refused_ends_after_a_bounded_search(bench: Bench) -> None:
    bench.server.to_write = lambda asked: (
        TAKEN
        if asked.lines[-1].startswith("reading.applied")
        else Says.error(422, "partial write: field type conflict dropped=1")
    )
    bench.store.write(random_readings(5_000), 7)
    assert len(bench.rejected.lines) == 5_000
    assert len(bench.server.written) < 2 * telemetry_influx.SEARCHES_AT_MOST + 30
    assert bench.counters.count("telemetry_rejected", reason="refused") == 5_000
    bench.store.write(_rows(), 8)  # and it goes on


def test_what_is_older_than_the_bucket_keeps_is_counted_and_not_searched_for(bench: Bench) -> None:
    bench.server.to_write = lambda asked: (
        TAKEN
        if asked.lines[-1].startswith("reading.applied")
        else Says.error(
            422,
            "failure writing points to database: partial write: points beyond retention policy"
            " dropped=12",
        )
    )
    bench.store.write(random_readings(100), 7)
    assert len(bench.server.written) == 2
    assert bench.counters.count("telemetry_rejected", reason="beyond_retention") == 12
    assert bench.rejected.lines == []


def test_an_error_inside_a_good_answer_is_an_error(bench: Bench) -> None:
    bench.server.to_query = lambda asked: Says(
        200, "error,reference\r\nquery terminated: reached time limit,897\r\n"
    )
    with pytest.raises(StorageUnavailable, match="reached time limit"):
        bench.store.history(1, 0, 10)


def test_a_broken_answer_is_an_error(bench: Bench) -> None:
    bench.server.to_query = lambda asked: Says(200, ",result,table,_time\r\n,x\r\n")
    with pytest.raises(StorageUnavailable, match="not understood"):
        bench.store.history(1, 0, 10)


@pytest.mark.parametrize(
    ("time", "value"), [("1970-01-01T00:00:00Z", "high"), ("yesterday", "0"), ("", "")]
)
def test_what_another_program_wrote_in_our_place_is_an_error_in_words(
    bench: Bench, time: str, value: str
) -> None:
    bench.server.to_query = lambda asked: Says(
        200, f",result,table,_time,_value,_field\r\n,_result,0,{time},{value},quality\r\n\r\n"
    )
    with pytest.raises(StorageUnavailable, match="InfluxDB gives"):
        bench.store.history(1, 0, 10)


def test_after_a_fault_the_bucket_is_asked_how_far_it_is(bench: Bench) -> None:
    bench.server.to_query = lambda asked: Says(200, ",result,table,_value\r\n,_result,0,41\r\n\r\n")
    bench.store.write(_rows(reading(1, 10)), 41)
    assert bench.server.written == []  # it is in
    bench.store.write(_rows(reading(1, 10)), 42)
    bench.server.to_write = lambda asked: Says.error(500, "disk full")
    with pytest.raises(StorageUnavailable):
        bench.store.write(_rows(reading(1, 11)), 43)
    # another worker went on meanwhile
    bench.server.to_query = lambda asked: Says(200, ",result,table,_value\r\n,_result,0,50\r\n\r\n")
    bench.server.to_write = lambda asked: TAKEN
    written = len(bench.server.written)
    bench.store.write(_rows(reading(1, 11)), 43)
    assert len(bench.server.written) == written


def test_the_token_stands_in_no_word_about_the_store(bench: Bench) -> None:
    assert "s3cret" not in repr(bench.store._config)


def test_late_rows_are_compared_by_one_question_for_each_hour(bench: Bench) -> None:
    late = [
        reading(point, hour * HOUR_US, 1.0, Origin.HISTORY) for hour in (1, 5) for point in (1, 2)
    ]
    known = ",result,table,_time,_value,_field,point\r\n"
    bench.server.to_query = lambda asked: Says(
        200, known + ",_result,0,1970-01-01T01:00:00Z,0,quality,1\r\n\r\n"
    )
    bench.store._applied[-1] = 0
    bench.store.write(_rows(*late), 7)
    assert len(bench.server.asked) - len(bench.server.written) == 2
    left_out = {(1, HOUR_US)}
    assert {
        (int(line.split("=", 1)[1].split(" ")[0]), int(line.rsplit(" ", 1)[1]))
        for line in bench.rows_written()
    } == {(row[0], row[1]) for row in late} - left_out
