"""`gridwarden replay` against twenty lines of pandas that know nothing of our engine."""

import json
import math
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from service.broker import LocalBroker

ROOT = Path(__file__).parents[2]
SITE = ROOT / "examples" / "ett-replay"
RULES = {"H": (35.0, 2.0, 2, 1), "HH": (40.0, 2.0, 1, 1)}  # limit, deadband, on, off in hours

Alarm = tuple[str, str, str | None]  # condition, start, end


def expected_alarms(recording: Path) -> set[Alarm]:
    """Sample and hold: a value stands until the next row; a delay that ends as a row comes has ended."""
    rows = pd.read_csv(recording, parse_dates=["date"])
    moments = [moment.tz_localize("Asia/Shanghai") for moment in rows["date"]]
    alarms: set[Alarm] = set()
    for condition, (limit, deadband, on_h, off_h) in RULES.items():
        start: pd.Timestamp | None = None
        returned: pd.Timestamp | None = None
        raised = False
        for moment, celsius in zip(moments, rows["OT"], strict=True):
            if start and moment >= start + pd.Timedelta(hours=on_h):
                raised = True
            if start and returned and moment >= returned + pd.Timedelta(hours=off_h):
                alarms.add((condition, start.isoformat(), returned.isoformat()))
                start, returned, raised = None, None, False
            if raised:
                returned = (returned or moment) if celsius <= limit - deadband else None
            else:
                start = (start or moment) if celsius >= limit else None
        if raised and start:
            alarms.add((condition, start.isoformat(), None))
    return alarms


def replayed(recording: Path, data: Path, *more: str) -> subprocess.CompletedProcess[str]:
    arguments = ["replay", str(recording), "--site", str(SITE), "--data", str(data), "--json"]
    return subprocess.run(
        [sys.executable, "-m", "service.cli", *arguments, *more],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def alarms_of(run: subprocess.CompletedProcess[str]) -> set[Alarm]:
    assert run.returncode == 0, run.stderr
    found = [json.loads(line) for line in run.stdout.splitlines()]
    return {(alarm["condition"], alarm["started_at"], alarm["ended_at"]) for alarm in found}


def write_recording(path: Path, hours: int) -> Path:
    """A year's wave, a day's wave and some noise: crosses both limits now and then."""
    chance = random.Random(7)
    moments = pd.date_range("2016-07-01", periods=hours, freq="h")
    lines = ["date,HUFL,HULL,MUFL,MULL,LUFL,LULL,OT"]
    for hour, moment in enumerate(moments):
        oil = (
            33
            + 6 * math.sin(hour / 24 * 2 * math.pi)
            + 3 * math.sin(hour / 97)
            + chance.gauss(0, 1)
        )
        lines.append(f"{moment},5.1,2.0,1.6,0.4,4.2,1.3,{oil:.3f}")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_every_alarm_begins_and_ends_as_plain_pandas_says(tmp_path: Path) -> None:
    recording = write_recording(tmp_path / "recording.csv", hours=1_500)
    expected = expected_alarms(recording)

    assert len(expected) > 50
    assert alarms_of(replayed(recording, tmp_path / "data")) == expected


def test_the_real_transformer_gives_more_than_twenty_alarms_as_pandas_says(
    tmp_path: Path, broker: LocalBroker
) -> None:
    recording = Path(
        os.environ.get("GRIDWARDEN_TEST_ETT", ROOT.parent / "shared" / "data" / "ett" / "ETTh1.csv")
    )
    if not recording.is_file():
        pytest.skip("ETTh1.csv: give its place in GRIDWARDEN_TEST_ETT (project ETDataset)")

    address = f"{broker.host}:{broker.port}"
    alarms = alarms_of(replayed(recording, tmp_path / "data", "--broker", address))

    assert len(alarms) > 20
    assert alarms == expected_alarms(recording)


def test_a_replay_into_a_folder_of_its_own_can_be_repeated(tmp_path: Path) -> None:
    recording = write_recording(tmp_path / "recording.csv", hours=300)

    first = alarms_of(replayed(recording, tmp_path / "data"))

    assert alarms_of(replayed(recording, tmp_path / "data")) == first


def test_bad_cells_are_counted_and_a_replay_ends_all_the_same(tmp_path: Path) -> None:
    recording = write_recording(tmp_path / "recording.csv", hours=300)
    lines = recording.read_text().splitlines()
    lines[5] = lines[5].replace("5.1,", "abc,")
    lines[9] = "no time" + lines[9]
    recording.write_text("\n".join(lines))

    run = replayed(recording, tmp_path / "data")

    assert run.returncode == 0
    assert "not_a_number 1" in run.stderr
    assert "not_a_time 1" in run.stderr


def test_a_point_that_is_not_in_the_first_row_is_not_silent_since_1970(tmp_path: Path) -> None:
    recording = write_recording(tmp_path / "recording.csv", hours=10)
    lines = recording.read_text().splitlines()
    # HUFL comes late, within its three hours; HULL never
    lines[1:3] = [line.replace("5.1,", ",") for line in lines[1:3]]
    lines[1:] = [line.replace(",2.0,", ",,") for line in lines[1:]]
    recording.write_text("\n".join(lines) + "\n")

    run = replayed(recording, tmp_path / "data")

    assert run.returncode == 0, run.stderr
    found = [json.loads(line) for line in run.stdout.splitlines()]
    silent = [alarm for alarm in found if alarm["condition"] == "silence"]
    assert [(alarm["point"], alarm["started_at"], alarm["raised_at"]) for alarm in silent] == [
        ("ETT/1T/HULL", "2016-07-01T00:00:00+08:00", "2016-07-01T03:00:00+08:00")
    ]


def test_a_recording_without_one_usable_row_fails_with_the_reasons(tmp_path: Path) -> None:
    recording = tmp_path / "recording.csv"
    recording.write_text("date,HUFL,HULL,MUFL,MULL,LUFL,LULL,OT\nnever,1,2,3,4,5,6,7\n")

    run = replayed(recording, tmp_path / "data")

    assert run.returncode == 2
    assert "has no usable row: not_a_time 1" in run.stderr


def test_a_folder_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    recording = write_recording(tmp_path / "recording.csv", hours=2)

    run = replayed(recording, tmp_path)

    assert run.returncode == 2
    assert "holds something else" in run.stderr


def test_a_site_that_core_refuses_ends_the_replay_with_its_words(tmp_path: Path) -> None:
    site = Path(shutil.copytree(SITE, tmp_path / "site"))
    second = (site / "sources" / "recording.yaml").read_text("utf-8")
    second = second.replace("id: recording", "id: second").replace("gridwarden-rec", "second-rec")
    (site / "sources" / "second.yaml").write_text(second, "utf-8")
    recording = write_recording(tmp_path / "recording.csv", hours=2)

    run = replayed(recording, tmp_path / "data", "--site", str(site))

    assert run.returncode == 1
    assert "one source" in run.stderr
