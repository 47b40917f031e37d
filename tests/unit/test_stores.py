"""From settings to the telemetry store, and what InfluxDB refused beside it."""

from contextlib import closing
from pathlib import Path

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs
from typer.testing import CliRunner

from domain.clock import MINUTE_US
from service.cli import app
from service.counting import Counted
from service.settings import RecordsSettings, Settings, TelemetrySettings
from service.stores import can_be_shared, open_telemetry
from storage.rejected_lines import RejectedLines
from storage.telemetry_duckdb import DuckDbTelemetry
from storage.telemetry_influx import InfluxTelemetry

DAY_US = 24 * 60 * MINUTE_US
INFLUX = TelemetrySettings(url="http://127.0.0.1:9", org="o", bucket="b", token=SecretStr("s3cret"))


def test_without_an_address_it_is_a_file_and_with_one_it_is_influxdb(tmp_path: Path) -> None:
    file = tmp_path / "telemetry.duckdb"
    with closing(open_telemetry(TelemetrySettings(), file, Counted())) as store:
        assert isinstance(store, DuckDbTelemetry)
        assert store.count() == 0
    with closing(open_telemetry(INFLUX, tmp_path / "other.duckdb", Counted())) as store:
        assert isinstance(store, InfluxTelemetry)
    assert [each.name for each in tmp_path.iterdir()] == ["telemetry.duckdb"]


def test_workers_may_share_only_what_servers_hold() -> None:
    postgres = RecordsSettings(url="postgresql://gridwarden@localhost/gridwarden")
    assert can_be_shared(Settings(records=postgres, telemetry=INFLUX))
    assert not can_be_shared(Settings(records=postgres))
    assert not can_be_shared(Settings(telemetry=INFLUX))
    assert not can_be_shared(Settings())


def test_refused_lines_lie_in_the_file_of_their_day_with_the_reason_before_them(
    tmp_path: Path,
) -> None:
    now_us = 20_000 * DAY_US
    keep = RejectedLines(tmp_path / "rejected", clock=lambda: now_us)
    keep(["a b=1 1", "a b=2 2"], "field type conflict")
    now_us += DAY_US
    keep(["c d=1 1"], "too large")
    first, second = sorted((tmp_path / "rejected").iterdir())
    assert (first.name, second.name) == ("2024-10-04.lp", "2024-10-05.lp")
    assert first.read_text() == "# field type conflict\na b=1 1\na b=2 2\n"
    assert second.read_text() == "# too large\nc d=1 1\n"


def test_of_one_day_no_more_is_kept_than_the_bound_across_restarts_too(tmp_path: Path) -> None:
    for _ in range(3):
        keep = RejectedLines(tmp_path, clock=lambda: 0, lines_a_day=5)
        with capture_logs() as logs:
            keep(["x y=1 1"] * 2, "why")
        assert logs[0]["lines"] == 2
    (path,) = tmp_path.iterdir()
    assert path.read_text().count("x y=1 1") == 5


def test_a_folder_that_cannot_be_written_is_told_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "rejected").write_text("a file")
    with capture_logs() as logs:
        RejectedLines(tmp_path / "rejected", clock=lambda: 0)(["x y=1 1"], "why")
    assert [each["event"] for each in logs] == [
        "telemetry_rejected",
        "telemetry_rejected_not_kept",
    ]


def test_setup_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    needless = CliRunner().invoke(app, ["telemetry", "setup"])
    assert (needless.exit_code, "a DuckDB file needs no setup" in needless.output) == (2, True)

    for name, value in {"URL": INFLUX.url, "ORG": "o", "BUCKET": "b", "TOKEN": "s3cret"}.items():
        monkeypatch.setenv(f"GRIDWARDEN_TELEMETRY__{name}", value)
    nobody = CliRunner().invoke(app, ["telemetry", "setup"])
    assert (nobody.exit_code, "nothing answers at http://127.0.0.1:9" in nobody.output) == (1, True)
    assert "s3cret" not in nobody.output
