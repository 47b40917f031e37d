"""Who is told of an incident, when and by which way, until somebody acknowledges it: ladders, notices,
contacts.

    queued -> sent -> delivered -> acknowledged
       |        +---> failed
       +-> withdrawn (somebody acknowledged before it left)

A notice is at-least-once: every text carries the notice's number, so that a person who gets it twice sees so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

from domain.assets import Priority
from domain.clock import MINUTE_US
from domain.ids import AssetId, PersonId
from domain.responsibility import Kind, Reason


class Who(StrEnum):
    """Whom a step tells. Always along the production command, never along the party (DOMAIN E5, G1)."""

    ACTING = "acting"  # who acts for the place at that moment
    REMOTE_DUTY = "remote_duty"  # the dispatch room, for a station where nobody is
    ON_CALL = "on_call"  # of the place's own roster, at home
    DUTY_LEAD = "duty_lead"
    STATION_HEAD = "station_head"
    PRODUCTION_LEADER = "production_leader"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """So long after the beginning; None: when the place's next shift begins."""

    who: Who
    after_us: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """What happens at one level while nobody acknowledges, the earliest step first."""

    level: Priority
    acknowledge_within_us: int
    steps: tuple[Step, ...]


class ChannelKind(StrEnum):
    WECOM = "wecom"  # a group's robot
    DINGTALK = "dingtalk"  # likewise
    FEISHU = "feishu"  # likewise
    SMS = "sms"
    MAIL = "mail"
    PHONE = "phone"  # a person in the dispatch room calls: it needs no network of ours


# what is written there is read by everybody in the group
GROUPS: Final = frozenset({ChannelKind.WECOM, ChannelKind.DINGTALK, ChannelKind.FEISHU})
PHONE: Final = "phone"  # the channel that every site has


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One way out. Secrets are named by environment variables and never stand here."""

    channel_id: str
    kind: ChannelKind
    url: str = ""  # of the robot, without its key; of the SMS gateway; host:port of a mail server
    key_env: str = ""  # the robot's key or token; the gateway's or mail server's password
    secret_env: str = ""  # what the robot's requests are signed with
    user: str = ""  # at the gateway or mail server
    sender: str = ""  # of mails
    body: str = ""  # of the gateway's request; {to}, {text} and {id} are put in
    content_type: str = "application/json"
    accepted: str = ""  # what the gateway's answer holds when it took it: a regular expression
    tls: bool = True  # mail: STARTTLS before anything is said
    per_minute: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """How a person is reached. Numbers are shown to those who call, and to nobody else."""

    person_id: PersonId
    channels: tuple[str, ...]  # the preferred one first
    mobile: str = ""
    mail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """When somebody without a roster is at work: below level 1 he is not called at other times."""

    start_minute: int = 8 * 60  # after local midnight
    length_minutes: int = 10 * 60
    days: frozenset[int] = frozenset(range(5))  # Monday is 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticePlan:
    """One version of who is told, when and how. Without ladders nobody is."""

    attended: tuple[Ladder, ...] = ()  # 有人值守: profile "3"
    unattended: tuple[Ladder, ...] = ()  # 无人值守: profile "2"
    staffed: frozenset[str] = frozenset()  # stations where somebody is
    remote_duty: str | None = None  # the dispatch room's roster
    channels: Mapping[str, Channel] = field(default_factory=dict)
    contacts: Mapping[PersonId, Contact] = field(default_factory=dict)
    hours: Hours = Hours()
    valid_for_us: int = 4 * 60 * MINUTE_US  # what could not leave by then is not sent any more
    move_on_after_us: int = 2 * MINUTE_US  # then the person's next channel is tried
    per_person_per_minute: int = 6  # level 1 is never counted
    console_url: str = ""  # where a link leads; empty: no link, and the code does
    mark: str = "D"

    def ladder(self, level: Priority, station: str) -> Ladder | None:
        ladders = self.attended if station in self.staffed else self.unattended
        return next((each for each in ladders if each.level is level), None)

    def contact(self, person_id: PersonId) -> Contact:
        """Who has none is called by telephone: the dispatch room knows how."""
        return self.contacts.get(person_id) or Contact(person_id=person_id, channels=(PHONE,))

    def next_channel(self, person_id: PersonId, after: str) -> str | None:
        """Where a person is reached when one of his channels does not work; None: nowhere else."""
        channels = self.contact(person_id).channels
        place = channels.index(after) + 1 if after in channels else len(channels)
        return channels[place] if place < len(channels) else None

    def last_resort(self, person_id: PersonId, after: str) -> str | None:
        """The telephone, behind the last channel of a person who has written none down."""
        channels = self.contact(person_id).channels
        has_phone = any(self.channel(each).kind is ChannelKind.PHONE for each in channels)
        if has_phone or after not in channels[-1:]:
            return None
        phones = (each for each in self.channels.values() if each.kind is ChannelKind.PHONE)
        return next((each.channel_id for each in phones), PHONE)

    def channel(self, channel_id: str) -> Channel:
        known = self.channels.get(channel_id)
        return known or Channel(channel_id=channel_id, kind=ChannelKind.PHONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """One incident on its way up at one level. Ended, it never goes on: a higher level begins another."""

    escalation_id: UUID
    incident_id: UUID
    event_id: UUID | None  # the alarm that speaks for it
    asset_id: AssetId
    level: Priority
    kind: Kind
    text: str  # the alarm in the users' words; names no person
    action: str = ""  # 处置措施: what to do first, where somebody wrote it down
    began_at_us: int
    ended_at_us: int | None = None
    ended: str = ""  # "acknowledged", "closed", "consequence", "raised"
    ended_by: str = ""  # who acknowledged or closed
    version: int = 1

    @property
    def is_open(self) -> bool:
        return self.ended_at_us is None


class NoticeState(StrEnum):
    QUEUED = "queued"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    ACKNOWLEDGED = "acknowledged"
    WITHDRAWN = "withdrawn"


# somebody may still do something about them
OPEN_STATES: Final = frozenset({NoticeState.QUEUED, NoticeState.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One person is to be told by one channel, and what became of it."""

    notice_id: UUID  # from escalation, step, person and channel: decided again it is the same one
    escalation_id: UUID
    incident_id: UUID
    asset_id: AssetId
    step: int
    who: Who
    level: Priority
    kind: Kind
    person_id: PersonId
    person: str  # as he was named then
    channel: str
    text: str
    action: str = ""
    why: tuple[Reason, ...] = ()  # why him
    created_at_us: int
    not_before_us: int  # off shift below level 1 it waits for his hours
    valid_until_us: int
    state: NoticeState = NoticeState.QUEUED
    attempts: int = 0
    next_try_us: int = 0
    error: str = ""  # of the last attempt, in one sentence without secrets
    digest_id: UUID | None = (
        None  # the message that holds it: with others, or not known to have left
    )
    sent_at_us: int | None = None
    ended_at_us: int | None = None  # delivered, failed, acknowledged or withdrawn
    answered_by: str = ""

    @property
    def short_id(self) -> str:
        """What people read out: it is in every text."""
        return self.notice_id.hex[:8]


