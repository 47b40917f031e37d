"""The table of distances to live parts: a CSV that a site may edit, each figure with its edition and mark."""

import csv
from pathlib import Path
from typing import Final

from domain.assets import Provenance
from domain.distances import Distance, Distances, UnusableDistances

DEFAULT_TABLE: Final = Path(__file__).parent / "distances.csv"


def read_distances(path: Path = DEFAULT_TABLE) -> Distances:
    """Raises UnusableDistances with the line that is wrong."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [
                _row(path, line, cells) for line, cells in enumerate(csv.DictReader(file), start=2)
            ]
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableDistances(f"cannot read {path}: {error}") from error
    return Distances(tuple(rows))


def _row(path: Path, line: int, cells: dict[str, str]) -> Distance:
    try:
        return Distance(
            up_to_kv=float(cells["up_to_kv"]),
            near_m=float(cells["near_m"]),
            working_m=float(cells["working_m"]),
            near_from=_provenance(cells, "near"),
            working_from=_provenance(cells, "working"),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UnusableDistances(
            f"{path} line {line}: {error!r}; see the columns of the table that ships"
        ) from error


def _provenance(cells: dict[str, str], of: str) -> Provenance:
    return Provenance(
        standard=cells[f"{of}_standard"], edition=cells[f"{of}_edition"], mark=cells[f"{of}_mark"]
    )
