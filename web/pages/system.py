"""How the installation is: parts and neighbours, queues, partitions, dead letters, processes, folders."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from nicegui import ui

from service.system import folder_sizes
from storage.dead_letters import CountedDeadLetters, KeptDeadLetter
from web.components.figures import Figures
from web.components.table import Column, DataTable, Row
from web.shell import Visit, console_page, trouble_text
from web.words import WORDS

_BEHIND: Final = {"telemetry", "decisions", "journal_share"}
_COUNTS: Final = (
    *("inbox_depth", "unjournalled", "unrecorded", "outbox_depth", "telemetry_lag"),
    *("evaluated_rows", "journal_seq"),
)
_AGES: Final = ("newest", "undecided", "unpassed", "telemetry", "outbox")
_EXCERPT: Final = 300  # characters of a payload
_SIZES_EVERY_S: Final = 30.0


@console_page("/system", "system.title")
async def system_page(visit: Visit) -> None:
    ui.label(visit.say("system.title")).classes("gw-title")
    subtitle = ui.label().classes("gw-soft")
    parts = _parts_table(visit)
    with ui.element("div").classes("gw-grid"):
        with ui.element("div").classes("gw-column"):
            letters = _dead_letters_card(visit)
            partitions = _PartitionsCard(visit)
        with ui.element("div").classes("gw-column"):
            numbers = _figures_card(visit, "system.numbers")
            restarts = _figures_card(visit, "system.processes")
            folders = _figures_card(visit, "system.folders")
            versions = _figures_card(visit, "system.versions")

    def refresh() -> None:
        facts = visit.console.system.facts
        if facts is None:
            subtitle.text = visit.say("system.core_gone")
            return
        subtitle.text = _subtitle(visit, facts)
        parts.show(_part_rows(visit, facts))
        numbers.show(_numbers(visit, facts))
        restarts.show([(name, str(n)) for name, n in sorted(facts["restarts"].items())])
        versions.show(list(facts["versions"].items()))
        partitions.show(visit, facts["partitions"])

    async def look_at_disk() -> None:
        sizes = await asyncio.to_thread(folder_sizes, visit.console.data)
        folders.show([(name, _bytes(size)) for name, size in sizes.items()])

    def count_letters() -> None:
        letters.show([_letters_row(visit, each) for each in visit.console.dead_letters.counted()])

    refresh()
    await look_at_disk()
    count_letters()
    visit.on_change({"system", "system_numbers"}, refresh)
    visit.on_change({"dead_letter"}, count_letters)
    ui.timer(_SIZES_EVERY_S, look_at_disk)


@console_page("/dead-letters/{reason}", "system.dead_letters")
def dead_letters_page(visit: Visit, reason: str) -> None:
    title = visit.say("system.dead_letters_of", reason=reason_word(visit, reason))
    ui.label(title).classes("gw-title")
    ui.label(visit.say("system.replay_how")).classes("gw-soft")
    table = DataTable(
        [
            Column("time", visit.say("system.time")),
            Column("source", visit.say("system.source")),
            Column("replayed", visit.say("system.replayed")),
            Column("topic", visit.say("system.topic"), wide=True),
            Column("detail", visit.say("system.detail"), wide=True),
            Column("payload", visit.say("system.payload"), wide=True),
        ],
        visit.say("system.no_payloads"),
    )

    def refresh() -> None:
        found = visit.console.dead_letters.kept(reason)
        table.show([_letter_row(visit, letter) for letter in found])

    refresh()
    visit.on_change({"dead_letter"}, refresh)


def reason_word(visit: Visit, reason: str) -> str:
    """A reason of another release stays as it is."""
    key = f"system.reason_{reason}"
    return visit.say(key) if key in WORDS else reason


def _subtitle(visit: Visit, facts: Mapping[str, Any]) -> str:
    text = visit.say(
        "system.subtitle",
        pid=facts["pid"],
        since=visit.time(facts["started_at_us"]),
        version=facts["site_version"],
    )
    worker = facts["worker"]
    return f"{text}, {visit.say('system.worker', name=worker)}" if worker else text


def _parts_table(visit: Visit) -> DataTable:
    ui.label(visit.say("system.neighbours")).classes("gw-head")
    return DataTable(
        [
            Column("part", visit.say("system.part")),
            Column("state", visit.say("system.state")),
            Column("since", visit.say("system.since")),
            Column("meaning", visit.say("system.meaning"), wide=True),
        ],
        visit.say("system.core_gone"),
    )


def _part_rows(visit: Visit, facts: Mapping[str, Any]) -> list[Row]:
    """What does not hold first; threads that turn are one line."""
    turning = [each for each in facts["checks"] if each["holds"] and _is_thread(each)]
    others = [each for each in facts["checks"] if each not in turning]
    rows = [
        _part_row(visit, each, facts) for each in sorted(others, key=lambda each: each["holds"])
    ]
    threads = {
        "id": "threads",
        "part": visit.say("system.part_threads"),
        "state": visit.say("system.well"),
        "state_chip": "gw-plain",
        "since": visit.time(max((each["since_us"] for each in turning), default=None)),
        "meaning": visit.say("system.fine_threads", count=len(turning)),
    }
    return [*rows, threads] if turning else rows


def _is_thread(check: Mapping[str, Any]) -> bool:
    return str(check["name"]).startswith("thread:")


def _part_row(visit: Visit, check: Mapping[str, Any], facts: Mapping[str, Any]) -> Row:
    code, _, detail = str(check["name"]).partition(":")
    if check["holds"]:
        state, chip = "well", "gw-plain"
        used = f"{facts['numbers']['journal_share']:.0%}"
        meaning = visit.say(
            f"system.fine_{code}", **({"used": used} if code == "journal_share" else {})
        )
    else:
        state, chip = ("behind", "gw-p2") if code in _BEHIND else ("away", "gw-p1")
        meaning = trouble_text(visit, code, detail)
    return {
        "id": check["name"],
        "part": _part_name(visit, code, detail),
        "state": visit.say(f"system.{state}"),
        "state_chip": chip,
        "since": visit.time(check["since_us"]),
        "meaning": meaning,
    }


def _part_name(visit: Visit, code: str, detail: str) -> str:
    return visit.say(f"system.part_{code}", **({"detail": detail} if detail else {}))


def _figures_card(visit: Visit, title: str) -> Figures:
    with ui.element("div").classes("gw-card"):
        ui.label(visit.say(title)).classes("gw-head")
        return Figures()


def _numbers(visit: Visit, facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    ages = [
        (
            visit.say(f"system.age_{name}"),
            visit.say("system.seconds", value=f"{facts['ages_s'][name]:.1f}"),
        )
        for name in _AGES
    ]
    counts = [(visit.say(f"system.{name}"), f"{facts['numbers'][name]:,}") for name in _COUNTS]
    return [*ages, *counts]


class _PartitionsCard:
    """Seen only where there are partitions."""

    def __init__(self, visit: Visit) -> None:
        self._card = ui.element("div").classes("gw-column")
        with self._card:
            ui.label(visit.say("system.partitions")).classes("gw-head")
            self._table = DataTable(
                [
                    Column("partition", visit.say("system.partition")),
                    Column("lag", visit.say("system.lag")),
                    Column("queued", visit.say("system.queued")),
                    Column("unrecorded", visit.say("system.unrecorded")),
                    Column("telemetry_lag", visit.say("system.telemetry_lag")),
                ],
                "",
            )
        self._card.set_visibility(False)

    def show(self, visit: Visit, partitions: Mapping[str, Mapping[str, int]]) -> None:
        self._card.set_visibility(bool(partitions))
        self._table.show(
            [
                {"id": name, "partition": name, **{key: f"{n:,}" for key, n in facts.items()}}
                for name, facts in sorted(partitions.items(), key=lambda pair: int(pair[0]))
            ]
        )


def _dead_letters_card(visit: Visit) -> DataTable:
    ui.label(visit.say("system.dead_letters")).classes("gw-head")
    return DataTable(
        [
            Column("reason", visit.say("system.reason")),
            Column("source", visit.say("system.source")),
            Column("count", visit.say("system.count")),
            Column("last", visit.say("system.last")),
        ],
        visit.say("system.no_dead_letters"),
        on_open=lambda reason: ui.navigate.to(f"/dead-letters/{reason}"),
    )


def _letters_row(visit: Visit, counted: CountedDeadLetters) -> Row:
    return {
        "id": counted.reason,
        "opens": True,
        "reason": reason_word(visit, counted.reason),
        "source": counted.source_id,
        "count": f"{counted.count:,}",
        "last": visit.time(counted.last_us),
    }


def _letter_row(visit: Visit, letter: KeptDeadLetter) -> Row:
    return {
        "id": letter.number,
        "time": visit.time(letter.letter.at_us),
        "source": letter.letter.source_id,
        "replayed": visit.time(letter.replayed_at_us) or "-",
        "topic": letter.letter.topic,
        "detail": letter.letter.detail,
        "payload": excerpt(letter.letter.payload or b""),
    }


def excerpt(payload: bytes) -> str:
    """Its beginning, as text where it is text."""
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        text = payload[: _EXCERPT // 2].hex(" ")
    whole = "".join(each if each.isprintable() else "·" for each in text)
    return whole if len(whole) <= _EXCERPT else f"{whole[:_EXCERPT]}…"


def _bytes(size: int) -> str:
    value = float(size)
    for unit in ("B", "KiB", "MiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} GiB"
