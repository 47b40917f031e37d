"""The intake: messages in, journal records and the right to acknowledge out.

Its state follows from the records alone: folding the journalled records into a fresh intake gives the
one that wrote them. So a checkpoint may be taken when everything absorbed is in the journal, and a
batch may be acknowledged when it and every batch before it is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from domain.assets import ActiveLimits
from domain.clock import SECOND_US, to_datetime
from domain.ids import DeviceId, SourceId
from domain.ports import Counters
from domain.readings import Origin, Quality, Readings
from domain.records import (
    ClockRebased,
    DeadLetter,
    DeviceReplied,
    LimitsActivated,
    ReadingsArrived,
    Receipts,
    Record,
)
from ingest.decode.canonical_json import LARGEST_BYTES, Problem, Reading, decode, quoted
from ingest.decode.device_replies import Reply, decode_reply
from ingest.gate import Gate
from ingest.messages import AckToken, Message
from ingest.receipts import ReceiptMemory, digest_of

KEPT_OF_TOO_LARGE: Final = 4_096
ABSURD_BEFORE_US: Final = 946_684_800 * SECOND_US  # 2000-01-01
_DAY_US: Final = 86_400 * SECOND_US
_QUALITY: Final = {quality.name.lower(): int(quality) for quality in Quality}
_ORIGIN: Final = {"live": int(Origin.LIVE), "history": int(Origin.HISTORY)}
_NO_POINT: Final = -1
_FORMAT: Final = 1  # of the stored state


class UnreadableIntake(ValueError):
    """A stored intake that does not fit this program; start from an older one, or the journal."""


@dataclass(slots=True)
class Batch:
    """Records to journal together, and what may be acknowledged when they are."""

    records: list[Record] = field(default_factory=list)
    tokens: list[AckToken] = field(default_factory=list)


class DeadLetterBound:
    """How many dead letters of a reason keep their payload on one day (UTC)."""

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self.day = 0
        self.counts: dict[str, int] = {}

    def count(self, reason: str, at_us: int) -> bool:
        """Counts one more; whether it is still within the bound."""
        day = at_us // _DAY_US
        if day > self.day:  # a clock that steps back over midnight must not open the bound again
            self.day = day
            self.counts = {}
        self.counts[reason] = self.counts.get(reason, 0) + 1
        return self.counts[reason] <= self._bound


class Intake:
    """Everything of one source. One thread."""

    def __init__(
        self,
        site: str,
        source_id: SourceId,
        limits: ActiveLimits,
        counters: Counters,
        dead_letter_bound: int = 10_000,
        *,
        recording: Callable[[int], int] | None = None,
    ) -> None:
        """`recording` takes the newest event time of a message and gives the moment of its arrival: the
        clock of a replay. Without it a message arrives when it arrives."""
        self._source_id = source_id
        self._counters = counters
        self._recording = recording
        self._telemetry_prefix = f"gridwarden/{site}/telemetry/"
        self._device_prefix = f"gridwarden/{site}/device/"
        self._gate = Gate(source_id, counters)
        self._receipts = ReceiptMemory()
        self._dead_letters = DeadLetterBound(dead_letter_bound)
        self._number_of: dict[tuple[str, str | None], int] = {}
        self.activate(limits)

    def activate(self, limits: ActiveLimits) -> None:
        """From here on these points are known. Also called for a LimitsActivated that passes."""
        ours = [point for point in limits.points if point.source_id == self._source_id]
        # a reading may leave the unit out; what it says must be the point's
        self._number_of = {(point.key, point.unit): point.number for point in ours}
        self._number_of |= {(point.key, None): point.number for point in ours}
        self._unit_of = {str(point.key): point.unit for point in ours}
        self._gate.make_room(1 + max((point.number for point in ours), default=-1))

    def absorb(self, items: Sequence[Message | Record]) -> Batch:
        """In order: other records stay where they are, and the messages between two of them become one
        group of readings, followed by their dead letters and device replies."""
        batch = Batch()
        run = _Run()
        for item in items:
            if isinstance(item, Message):
                if run.messages and run.messages[0].session != item.session:
                    run = self._close(run, batch)  # receipts belong to one session
                self._take_in(item, run, batch)
            else:
                run = self._close(run, batch)
                if isinstance(item, LimitsActivated):
                    self.activate(item.limits)
                batch.records.append(item)
        self._close(run, batch)
        return batch

    def replay(self, record: Record) -> None:
        """Fold in a record that `absorb` gave before."""
        match record:
            case ReadingsArrived(source_id=self._source_id):
                # where older records are gone, so may be the limits that named these points
                self._gate.make_room(1 + int(record.readings.point.max(initial=-1)))
                self._gate.replay(record.readings)
                self._receipts.replay(record.receipts)
            case ClockRebased(source_id=self._source_id):
                self._gate.make_room(1 + record.point)
                self._gate.replay_rebase(record.point, record.to_us)
            case DeadLetter(source_id=self._source_id):
                self._dead_letters.count(record.reason, record.at_us)
                self._receipts.replay(record.receipts)
            case DeviceReplied():
                self._receipts.replay(record.receipts)
            case LimitsActivated():
                self.activate(record.limits)

    def arrays(self) -> dict[str, NDArray[Any]]:
        gate = {f"gate_{name}": array for name, array in self._gate.arrays().items()}
        return {**gate, "receipts": self._receipts.array()}

    def meta(self) -> dict[str, Any]:
        """The rest of the state, fit for JSON."""
        return {
            "format": _FORMAT,
            "session": self._receipts.session,
            "day": self._dead_letters.day,
            "dead_letters": dict(sorted(self._dead_letters.counts.items())),
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
        """What `arrays` and `meta` told. Raises UnreadableIntake, and then is as it was."""
        if meta.get("format") != _FORMAT:
            raise UnreadableIntake(f"intake state of format {meta.get('format')!r}")
        have = self._gate.arrays()
        try:
            gate = {name: arrays[f"gate_{name}"] for name in have}
            receipts, session = arrays["receipts"], str(meta["session"])
            day, counts = int(meta["day"]), dict(meta["dead_letters"])
        except (KeyError, TypeError, ValueError) as error:
            raise UnreadableIntake(f"intake state cannot be read: {error!r}") from error
        self._gate.restore(gate)
        self._gate.make_room(len(have["clock"]))  # points that are newer than the checkpoint
        self._receipts.restore(session, receipts)
        self._dead_letters.day = day
        self._dead_letters.counts = counts

    def keeps(self, reason: str, at_us: int) -> bool:
        """Counts one more dead letter of this reason; whether its payload is within the day's bound."""
        return self._dead_letters.count(reason, at_us)

    @property
    def session(self) -> str:
        """The broker session of the newest receipt: what the source should try to resume."""
        return self._receipts.session

    def _take_in(self, message: Message, run: "_Run", batch: Batch) -> None:
        digest = None
        if message.token is not None:
            batch.tokens.append(message.token)
            digest = digest_of(message)
            if message.dup and self._receipts.holds(message, digest):
                self._counters.add("redelivered", source=self._source_id)
                return
            self._receipts.remember(message, digest)
        run.add(message, digest)
        if len(message.payload) > LARGEST_BYTES:
            detail = f"The payload has {len(message.payload)} bytes; {LARGEST_BYTES} are the most."
            run.refuse(Problem("too_large", detail))
        elif message.topic.startswith(self._telemetry_prefix):
            decoded = decode(message.payload)
            if self._recording and decoded.readings:
                newest = max(reading.time for reading in decoded.readings)
                message.arrival_us = self._recording(newest)
            run.read(decoded.readings)
            for problem in decoded.problems:
                run.refuse(problem)
        else:
            self._take_in_reply(message, run)

    def _take_in_reply(self, message: Message, run: "_Run") -> None:
        device_id = self._replying_device(message.topic)
        if device_id is None:
            run.refuse(Problem("unknown_topic", "Nothing of ours is said on this topic."))
            return
        match decode_reply(message.payload, message.correlation_data):
            case Reply() as reply:
                run.reply(device_id, reply)
            case Problem() as problem:
                run.refuse(problem)

    def _replying_device(self, topic: str) -> DeviceId | None:
        device, slash, word = topic.removeprefix(self._device_prefix).partition("/")
        if not topic.startswith(self._device_prefix) or (slash, word) != ("/", "reply"):
            return None
        return DeviceId(device) if device else None

    def _close(self, run: "_Run", batch: Batch) -> "_Run":
        """The records of a run of messages; a fresh run."""
        if not run.messages:
            return run
        readings, owner = self._columns(run)
        usable = self._usable(run, readings, owner)
        if not usable.all():
            readings, owner = readings.take(usable), owner[usable]
        grouped = run.grouped(owner)
        self._add_group(run, readings, grouped, batch)
        self._add_others(run, grouped, batch)
        return _Run()

    def _columns(self, run: "_Run") -> tuple[Readings, NDArray[np.intp]]:
        """The readings as columns, points looked up, and for each the message that it came in."""
        said = run.readings
        count = len(said)
        number_of = self._number_of.get
        owner = np.repeat(np.arange(len(run.counts)), run.counts)
        arrival = np.array([message.arrival_us for message in run.messages], np.int64)
        retained = np.array([message.retain for message in run.messages], np.bool_)
        origin = np.fromiter([_ORIGIN[reading.origin] for reading in said], np.uint8, count)
        numbers = [number_of((reading.point, reading.unit), _NO_POINT) for reading in said]
        readings = Readings(
            point=np.array(numbers, np.int32),
            event_time=np.fromiter([reading.time for reading in said], np.int64, count),
            arrival_time=arrival[owner],
            value=np.fromiter([reading.value for reading in said], np.float64, count),
            quality=np.fromiter([_QUALITY[reading.quality] for reading in said], np.uint8, count),
            origin=np.where(retained[owner], np.uint8(Origin.STATE), origin),
        )
        return readings, owner

    def _usable(
        self, run: "_Run", readings: Readings, owner: NDArray[np.intp]
    ) -> NDArray[np.bool_]:
        unknown = readings.point == _NO_POINT
        absurd = (readings.event_time < ABSURD_BEFORE_US) & (readings.origin == Origin.LIVE)
        for row in np.flatnonzero(unknown | absurd).tolist():
            said = run.readings[row]
            problem = self._not_ours(said) if unknown[row] else _absurd_time(said)
            run.others.append((int(owner[row]), problem))
        usable: NDArray[np.bool_] = ~(unknown | absurd)
        return usable

    def _not_ours(self, said: Reading) -> Problem:
        unit = self._unit_of.get(said.point)
        if unit is None:
            return Problem("unknown_point", f"Point {quoted(said.point)} is not of this source.")
        detail = f"Point {quoted(said.point)} is in {unit!r}, not in {quoted(said.unit or '')}."
        return Problem("wrong_unit", detail)

    def _add_group(
        self, run: "_Run", readings: Readings, grouped: NDArray[np.bool_], batch: Batch
    ) -> None:
        if not grouped.any():
            return
        receipts = run.receipts(np.flatnonzero(grouped).tolist())
        pieces = self._gate.admit(readings)
        if not pieces and receipts.packet_ids:
            pieces = [readings.take(np.zeros(len(readings), np.bool_))]
        newest = max(message.arrival_us for message in run.messages)
        for number, piece in enumerate(pieces, start=1):
            if isinstance(piece, ClockRebased):
                batch.records.append(piece)
                continue
            # an earlier piece must not claim to know what the next one still has to say
            last = number == len(pieces)
            at_us = newest if last else int(piece.arrival_time.max())
            batch.records.append(
                ReadingsArrived(
                    at_us=at_us, source_id=self._source_id, readings=piece, receipts=receipts
                )
            )
            receipts = Receipts()

    def _add_others(self, run: "_Run", grouped: NDArray[np.bool_], batch: Batch) -> None:
        run.others.sort(key=itemgetter(0))
        for index, group in groupby(run.others, key=itemgetter(0)):
            receipts = Receipts() if grouped[index] else run.receipts([index])
            for thing in _one_per_reason([thing for _, thing in group]):
                batch.records.append(self._record(run.messages[index], thing, receipts))
                receipts = Receipts()

    def _record(
        self, message: Message, thing: "Problem | _DeviceReply", receipts: Receipts
    ) -> Record:
        if isinstance(thing, Problem):
            return self._dead_letter(message, thing, receipts)
        return DeviceReplied(
            at_us=message.arrival_us,
            device_id=thing.device_id,
            command_id=thing.reply.command_id,
            outcome=thing.reply.outcome,
            detail=thing.reply.detail,
            receipts=receipts,
        )

    def _dead_letter(self, message: Message, problem: Problem, receipts: Receipts) -> DeadLetter:
        self._counters.add("dead_letters", source=self._source_id, reason=problem.reason)
        payload: bytes | None = message.payload
        if problem.reason == "too_large":
            payload = message.payload[:KEPT_OF_TOO_LARGE]
        if not self._dead_letters.count(problem.reason, message.arrival_us):
            payload = None
        return DeadLetter(
            at_us=message.arrival_us,
            source_id=self._source_id,
            reason=problem.reason,
            detail=problem.detail,
            topic=message.topic,
            payload=payload,
            receipts=receipts,
        )


