"""notices.yaml: who is told of an incident and when, by which channels, and how people are reached."""

import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final

from domain.assets import Priority
from domain.clock import MINUTE_US
from domain.ids import PersonId
from domain.notices import (
    PHONE,
    Channel,
    ChannelKind,
    Contact,
    Hours,
    Ladder,
    NoticePlan,
    Step,
    Who,
)
from domain.organisation import Organisation
from service.site.found import Found, document
from service.site.nodes import Fields, Value
from service.site.words import MARKS, PRIORITIES, topic_word

WHO: Final = {who.value: who for who in Who}
KINDS: Final = {kind.value: kind for kind in ChannelKind}
ATTENDED, UNATTENDED = "attended", "unattended"
STAFFINGS: Final = {ATTENDED: ATTENDED, UNATTENDED: UNATTENDED}
NEXT_SHIFT: Final = "next_shift"

_ENVIRONMENT_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MOBILE: Final = re.compile(r"\+?[0-9]{5,20}")
_TIME: Final = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_WEEK: Final = {str(day): day - 1 for day in range(1, 8)}
# what stands where the file says nothing
_PLAN: Final = NoticePlan()
_CHANNEL: Final = Channel(channel_id=PHONE, kind=ChannelKind.PHONE)
# by kind: what it cannot do without
_NEEDS: Final[Mapping[ChannelKind, tuple[str, ...]]] = {
    ChannelKind.WECOM: ("key_env",),
    ChannelKind.DINGTALK: ("key_env",),
    ChannelKind.FEISHU: ("key_env",),
    ChannelKind.SMS: ("url",),
    ChannelKind.MAIL: ("url", "sender"),
    ChannelKind.PHONE: (),
}


def _ladder(level: Priority, within: int, *steps: tuple[Who, int | None]) -> Ladder:
    return Ladder(
        level=level,
        acknowledge_within_us=within * MINUTE_US,
        steps=tuple(
            Step(who=who, after_us=None if minutes is None else minutes * MINUTE_US)
            for who, minutes in steps
        ),
    )


# DOMAIN E5 (D): of a site whose notices.yaml names no ladders
ATTENDED_LADDERS: Final = (
    _ladder(
        Priority.URGENT,
        2,
        (Who.ACTING, 0),
        (Who.DUTY_LEAD, 2),
        (Who.STATION_HEAD, 5),
        (Who.PRODUCTION_LEADER, 15),
    ),
    _ladder(
        Priority.MAJOR,
        5,
        (Who.ACTING, 0),
        (Who.DUTY_LEAD, 5),
        (Who.STATION_HEAD, 15),
        (Who.PRODUCTION_LEADER, 60),
    ),
    _ladder(Priority.MINOR, 30, (Who.ACTING, 0), (Who.DUTY_LEAD, 60), (Who.ACTING, None)),
)
UNATTENDED_LADDERS: Final = (
    _ladder(
        Priority.URGENT,
        2,
        (Who.REMOTE_DUTY, 0),
        (Who.ON_CALL, 1),
        (Who.DUTY_LEAD, 2),
        (Who.STATION_HEAD, 5),
        (Who.PRODUCTION_LEADER, 15),
    ),
    _ladder(
        Priority.MAJOR,
        5,
        (Who.REMOTE_DUTY, 0),
        (Who.ON_CALL, 3),
        (Who.DUTY_LEAD, 5),
        (Who.STATION_HEAD, 15),
        (Who.PRODUCTION_LEADER, 60),
    ),
    _ladder(
        Priority.MINOR,
        30,
        (Who.REMOTE_DUTY, 0),
        (Who.ON_CALL, 30),
        (Who.DUTY_LEAD, 60),
        (Who.ON_CALL, None),
    ),
)


