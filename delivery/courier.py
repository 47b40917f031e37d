"""Carries the notices of one channel: level 1 at once, the others within what the channel and a person
can take.

A thread for each channel: one that hangs holds up no other, no siren and no record. What is held back
goes out in one digest per person. Each person's notices keep their order, but for level 1, which never
waits behind another. At least once: after a kill between sending and noting it, the same message with the
same notices goes out again under its number, which a receiver can know it by.
"""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

import structlog

from delivery.notice_messages import Writer
from domain.assets import Priority
from domain.clock import SECOND_US, Clock, system_clock
from domain.ids import PersonId
from domain.notices import Attempt, Channel, Message, Notice, NoticePlan, NoticeState
from domain.ports import (
    Counters,
    NoticeQueue,
    NoticeRefused,
    NoticeSender,
    ReceiverAway,
    StorageUnavailable,
)

log = structlog.get_logger(__name__)

LOOK_EVERY_S: Final = 1.0
LEASE_US: Final = 120 * SECOND_US  # longer than a receiver may hang
DIGEST_FROM: Final = 3  # so many for one person at one moment are one message
FOR_LEVEL_1: Final = 5  # of what a channel may send in a minute
FIRST_RETRY_S, LAST_RETRY_S = 1.0, 15.0
_A_MINUTE_S: Final = 60.0