class CallOutcome(StrEnum):
    """What a dispatcher says of a telephone call."""

    REACHED = "reached"
    NOT_REACHED = "not_reached"
    READ_BACK = "read_back"  # 复诵: he repeated it, and takes it


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeEntry:
    """One line of what happened with a notice; never changed."""

    notice_id: UUID
    at_us: int
    what: str  # "sent", "refused", "moved", "reached", "acknowledged", ...
    by: str = ""  # a user or a channel
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeMove:
    """A person did something about a notice: true where the notice stands in one of `only_from`."""

    notice_id: UUID
    at_us: int
    state: NoticeState
    what: str  # the line of it among the entries
    by: str
    words: str = ""
    only_from: frozenset[NoticeState] = frozenset()  # empty: in every one
    valid_until_us: int | None = None  # of one that is tried again
    hastens: tuple[UUID, int] | None = (
        None  # the escalation and the step that need not wait any more
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What became of one try to send one notice."""

    notice_id: UUID
    at_us: int
    state: NoticeState  # sent, queued (to be tried again) or failed
    what: str  # "sent", "digested", "refused", "unreachable", "moved", "expired"
    words: str = ""
    channel: str = ""  # by which it was tried
    moves_to: str = ""  # the channel by which it is tried next
    next_try_us: int = 0
    digest_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What leaves by one channel for one person."""

    message_id: UUID  # of the notice, or of the digest: sent again it is the same one
    title: str
    text: str  # within the channel's size
    name: str  # of the person; empty where a group must not read it
    mobile: str = ""
    mail: str = ""
    urgent: bool = False