@dataclass(frozen=True, slots=True)
class _DeviceReply:
    device_id: DeviceId
    reply: Reply


class _Run:
    """Messages between two other records, as they come in."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.digests: list[bytes | None] = []  # None with QoS 0
        self.readings: list[Reading] = []
        self.counts: list[int] = []  # readings per message
        self.others: list[tuple[int, Problem | _DeviceReply]] = []  # with the message's place

    def add(self, message: Message, digest: bytes | None) -> None:
        self.messages.append(message)
        self.digests.append(digest)
        self.counts.append(0)

    def read(self, readings: list[Reading]) -> None:
        self.readings += readings
        self.counts[-1] = len(readings)

    def refuse(self, problem: Problem) -> None:
        self.others.append((len(self.messages) - 1, problem))

    def reply(self, device_id: DeviceId, reply: Reply) -> None:
        self.others.append((len(self.messages) - 1, _DeviceReply(device_id, reply)))

    def grouped(self, owner: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Which messages the group of readings stands for: those with a usable reading, and those that
        would otherwise leave no record."""
        grouped = np.bincount(owner, minlength=len(self.messages)) > 0
        silent = np.ones(len(self.messages), np.bool_)
        silent[[index for index, _ in self.others]] = False
        return grouped | silent

    def receipts(self, indices: list[int]) -> Receipts:
        known = [index for index in indices if self.digests[index] is not None]
        if not known:
            return Receipts()
        return Receipts(
            session=self.messages[known[0]].session,
            packet_ids=tuple([self.messages[index].packet_id for index in known]),
            digests=tuple([digest for index in known if (digest := self.digests[index])]),
        )


def _one_per_reason(things: list[Problem | _DeviceReply]) -> list[Problem | _DeviceReply]:
    """One dead letter per reason: a message of a hundred unknown points is one letter, not a hundred."""
    problems: dict[str, list[Problem]] = {}
    for thing in things:
        if isinstance(thing, Problem):
            problems.setdefault(thing.reason, []).append(thing)
    letters: list[Problem | _DeviceReply] = [
        thing for thing in things if not isinstance(thing, Problem)
    ]
    return letters + [_summed_up(same) for same in problems.values()]


def _summed_up(same: list[Problem]) -> Problem:
    first = same[0]
    if len(same) == 1:
        return first
    return Problem(first.reason, f"{first.detail} And {len(same) - 1} more readings like it.")


def _absurd_time(said: Reading) -> Problem:
    when = to_datetime(said.time).isoformat()
    return Problem("absurd_time", f"Point {quoted(said.point)} is live with the time {when}.")
