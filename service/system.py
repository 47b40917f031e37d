"""How the installation is, for people: what core knows of itself and its neighbours, and what it means.

Core tells facts over the local socket; `troubles` makes of them what must be said on every page.
"""

import sqlite3
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from service.health import Check

if TYPE_CHECKING:
    from service.core import AnyCore

BEHIND_AFTER_S: Final = 15.0
SHARE_AT_MOST: Final = 0.8
_SAID_AFTER_US: Final = 2_000_000  # what mends itself at once is no news
_NUMBERS: Final = (
    *("inbox_depth", "unjournalled", "unrecorded", "telemetry_lag", "evaluated_rows"),
    *("journal_seq", "decided_seq", "recorded_seq", "journal_share"),
)


def system_facts(core: "AnyCore", restarts: Mapping[str, int]) -> dict[str, Any]:
    """Numbers that lie ready: no query and no look at a disk."""
    progress, ages_s = core.progress(), core.vitals.ages_s()
    source = progress["source"]
    depth, _ = core.dispatcher.unsent()
    return {
        "at_us": core.clock(),
        "pid": progress["pid"],
        "worker": progress.get("worker", ""),
        "started_at_us": core.vitals.started_at_us,
        "site_version": core.site_version,
        "checks": [_written(check) for check in _neighbours(core, progress, ages_s)],
        "numbers": {name: progress[name] for name in _NUMBERS} | {"outbox_depth": depth},
        "ages_s": ages_s,
        "partitions": _partitions(progress.get("partitions", {}), source["lag"]),
        "dead_letters": _dead_letters(core),
        "restarts": dict(restarts),
        "versions": dict(versions()),
    }


@cache
def versions() -> Mapping[str, str]:
    """Of what this process is made of."""
    from importlib import metadata  # a start after a fault does without

    return {
        "gridwarden": metadata.version("gridwarden"),
        "Python": ".".join(map(str, sys.version_info[:3])),
        "SQLite": sqlite3.sqlite_version,
        "DuckDB": metadata.version("duckdb"),
        "paho-mqtt": metadata.version("paho-mqtt"),
    }


def folder_sizes(data: Path) -> dict[str, int]:
    """Bytes of each part of the data folder, the largest first. Looks at the disk."""
    sizes: dict[str, int] = {}
    for path in sorted(data.glob("*")):
        name = path.name.removesuffix("-wal").removesuffix("-shm").removesuffix(".wal")
        sizes[name] = sizes.get(name, 0) + _bytes_of(path)
    return dict(sorted(((n, s) for n, s in sizes.items() if s), key=lambda pair: -pair[1]))


def _bytes_of(path: Path) -> int:
    total = 0
    for each in [path, *path.rglob("*")] if path.is_dir() else [path]:
        try:
            total += each.stat().st_size if each.is_file() else 0
        except OSError:
            continue  # it went meanwhile
    return total


def _neighbours(
    core: "AnyCore", progress: Mapping[str, Any], ages_s: Mapping[str, float]
) -> list[Check]:
    health = core.vitals.health
    telemetry_s, undecided_s = ages_s["telemetry"], ages_s["undecided"]
    return [
        *health.ready(),
        health.check(
            "telemetry", telemetry_s < BEHIND_AFTER_S, f"is behind by {telemetry_s:.0f} s"
        ),
        health.check(
            "decisions", undecided_s < BEHIND_AFTER_S, f"are behind by {undecided_s:.0f} s"
        ),
        health.check("commands", bool(progress["commands_connected"]), "not connected"),
        health.check(
            "journal_share",
            progress["journal_share"] < SHARE_AT_MOST,
            f"{progress['journal_share']:.0%} of its share of the disk is used",
        ),
    ]


def _written(check: Check) -> dict[str, Any]:
    return {
        "name": check.name,
        "holds": check.holds,
        "why": check.why,
        "since_us": check.since_us,
    }


def _partitions(
    each: Mapping[str, Mapping[str, Any]], lag: Mapping[str, int]
) -> dict[str, dict[str, Any]]:
    return {
        partition: {
            "lag": int(lag.get(partition, 0)),
            "queued": facts["queued"],
            "unrecorded": facts["unrecorded"],
            "telemetry_lag": max(0, facts["journal_seq"] - facts["telemetry_seq"]),
        }
        for partition, facts in each.items()
    }


def _dead_letters(core: "AnyCore") -> dict[str, int]:
    """Since core's start, by reason."""
    counts: dict[str, int] = {}
    for name, labels, count in core.counters.items():
        if name == "dead_letters":
            reason = labels.get("reason", "")
            counts[reason] = counts.get(reason, 0) + count
    return counts


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that people must know on whatever page they are."""

    code: str  # journal, records, telemetry, source, commands, decisions, journal_share, thread, recovered
    detail: str
    since_us: int


def troubles(facts: Mapping[str, Any]) -> Sequence[Trouble]:
    """What does not hold for longer than a moment, the worst first."""
    found = []
    for check in facts["checks"]:
        if check["holds"] or facts["at_us"] - check["since_us"] < _SAID_AFTER_US:
            continue
        code, _, detail = str(check["name"]).partition(":")
        found.append(Trouble(code, detail, int(check["since_us"])))
    return sorted(found, key=lambda trouble: (_ORDER.index(trouble.code), trouble.detail))


_ORDER: Final = (
    *("thread", "recovered", "journal", "decisions", "source", "commands", "records"),
    *("telemetry", "journal_share"),
)
