"""The product's detectors over recorded data, reading by reading, into files that a scorer can judge.

python -m benchmarks.detection --set nab --data DIR --out DIR

| set         | input files under --data                                  | what judges them            |
| nab         | **/*.csv with `timestamp,value`                           | kind rhythm                 |
| skab        | **/*.csv, `;`, `datetime` and the channels                | kind process                |
| transformer | *.csv with `date`, six loads and the oil temperature `OT` | kind thermal                |
| dga         | *.csv with `case,H2,CH4,C2H6,C2H4,C2H2`                   | the combined gas diagnosis  |

Predictions stand under --out at the same relative path. No row sees a later one, and nothing is set per file.
"""

import argparse
import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from detectors.judgement.registry import (
    FITTED,
    Balance,
    Channel,
    Fault,
    Gases,
    Judge,
    Kind,
    build_judge,
    combined,
    fit_boundaries,
)
from detectors.judgement.tick import Tick

_NO_JUDGEMENT: Final = 0.0
_UNITS: Final = {"Temperature": "degC", "Thermocouple": "degC", "OT": "degC"}
_LABELS: Final = {"anomaly", "changepoint"}
_FIRST_ROWS: Final = 20  # that tell how often a recording's rows come

Row = tuple[str, list[float]]


class UnusableRecording(ValueError):
    """An input file that is not of its set's format."""


def rows_of(path: Path, time_column: str, channels: Sequence[str], delimiter: str) -> Iterator[Row]:
    """(time as written, values in the order of `channels`); what is no number is NaN."""
    with path.open(newline="", encoding="utf-8") as file:
        for record in csv.DictReader(file, delimiter=delimiter):
            yield record[time_column], [_number(record[channel]) for channel in channels]


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")


def _columns(path: Path, time_column: str, delimiter: str) -> list[str]:
    with path.open(newline="", encoding="utf-8") as file:
        header = next(csv.reader(file, delimiter=delimiter), [])
    if time_column not in header:
        raise UnusableRecording(f"{path}: no column {time_column}; is this the right --set?")
    return [name for name in header if name != time_column and name not in _LABELS]


def _at_us(text: str) -> int:
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return int(moment.timestamp() * 1_000_000)


def judged(rows: Sequence[Row], judge: Judge) -> Iterator[tuple[str, float, bool]]:
    """(time, score, alarm) of each row: the largest score of its streams."""
    for text, values in rows:
        found = judge.tick(Tick(_at_us(text), np.array(values)))
        score = float(np.max(found.score, initial=_NO_JUDGEMENT))
        yield text, score, bool(found.alarm.any())


def _step_us(rows: Sequence[Row]) -> int:
    """How often the rows come, from the first of them."""
    times = np.array([_at_us(text) for text, _ in rows[:_FIRST_ROWS]])
    return int(np.median(np.diff(times))) if len(times) > 1 else 1_000_000


def _judge_file(
    path: Path, time_column: str, delimiter: str, kind: Kind
) -> list[tuple[str, float, bool]]:
    names = _columns(path, time_column, delimiter)
    rows = list(rows_of(path, time_column, names, delimiter))
    channels = [Channel(name, _UNITS.get(name, "")) for name in names]
    judge = build_judge(kind, channels, _step_us(rows), _balances(names))
    return list(judged(rows, judge))


def _balances(names: Sequence[str]) -> tuple[Balance, ...]:
    """What the high side of a transformer carries, the middle and the low side take."""
    sides = ("HUFL", "MUFL", "LUFL")
    if not all(side in names for side in sides):
        return ()
    high, *others = (names.index(side) for side in sides)
    return (Balance(high, tuple(others)),)


def _write(path: Path, scores: Sequence[tuple[str, float, bool]], decided: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["timestamp", "anomaly_score", *(["is_anomaly"] if decided else [])])
        for text, score, alarm in scores:
            writer.writerow([text, f"{score:.6g}", *([int(alarm)] if decided else [])])


def _streams(
    time_column: str, delimiter: str, kind: Kind, *, decided: bool
) -> Callable[[Path, Path], None]:
    def run(data: Path, out: Path) -> None:
        paths = sorted(data.rglob("*.csv"))
        if not paths:
            raise UnusableRecording(f"no .csv under {data}")
        for path in paths:
            print(path.relative_to(data), file=sys.stderr)
            scores = _judge_file(path, time_column, delimiter, kind)
            _write(out / path.relative_to(data), scores, decided)

    return run


def _read_gases(path: Path) -> list[tuple[str, Gases, frozenset[Fault]]]:
    """(case, gases, right faults); the faults are empty where the file tells none."""
    with path.open(newline="", encoding="utf-8") as file:
        records = list(csv.DictReader(file))
    if not records or not {"case", "H2", "CH4", "C2H6", "C2H4", "C2H2"} <= records[0].keys():
        raise UnusableRecording(f"{path}: needs the columns case, H2, CH4, C2H6, C2H4, C2H2")
    return [
        (
            record["case"],
            Gases(
                h2=float(record["H2"] or 0.0),
                ch4=float(record["CH4"] or 0.0),
                c2h6=float(record["C2H6"] or 0.0),
                c2h4=float(record["C2H4"] or 0.0),
                c2h2=float(record["C2H2"] or 0.0),
            ),
            frozenset(Fault(each) for each in (record.get("fault") or "").split("/") if each),
        )
        for record in records
    ]


def _gases(data: Path, out: Path, folds: int = 0) -> None:
    """With `folds`, each case is answered by edges that were fitted without it."""
    path = data if data.is_file() else data / "dga_cases.csv"
    cases = _read_gases(path)
    answers: dict[str, Fault | None] = {}
    for fold in range(max(folds, 1)):
        # by case number modulo folds: the files stand in the order of fault and source
        inside = [place for place in range(len(cases)) if not folds or place % folds == fold]
        outside = [case[1:] for place, case in enumerate(cases) if place % max(folds, 1) != fold]
        boundaries = fit_boundaries(outside) if folds else FITTED
        answers.update({cases[row][0]: combined(cases[row][1], boundaries) for row in inside})
    out.mkdir(parents=True, exist_ok=True)
    with (out / "dga_cases.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["case", "predicted_fault"])
        writer.writerows((case, answer or "") for case, answer in answers.items())


_RUNS: Final = {
    "nab": _streams("timestamp", ",", Kind.RHYTHM, decided=False),
    "skab": _streams("datetime", ";", Kind.PROCESS, decided=True),
    "transformer": _streams("date", ",", Kind.THERMAL, decided=True),
    "dga": _gases,
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="benchmarks.detection", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--set", choices=sorted(_RUNS), required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=0, help="dga: fit again without each fold")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.folds and chosen.set != "dga":
            raise UnusableRecording("--folds is for --set dga: nothing else is fitted beforehand")
        if chosen.folds:
            _gases(chosen.data, chosen.out, chosen.folds)
        else:
            _RUNS[chosen.set](chosen.data, chosen.out)
    except UnusableRecording as error:
        print(f"cannot judge: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
