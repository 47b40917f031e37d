"""Notices in SQL: what waits for a channel, what became of it, and what the console shows of it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import Engine, RowMapping, Select, bindparam, case, func, select, update

from domain.ids import AssetId, PersonId, ZoneId
from domain.notices import Attempt, Escalation, Notice, NoticeEntry, NoticeState
from storage.deadlines import Claimed
from storage.engines import reading, writing
from storage.escalation_rows import WAITING, entry, escalation, may_be_taken, notice, put_entries
from storage.notice_tables import escalations, notice_entries, notices
from storage.ownership import Owners
from storage.tables import deadlines, incidents, journal_keys
from storage.text import writable

T = TypeVar("T")

KEY_NAME: Final = "notices"
_QUEUED: Final = NoticeState.QUEUED.value


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeFilter:
    """Empty collections mean everything."""

    states: Collection[NoticeState] = ()
    channels: Collection[str] = ()
    person: str = ""  # a part of the name
    incident_id: UUID | None = None
    asset_ids: Collection[AssetId] | None = None  # None: every asset


class SqlNotices:
    """Implements domain.ports.NoticeQueue. Raises StorageUnavailable where the database does not answer."""

    def __init__(self, engine: Engine, worker: str = "") -> None:
        """`worker`: who sends, so that nobody else does at the same time."""
        self._engine = engine
        self._worker = worker

    def queued(self, channel: str, now_us: int, limit: int = 500) -> list[Notice]:
        """Level 1 first, then in the order of decision; not what waits for somebody's hours."""
        query = (
            select(notices)
            .where(
                notices.c.state == _QUEUED,
                notices.c.channel == writable(channel),
                notices.c.not_before_us <= now_us,
                may_be_taken(self._worker, now_us),
            )
            .order_by(case((notices.c.level == 1, 0), else_=1), notices.c.number)
            .limit(limit)
        )
        return self._all(query, notice)

    def lease(
        self, messages: Mapping[UUID, Collection[UUID]], now_us: int, until_us: int
    ) -> frozenset[UUID]:
        """Those that are ours to send until then; another sender may have been first, or a person."""
        leased: set[UUID] = set()
        with writing(self._engine) as connection:
            for message_id, ids in messages.items():
                statement = (
                    update(notices)
                    .where(
                        notices.c.notice_id.in_(list(ids)),
                        notices.c.state == _QUEUED,
                        may_be_taken(self._worker, now_us),
                    )
                    .values(
                        sender=writable(self._worker), lease_until_us=until_us, digest_id=message_id
                    )
                    .returning(notices.c.notice_id)
                )
                leased.update(connection.execute(statement).scalars())
        return frozenset(leased)

    def settle(self, attempts: Sequence[Attempt]) -> None:
        """What became of them; the lease ends. What was withdrawn meanwhile stays so and is known as sent."""
        if not attempts:
            return
        is_queued = notices.c.state == _QUEUED
        statement = (
            update(notices)
            .where(notices.c.notice_id == bindparam("of"))
            .values(
                state=case((is_queued, bindparam("to_state")), else_=notices.c.state),
                channel=case((is_queued, bindparam("to_channel")), else_=notices.c.channel),
                attempts=notices.c.attempts + 1,
                next_try_us=bindparam("again_us"),
                error=bindparam("why_not"),
                digest_id=bindparam("digest"),
                sent_at_us=func.coalesce(bindparam("out_us"), notices.c.sent_at_us),
                ended_at_us=func.coalesce(bindparam("over_us"), notices.c.ended_at_us),
                lease_until_us=0,
            )
        )
        with writing(self._engine) as connection:
            connection.execute(statement, [_settled(each) for each in attempts])
            put_entries(connection, map(_entry_of, attempts))

    def expire(self, now_us: int) -> int:
        """What could not leave in time is not sent any more; how many that were."""
        late = select(notices.c.notice_id, notices.c.channel).where(
            notices.c.state == _QUEUED,
            notices.c.valid_until_us <= now_us,
            may_be_taken(self._worker, now_us),
        )
        with reading(self._engine) as connection:
            found = list(connection.execute(late.limit(500)))
        self.settle(
            [
                Attempt(
                    notice_id=notice_id,
                    at_us=now_us,
                    state=NoticeState.FAILED,
                    what="expired",
                    channel=channel,
                )
                for notice_id, channel in found
            ]
        )
        return len(found)

    def waiting(self) -> tuple[int, int | None]:
        """How many wait to be sent or called, and since when the oldest does."""
        query = select(func.count(), func.min(notices.c.created_at_us)).where(
            notices.c.state == _QUEUED
        )
        with reading(self._engine) as connection:
            count, oldest_us = connection.execute(query).one()
            return int(count), oldest_us

    # -- what the console shows ----------------------------------------------------------------

    def find(self, wanted: NoticeFilter, limit: int = 50, offset: int = 0) -> list[Notice]:
        """The newest first."""
        query = _which(select(notices), wanted).order_by(notices.c.number.desc())
        return self._all(query.limit(limit).offset(offset), notice)

    def count(self, wanted: NoticeFilter) -> int:
        with reading(self._engine) as connection:
            query = _which(select(func.count()).select_from(notices), wanted)
            return int(connection.execute(query).scalar_one())

    def notice(self, notice_id: UUID) -> Notice | None:
        found = self._all(select(notices).where(notices.c.notice_id == notice_id), notice)
        return found[0] if found else None

    def of_incident(self, incident_id: UUID, limit: int = 200) -> list[Notice]:
        """In the order of decision."""
        query = (
            select(notices)
            .where(notices.c.incident_id == incident_id)
            .order_by(notices.c.number)
            .limit(limit)
        )
        return self._all(query, notice)

    def escalations_of(self, incident_id: UUID) -> list[Escalation]:
        """The oldest first."""
        query = (
            select(escalations)
            .where(escalations.c.incident_id == incident_id)
            .order_by(escalations.c.began_at_us)
        )
        return self._all(query, escalation)

    def entries_of(self, notice_id: UUID) -> list[NoticeEntry]:
        query = (
            select(notice_entries)
            .where(notice_entries.c.notice_id == notice_id)
            .order_by(notice_entries.c.at_us)
        )
        return self._all(query, entry)

    def key(self) -> bytes:
        """What links and codes are signed with; one for all workers and consoles of these records."""
        return Owners(self._engine).key(KEY_NAME)

    def known_key(self) -> bytes | None:
        """For who only reads; None before the first notice."""
        query = select(journal_keys.c.key).where(journal_keys.c.name == KEY_NAME)
        with reading(self._engine) as connection:
            found = connection.execute(query).scalar()
            return None if found is None else bytes(found)

    def next_due(self, escalation_id: UUID) -> tuple[int, int] | None:
        """The step that comes next, and when."""
        query = (
            select(deadlines.c.step, deadlines.c.due_at_us)
            .where(deadlines.c.subject == str(escalation_id), deadlines.c.state == WAITING)
            .order_by(deadlines.c.step)
            .limit(1)
        )
        with reading(self._engine) as connection:
            found = connection.execute(query).first()
            return None if found is None else (found.step, found.due_at_us)

    def _all(self, query: Select[Any], made: Callable[[RowMapping], T]) -> list[T]:
        with reading(self._engine) as connection:
            return [made(row) for row in connection.execute(query).mappings()]