class Courier:
    """`start` it, or let a test call `run_due`."""

    def __init__(
        self,
        channel: Channel,
        sender: NoticeSender,
        queue: NoticeQueue,
        plan: NoticePlan,
        *,
        key: Callable[[], bytes],
        counters: Counters,
        language: str = "zh-CN",
        clock: Clock = system_clock,
        monotonic: Callable[[], float] = time.monotonic,
        may_send: Callable[[], bool] = lambda: True,
        on_change: Callable[[int], None] = lambda count: None,
    ) -> None:
        """`may_send`: of several workers one does; `on_change` hears how many notices changed."""
        self.channel = channel
        self._sender = sender
        self._queue = queue
        self._plan = plan
        self._key = key
        self._counters = counters
        self._language = language
        self._clock = clock
        self._monotonic = monotonic
        self._may_send = may_send
        self._on_change = on_change
        self._writer: Writer | None = None
        self._sent_at: deque[float] = deque()  # of the last minute, by this channel
        self._told_at: defaultdict[PersonId, deque[float]] = defaultdict(deque)
        self._refused: set[PersonId] = set()  # in this run
        self._away_until = 0.0
        self._retry_s = FIRST_RETRY_S
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(
            target=self._run, name=f"notices:{channel.channel_id}", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """What is not sent yet stays in the records."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def wake(self) -> None:
        """There is something new."""
        self._wake.set()

    def run_due(self) -> int:
        """Sends what may leave now; how many notices changed. Raises StorageUnavailable."""
        if not self._may_send():
            return 0
        now_us = self._clock()
        found = self._queue.queued(self.channel.channel_id, now_us)
        changed = self._move_on(found, now_us)
        if self._monotonic() < self._away_until:
            return changed
        staying = [each for each in found if self._next_channel(each, now_us) is None]
        self._refused.clear()
        for bundle in self._bundles(staying, now_us):
            if self._overtakes(bundle[0]):
                continue
            try:
                changed += self._deliver(bundle)
            except ReceiverAway as error:
                self._goes_away(error)
                return changed + len(bundle)
        return changed

    def _run(self) -> None:
        while not self._stopping:
            changed = 0
            try:
                changed = self.run_due()
            except StorageUnavailable as error:
                self._counters.add("notices_unavailable")
                log.warning("notices_wait", channel=self.channel.channel_id, reason=str(error))
            except Exception:
                # without this thread nobody would be told by this channel, and nobody would see it
                self._counters.add("courier_failed")
                log.exception("courier_failed", channel=self.channel.channel_id)
            if changed:
                self._on_change(changed)
            self._wake.wait(LOOK_EVERY_S)
            self._wake.clear()

    # -- what goes together --------------------------------------------------------------------

    def _bundles(self, found: Sequence[Notice], now_us: int) -> list[list[Notice]]:
        """Messages in the making, in the order in which they leave."""
        urgent = [each for each in found if each.level is Priority.URGENT]
        others = [each for each in found if each.level is not Priority.URGENT]
        bundles: list[list[Notice]] = []
        for each in _by_person(urgent):
            if each[0].next_try_us <= now_us:
                bundles += _messages(each)
        kept_waiting = {each.person_id for each in urgent if each.next_try_us > now_us}
        for each in _by_person(others):
            if each[0].next_try_us > now_us or each[0].person_id in kept_waiting:
                continue  # his first one was refused: the later ones do not overtake it
            bundles += _messages(each)
        return bundles

    def _deliver(self, bundle: list[Notice]) -> int:
        """Raises ReceiverAway; then it is noted already."""
        if bundle[0].level is not Priority.URGENT and not self._has_room(bundle[0].person_id):
            self._counters.add("notices_held_back", channel=self.channel.channel_id)
            return 0
        written = self._leased(bundle)
        for notices, message in written:
            if not self._overtakes(notices[0]):
                self._send(notices, message)
        return sum(len(notices) for notices, _ in written)

    def _overtakes(self, notice: Notice) -> bool:
        """An earlier one of this person was refused a moment ago; level 1 waits behind none."""
        return notice.level is not Priority.URGENT and notice.person_id in self._refused

    def _leased(self, bundle: list[Notice]) -> list[tuple[list[Notice], Message]]:
        """The messages of what is still to be sent; nothing where a person or another worker was first."""
        while bundle:
            written = self._messages_of(bundle)
            of_message = {
                message.message_id: [each.notice_id for each in notices]
                for notices, message in written
            }
            now_us = self._clock()
            ours = self._queue.lease(of_message, now_us, now_us + LEASE_US)
            if len(ours) == len(bundle):
                return written
            bundle = [each for each in bundle if each.notice_id in ours]
        return []

    def _messages_of(self, bundle: list[Notice]) -> list[tuple[list[Notice], Message]]:
        """What may have left before keeps its message's id, also if some of it was acknowledged since."""
        writer = self._written()
        alone = len(bundle) == 1
        written = [(bundle, writer.alone(bundle[0]))] if alone else list(writer.together(bundle))
        before = bundle[0].digest_id
        if before is None or len(written) > 1:
            return written
        ((notices, message),) = written
        return [(notices, replace(message, message_id=before))]

    def _send(self, notices: list[Notice], message: Message) -> None:
        channel = self.channel.channel_id
        digest = message.message_id if message.message_id != notices[0].notice_id else None
        try:
            self._sender.send(message)
        except NoticeRefused as error:
            self._counters.add("notice_refused", len(notices), channel=channel)
            log.warning("notice_refused", channel=channel, reason=str(error))
            self._settle(notices, "refused", str(error))
            self._refused.add(notices[0].person_id)
            return
        except ReceiverAway as error:
            self._counters.add("notice_receiver_away", channel=channel)
            may_come_again = message.message_id if error.maybe_taken else None
            self._settle(notices, "unreachable", str(error), may_come_again)
            raise
        self._retry_s = FIRST_RETRY_S
        self._note_sent(notices[0])
        self._counters.add("notices_sent", len(notices), channel=channel)
        self._queue.settle(
            [
                Attempt(
                    notice_id=each.notice_id,
                    at_us=self._clock(),
                    state=NoticeState.SENT,
                    what="digested" if digest else "sent",
                    channel=channel,
                    digest_id=digest,
                )
                for each in notices
            ]
        )

    def _settle(
        self, notices: Sequence[Notice], what: str, words: str, message_id: UUID | None = None
    ) -> None:
        """Not sent: again later, and the longer the more often it failed."""
        at_us = self._clock()
        self._queue.settle(
            [
                Attempt(
                    notice_id=each.notice_id,
                    at_us=at_us,
                    state=NoticeState.QUEUED,
                    what=what,
                    words=words,
                    channel=self.channel.channel_id,
                    digest_id=message_id,
                    next_try_us=at_us + _grown_us(each.attempts),
                )
                for each in notices
            ]
        )

    # -- another way ---------------------------------------------------------------------------

    def _move_on(self, found: Sequence[Notice], now_us: int) -> int:
        """To the person's next channel, what this one has not taken for too long."""
        moved = [
            Attempt(
                notice_id=each.notice_id,
                at_us=now_us,
                state=NoticeState.QUEUED,
                what="moved",
                words=each.error,
                channel=self.channel.channel_id,
                moves_to=wanted,
                next_try_us=now_us,
            )
            for each in found
            if (wanted := self._next_channel(each, now_us)) is not None
        ]
        self._queue.settle(moved)
        return len(moved)

    def _next_channel(self, notice: Notice, now_us: int) -> str | None:
        """Level 1 went out by all of them at once: only the telephone is left."""
        tried = notice.attempts > 0
        since_us = max(notice.created_at_us, notice.not_before_us)
        if not tried or now_us - since_us < self._plan.move_on_after_us:
            return None
        if notice.level is Priority.URGENT:
            return self._plan.last_resort(notice.person_id, self.channel.channel_id)
        return self._plan.next_channel(notice.person_id, self.channel.channel_id)

    # -- how much may leave --------------------------------------------------------------------

    def _has_room(self, person: PersonId) -> bool:
        now = self._monotonic()
        for sent in (self._sent_at, self._told_at[person]):
            while sent and sent[0] <= now - _A_MINUTE_S:
                sent.popleft()
        of_channel = max(1, self.channel.per_minute - FOR_LEVEL_1)
        return (
            len(self._sent_at) < of_channel
            and len(self._told_at[person]) < self._plan.per_person_per_minute
        )

    def _note_sent(self, notice: Notice) -> None:
        now = self._monotonic()
        self._sent_at.append(now)
        if notice.level is not Priority.URGENT:
            self._told_at[notice.person_id].append(now)

    def _goes_away(self, error: ReceiverAway) -> None:
        wait_s = self._retry_s if error.retry_after_s is None else error.retry_after_s
        self._away_until = self._monotonic() + wait_s
        self._retry_s = min(LAST_RETRY_S, self._retry_s * 2)
        log.warning(
            "receiver_away", channel=self.channel.channel_id, reason=str(error), retry_in_s=wait_s
        )

    def _written(self) -> Writer:
        if self._writer is None:
            self._writer = Writer(
                channel=self.channel,
                plan=self._plan,
                key=self._key(),
                largest=self._sender.largest,
                language=self._language,
            )
        return self._writer


def _by_person(notices: Sequence[Notice]) -> list[list[Notice]]:
    """Each person's in their order, the persons by their first."""
    ordered: dict[PersonId, list[Notice]] = {}
    for each in notices:
        ordered.setdefault(each.person_id, []).append(each)
    return list(ordered.values())


def _messages(of_person: Sequence[Notice]) -> list[list[Notice]]:
    """What one person gets now: first each message that may have left already, as it was; the others
    alone, or as one digest."""
    before: dict[UUID, list[Notice]] = {}
    for each in of_person:
        if each.digest_id is not None:
            before.setdefault(each.digest_id, []).append(each)
    others = [each for each in of_person if each.digest_id is None]
    together = [others] if len(others) >= DIGEST_FROM else [[one] for one in others]
    return [*before.values(), *together]


def _grown_us(attempts: int) -> int:
    """The wait after so many attempts before this one."""
    return round(min(LAST_RETRY_S, FIRST_RETRY_S * (1 << min(attempts, 10))) * SECOND_US)