def read_notices(folder: Path, found: Found, people: Organisation) -> NoticePlan:
    """Nobody is told where there is no file."""
    path = folder / "notices.yaml"
    if not path.exists():
        return NoticePlan()
    fields = document(folder, path, found)
    if fields is None:
        return NoticePlan()
    fields.name = "notices.yaml"
    ladders = {ATTENDED: list(ATTENDED_LADDERS), UNATTENDED: list(UNATTENDED_LADDERS)}
    if fields.value("ladders"):
        ladders = {ATTENDED: [], UNATTENDED: []}
    for group in fields.groups("ladders", "a ladder", required=False):
        staffing, ladder = _read_ladder(group, found)
        ladders[staffing].append(ladder)
    channels = {
        channel.channel_id: channel
        for group in fields.groups("channels", "a channel", required=False)
        if (channel := _read_channel(group, found)) is not None
    }
    channels.setdefault(PHONE, _CHANNEL)
    persons = {person.person_id for person in people.persons}
    contacts = {
        contact.person_id: contact
        for group in fields.groups("contacts", "a contact", required=False)
        if (contact := _read_contact(group, channels, persons, found)) is not None
    }
    rosters = {roster.roster_id for roster in people.rosters}
    plan = NoticePlan(
        attended=tuple(ladders[ATTENDED]),
        unattended=tuple(ladders[UNATTENDED]),
        staffed=frozenset(found.attended),
        remote_duty=_known(fields, "remote_duty", "roster", rosters, found) or None,
        channels=channels,
        contacts=contacts,
        hours=_read_hours(fields),
        valid_for_us=_positive(fields, "valid_for", _PLAN.valid_for_us),
        move_on_after_us=_positive(fields, "move_on_after", _PLAN.move_on_after_us),
        per_person_per_minute=fields.whole("per_person_per_minute", 1, 600, fallback=6),
        console_url=fields.text("console_url", fallback=""),
        mark=fields.choice("mark", MARKS, "D"),
    )
    fields.done()
    _expect_remote_duty(fields, plan)
    return plan


def _read_ladder(fields: Fields, found: Found) -> tuple[str, Ladder]:
    staffing = fields.choice("staffing", STAFFINGS, ATTENDED)
    level = fields.choice("level", PRIORITIES, Priority.URGENT)
    given = fields.value("level", required=True)
    fields.value("staffing", required=True)
    within_us = fields.duration("acknowledge_within")
    steps = tuple(_read_step(group) for group in fields.groups("steps", "a step"))
    timed = [step.after_us for step in steps if step.after_us is not None]
    if timed != sorted(timed):
        (fields.value("steps") or fields).wrong("the steps must follow each other in time")
    fields.done()
    if given:
        found.is_new(f"ladder of {staffing} stations for level", level.name.lower(), given)
    return staffing, Ladder(level=level, acknowledge_within_us=within_us, steps=steps)


def _read_step(fields: Fields) -> Step:
    who = fields.choice("who", WHO, Who.ACTING)
    fields.value("who", required=True)
    after = fields.value("after", required=True)
    next_shift = after is not None and after.is_word(NEXT_SHIFT)
    after_us = None if next_shift or after is None else after.duration()
    fields.done()
    return Step(who=who, after_us=None if next_shift else after_us or 0)


def _read_channel(fields: Fields, found: Found) -> Channel | None:
    kind = fields.choice("kind", KINDS, ChannelKind.PHONE)
    fields.value("kind", required=True)
    channel = Channel(
        channel_id=topic_word(fields, "id"),
        kind=kind,
        url=fields.text("url", fallback=""),
        key_env=_environment_name(fields, "key_env"),
        secret_env=_environment_name(fields, "secret_env"),
        user=fields.text("user", fallback=""),
        sender=fields.text("sender", fallback=""),
        body=fields.text("body", fallback=""),
        content_type=fields.text("content_type", fallback="") or _CHANNEL.content_type,
        accepted=_expression(fields, "accepted"),
        tls=fields.flag("tls", True),
        per_minute=fields.whole("per_minute", 6, 6_000, fallback=_CHANNEL.per_minute),
    )
    for name in _NEEDS[kind]:
        fields.value(name, required=True)
    _expect_address(fields, channel)
    fields.done()
    is_new = channel.channel_id and found.is_new(
        "channel", channel.channel_id, fields.value("id") or fields
    )
    return channel if is_new else None