def escalations_of(claimed: Claimed) -> dict[UUID, Escalation]:
    """Of the deadlines that are ours, in their transaction."""
    ids = [UUID(each.subject) for each in claimed.due]
    query = select(escalations).where(escalations.c.escalation_id.in_(ids))
    found = [escalation(row) for row in claimed.connection.execute(query).mappings()]
    return {each.escalation_id: each for each in found}


def zones_of(claimed: Claimed) -> dict[UUID, ZoneId]:
    """Whose place each escalation is of, where it is in one."""
    ids = [UUID(each.subject) for each in claimed.due]
    query = (
        select(escalations.c.escalation_id, incidents.c.zone_id)
        .join(incidents, incidents.c.incident_id == escalations.c.incident_id)
        .where(escalations.c.escalation_id.in_(ids), incidents.c.zone_id.is_not(None))
    )
    return {each: ZoneId(zone) for each, zone in claimed.connection.execute(query)}


def told_before(claimed: Claimed) -> dict[UUID, set[PersonId]]:
    """Whom the steps before these told, by escalation."""
    ids = [UUID(each.subject) for each in claimed.due]
    query = select(notices.c.escalation_id, notices.c.person_id).where(
        notices.c.escalation_id.in_(ids)
    )
    told: dict[UUID, set[PersonId]] = {}
    for of, person in claimed.connection.execute(query):
        told.setdefault(of, set()).add(PersonId(person))
    return told


def _which(query: Select[Any], wanted: NoticeFilter) -> Select[Any]:
    if wanted.states:
        query = query.where(notices.c.state.in_([each.value for each in wanted.states]))
    if wanted.channels:
        query = query.where(notices.c.channel.in_(list(map(writable, wanted.channels))))
    if wanted.person:
        query = query.where(notices.c.person.contains(writable(wanted.person), autoescape=True))
    if wanted.incident_id is not None:
        query = query.where(notices.c.incident_id == wanted.incident_id)
    if wanted.asset_ids is not None:
        query = query.where(notices.c.asset_id.in_(list(map(writable, wanted.asset_ids))))
    return query


def _settled(attempt: Attempt) -> dict[str, Any]:
    out = attempt.state is NoticeState.SENT
    over = attempt.state is NoticeState.FAILED
    return {
        "of": attempt.notice_id,
        "to_state": attempt.state.value,
        "to_channel": writable(attempt.moves_to or attempt.channel),
        "again_us": attempt.next_try_us,
        "why_not": "" if out else writable(attempt.words),
        "digest": attempt.digest_id,
        "out_us": attempt.at_us if out else None,
        "over_us": attempt.at_us if over else None,
    }


def _entry_of(attempt: Attempt) -> NoticeEntry:
    words = " ".join(each for each in (attempt.words, attempt.moves_to) if each)
    return NoticeEntry(
        notice_id=attempt.notice_id,
        at_us=attempt.at_us,
        what=attempt.what,
        by=attempt.channel,
        words=words,
    )
