"""Recordings: what is read, what is left out and counted, and what is refused."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from domain.clock import from_datetime, to_datetime
from domain.ids import PointKey
from service.recordings import MalformedRecording, Recording, Row
from service.replay import MARK, ForeignFolder, prepare_folder
from service.site.model import RecordingMap

SHANGHAI = ZoneInfo("Asia/Shanghai")
OIL, LOAD = PointKey("1T/oil"), PointKey("1T/load")
COLUMNS = RecordingMap(time_column="date", zone=SHANGHAI, columns={"OT": OIL, "HUFL": LOAD})
HEADER = "date,HUFL,OT\n"


def recording(tmp_path: Path, text: str | bytes) -> Recording:
    path = tmp_path / "recording.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Recording(path, COLUMNS)


def rows_of(recording: Recording) -> list[Row]:
    return list(recording.rows())


def test_a_row_is_read_by_the_map_of_columns_and_the_zone(tmp_path: Path) -> None:
    (row,) = rows_of(recording(tmp_path, HEADER + "2016-07-01 00:00:00,5.827,30.531\n"))

    assert to_datetime(row.time_us).isoformat() == "2016-06-30T16:00:00+00:00"
    assert dict(row.values) == {OIL: 30.531, LOAD: 5.827}


def test_a_time_with_an_offset_keeps_it(tmp_path: Path) -> None:
    (row,) = rows_of(recording(tmp_path, HEADER + "2016-07-01T00:00:00Z,1,2\n"))

    assert to_datetime(row.time_us).isoformat() == "2016-07-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param("2016-07-01 01:00:00,,2\n", "empty_cell", id="empty-cell"),
        pytest.param("2016-07-01 01:00:00,abc,2\n", "not_a_number", id="word"),
        pytest.param("2016-07-01 01:00:00,nan,2\n", "not_a_number", id="nan"),
        pytest.param("2016-07-01 01:00:00,1e999,2\n", "not_a_number", id="beyond-all-numbers"),
    ],
)
def test_a_cell_that_cannot_be_used_is_counted_and_the_rest_of_its_row_used(
    tmp_path: Path, line: str, reason: str
) -> None:
    read = recording(tmp_path, HEADER + line)

    assert [dict(row.values) for row in rows_of(read)] == [{OIL: 2.0}]
    assert read.left_out == {reason: 1}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        pytest.param("yesterday,1,2\n", "not_a_time", id="no-time"),
        pytest.param("1816-07-01 01:00:00,1,2\n", "absurd_time", id="absurd-time"),
        pytest.param("2016-07-01 01:00:00,1\n", "row_too_short", id="short"),
        pytest.param("2016-07-01 02:00:00,8,9\n", "time_repeated", id="repeated-moment"),
    ],
)
def test_a_row_that_cannot_be_used_is_counted_and_the_others_used(
    tmp_path: Path, line: str, reason: str
) -> None:
    good = "2016-07-01 02:00:00,1,2\n"
    read = recording(tmp_path, HEADER + good + line)

    assert [dict(row.values) for row in rows_of(read)] == [{OIL: 2.0, LOAD: 1.0}]
    assert read.left_out == {reason: 1}


def test_a_missing_column_is_one_sentence_that_says_what_to_mend(tmp_path: Path) -> None:
    with pytest.raises(
        MalformedRecording, match=r"has no column OT: it has date, HUFL; mend replay"
    ):
        recording(tmp_path, "date,HUFL\n2016-07-01 00:00:00,1\n")


@pytest.mark.parametrize("content", [b"", b"\n"], ids=["nothing", "a-blank-line"])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(MalformedRecording, match="is empty"):
        recording(tmp_path, content)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MalformedRecording, match="no CSV file in UTF-8"):
        recording(tmp_path, b"\xff\xd8\xff\xe0" * 100)


def test_a_mark_at_the_beginning_as_excel_writes_it_does_no_harm(tmp_path: Path) -> None:
    assert len(rows_of(recording(tmp_path, "\ufeff" + HEADER + "2016-07-01,1,2\n"))) == 1


@pytest.mark.parametrize(
    ("text", "count"), [(HEADER, 0), (HEADER + "a\nb\n", 2), (HEADER + "a\nb", 2)]
)
def test_rows_are_counted_with_and_without_a_last_line_end(
    tmp_path: Path, text: str, count: int
) -> None:
    assert recording(tmp_path, text).count() == count


def test_two_moments_that_differ_by_their_offset_only_are_one(tmp_path: Path) -> None:
    read = recording(tmp_path, HEADER + "2016-07-01T00:00:00+08:00,1,2\n2016-06-30T16:00:00Z,1,2\n")
    (row,) = rows_of(read)

    assert row.time_us == from_datetime(to_datetime(row.time_us))
    assert read.left_out == {"time_repeated": 1}


def test_a_new_folder_is_marked_as_a_replays_own(tmp_path: Path) -> None:
    prepare_folder(tmp_path / "new", Path("ETTh1.csv"))

    assert (tmp_path / "new" / MARK).read_text() == '{"recording": "ETTh1.csv"}\n'


def test_a_folder_of_an_earlier_replay_begins_anew(tmp_path: Path) -> None:
    prepare_folder(tmp_path / "again", Path("ETTh1.csv"))
    (tmp_path / "again" / "records.db").write_text("old")

    prepare_folder(tmp_path / "again", Path("ETTh1.csv"))

    assert [path.name for path in (tmp_path / "again").iterdir()] == [MARK]


def test_a_folder_that_holds_something_else_is_refused_and_untouched(tmp_path: Path) -> None:
    (tmp_path / "records.db").write_text("of the plant")

    with pytest.raises(ForeignFolder, match="holds something else"):
        prepare_folder(tmp_path, Path("ETTh1.csv"))

    assert (tmp_path / "records.db").read_text() == "of the plant"


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")

    with pytest.raises(ForeignFolder, match="is a file"):
        prepare_folder(tmp_path / "data", Path("ETTh1.csv"))