def _expect_address(fields: Fields, channel: Channel) -> None:
    value = fields.value("url")
    if value is None or not channel.url:
        return
    if channel.kind is ChannelKind.MAIL:
        host, _, port = channel.url.partition(":")
        if not host or (port and not port.isdigit()):
            value.wrong("url of a mail channel is host:port, as in mail.example:587")
    elif not channel.url.startswith(("http://", "https://")):
        value.wrong("url begins with http:// or https://")
    elif "key=" in channel.url or "access_token=" in channel.url:
        value.wrong("url holds a secret: name the environment variable with key_env instead")


def _read_contact(
    fields: Fields, channels: Collection[str], persons: Collection[PersonId], found: Found
) -> Contact | None:
    person = _known(fields, "person", "person", persons, found)
    fields.value("person", required=True)
    contact = Contact(
        person_id=PersonId(person),
        channels=tuple(_channels(fields, channels, found)) or (PHONE,),
        mobile=_mobile(fields),
        mail=fields.text("mail", fallback=""),
    )
    mail = fields.value("mail")
    if mail and contact.mail and "@" not in contact.mail:
        mail.wrong("mail is an address with an @")
    fields.done()
    is_new = person and found.is_new("contact of", person, fields.value("person") or fields)
    return contact if is_new else None


def _channels(fields: Fields, known: Collection[str], found: Found) -> Iterator[str]:
    for value in fields.texts("channels"):
        name = value.text()
        if name is not None and found.expect(value, "channel", name, known):
            yield name


def _mobile(fields: Fields) -> str:
    value = fields.value("mobile")
    written = value.written() if value else None
    if value and written is not None and not _MOBILE.fullmatch(written):
        value.wrong("mobile is digits only, with + before a country's code")
    return written or ""


def _known(fields: Fields, key: str, kind: str, known: Collection[str], found: Found) -> str:
    name = fields.text(key, fallback="")
    value = fields.value(key)
    if value and name:
        found.expect(value, kind, name, known)
    return name


def _environment_name(fields: Fields, key: str) -> str:
    name = fields.text(key, fallback="")
    value = fields.value(key)
    if value and name and not _ENVIRONMENT_NAME.fullmatch(name):
        value.wrong(f"{key} holds the name of an environment variable, never the secret itself")
    return name


def _expression(fields: Fields, key: str) -> str:
    written = fields.text(key, fallback="")
    try:
        re.compile(written)
    except re.error as error:
        (fields.value(key) or fields).wrong(f"{key} is no regular expression: {error}")
        return ""
    return written


def _positive(fields: Fields, key: str, fallback: int) -> int:
    duration = fields.duration(key, fallback=fallback)
    value = fields.value(key)
    if value and duration == 0:
        value.wrong(f"{key} must be longer than 0")
    return duration or fallback


def _read_hours(fields: Fields) -> Hours:
    value = fields.value("office_hours")
    group = value.fields() if value else None
    if group is None:
        return Hours()
    days = frozenset(_days(group.items("days")))
    hours = Hours(
        start_minute=_minute(group),
        length_minutes=group.duration("lasts") // MINUTE_US,
        days=days or _PLAN.hours.days,
    )
    group.done()
    lasts = group.value("lasts")
    if lasts and not 0 < hours.length_minutes <= 24 * 60:
        lasts.wrong("office hours last longer than 0 and at most 24h")
    return hours


def _days(values: list[Value]) -> Iterator[int]:
    for value in values:
        written = value.written()
        if written in _WEEK:
            yield _WEEK[written]
        elif written is not None:
            value.wrong(f"a day of the week is 1 (Monday) to 7, not {written!r}")


def _minute(fields: Fields) -> int:
    value = fields.value("from", required=True)
    written = value.written() if value else None
    match = _TIME.fullmatch(written) if written else None
    if value and written is not None and match is None:
        value.wrong(f"from must be a time of day such as 08:00, not {written!r}")
    return int(match[1]) * 60 + int(match[2]) if match else 0


def _expect_remote_duty(fields: Fields, plan: NoticePlan) -> None:
    wanted = any(
        step.who is Who.REMOTE_DUTY
        for ladder in (*plan.attended, *plan.unattended)
        for step in ladder.steps
    )
    if wanted and plan.remote_duty is None and plan.unattended:
        fields.wrong("remote_duty is missing: name the roster of the dispatch room")
