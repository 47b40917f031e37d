"""Reads a site folder: `check` tells every mistake with file and line, `load` gives the Site.

site.yaml  sources/*.yaml  assets/*.yaml  limits/*.yaml  linkage.yaml; and where wanted
assets/templates/*.yaml  topology.yaml  organisation/*.yaml  zones.yaml  rosters.yaml  credit-rules.yaml
notices.yaml  feeders.yaml  replay.yaml  cameras.yaml
"""

import re
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from domain.assets import Mode
from domain.ids import PointKey, SourceId
from linkage.plan import Responsible
from service.site.cameras import read_cameras
from service.site.credit_rules import read_credit_rules
from service.site.feeders import read_feeders
from service.site.found import Found, document, documents
from service.site.limits import read_limits
from service.site.linkage_table import read_linkage
from service.site.model import (
    RecordingMap,
    Site,
    SourceSettings,
    Subscription,
    frozen_map,
    replies_topic,
    telemetry_topic,
)
from service.site.nodes import Fields
from service.site.notices import read_notices
from service.site.people import read_people
from service.site.plant import Template, read_station, read_template
from service.site.problems import BrokenSite, Problem, did_you_mean
from service.site.suppressions import read_suppression
from service.site.topology import read_topology
from service.site.words import topic_word

__all__ = ["BrokenSite", "Problem", "Site", "check", "load"]

KINDS: Final = {"mqtt": "mqtt"}

_ENVIRONMENT_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def load(folder: Path) -> Site:
    """Raises BrokenSite with every mistake."""
    site, problems = _read(folder)
    if site is None:
        raise BrokenSite(folder, problems)
    return site


def check(folder: Path) -> list[Problem]:
    """Every mistake, in order of file and line; none means that the site can run."""
    return _read(folder)[1]


@dataclass(slots=True)
class _Head:
    """site.yaml"""

    name: str = ""
    code: str = ""
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    numbering: str = ""
    responsible: Responsible | None = None


def _read(folder: Path) -> tuple[Site | None, list[Problem]]:
    found = Found()
    if not folder.is_dir():
        return None, [Problem(str(folder), 0, "there is no such folder")]
    head = _read_head(folder, found)
    for fields in documents(folder, "sources", found):
        _read_source(fields, head.code, found)
    templates: dict[str, Template] = {}
    for fields in documents(folder, "assets/templates", found, required=False):
        read_template(fields, found, templates)
    for fields in documents(folder, "assets", found):
        read_station(fields, found, templates)
    suppressing: list[Fields] = []
    for fields in documents(folder, "limits", found, required=not templates):
        suppressing += read_limits(fields, found)
    for fields in suppressing:  # they name limits that may stand in another file
        read_suppression(fields, found)
    read_linkage(folder, found)
    topology = read_topology(folder, found)
    recording = _read_recording(folder, head.zone, found)
    eyes = read_cameras(folder, head.code, found)
    rule_book = read_credit_rules(folder, found)
    organisation = read_people(folder, head.zone, found)
    notices = read_notices(folder, found, organisation)
    feeders = read_feeders(folder, found, organisation, topology)
    problems = sorted(set(found.problems))
    if problems:
        return None, problems
    return Site(
        name=head.name,
        code=head.code,
        zone=head.zone,
        numbering=head.numbering,
        assets=found.assets,
        points=tuple(found.points.values()),
        devices=tuple(found.devices.values()),
        rules=tuple(found.rules.values()),
        responsible=head.responsible,
        sources=_reachable_by_devices(head.code, tuple(found.sources.values())),
        recording=recording,
        organisation=organisation,
        topology=topology,
        rule_book=rule_book,
        violations=tuple(found.violations.values()),
        modes=tuple(found.modes.values()),
        positions=tuple(found.positions),
        cameras=eyes.cameras,
        machine_rules=eyes.rules,
        boxes=eyes.boxes,
        notices=notices,
        attended=frozenset(found.attended),
        suppressions=tuple(found.suppressions.values()),
        feeders=feeders,
    ), []


def _reachable_by_devices(
    site: str, sources: tuple[SourceSettings, ...]
) -> tuple[SourceSettings, ...]:
    """The first source listens to the devices' words too: commands go out over it."""
    first, *others = sources
    words = Subscription(topic=replies_topic(site))
    if words.topic in {subscription.topic for subscription in first.subscriptions}:
        return sources
    return (replace(first, subscriptions=(*first.subscriptions, words)), *others)


def _read_head(folder: Path, found: Found) -> _Head:
    fields = document(folder, folder / "site.yaml", found)
    if fields is None:
        return _Head()
    fields.name = "site.yaml"
    head = _Head(
        name=fields.text("name"),
        code=topic_word(fields, "code"),
        zone=_zone(fields),
        numbering=fields.text("numbering", fallback=""),
    )
    # where there is an organisation, that tells
    has_organisation = (folder / "organisation").is_dir()
    value = fields.value("responsible", required=not has_organisation)
    person = value.fields() if value else None
    if person:
        head.responsible = Responsible(
            name=person.text("name"), role=person.text("role"), because=person.text("because")
        )
        person.done()
    for mode in fields.groups("modes", "a mode", required=False):
        _read_mode(mode, found)
    fields.done()
    return head


def _read_mode(fields: Fields, found: Found) -> None:
    """A season has its days; a campaign has none: a person begins and ends it."""
    mode_id = topic_word(fields, "id")
    first, last = (_day_of_year(fields, key) for key in ("from", "until"))
    if bool(first) != bool(last):
        fields.wrong("a season needs both days, from and until; a campaign has neither")
    mode = Mode(mode_id=mode_id, name=fields.text("name"), days=(first, last) if first else None)
    fields.done()
    if mode_id and found.is_new("mode", mode_id, fields.value("id") or fields):
        found.modes[mode_id] = mode


def _day_of_year(fields: Fields, key: str) -> str:
    value = fields.value(key)
    written = value.written() if value else None
    if value is None or written is None:
        return ""
    try:
        # a leap year, in which every day is one
        return date.fromisoformat(f"2024-{written}").strftime("%m-%d")
    except ValueError:
        value.wrong(f"{key} is a month and a day such as 06-01, not {written!r}")
        return "01-01"  # it was given: that it is wrong is told


def _zone(fields: Fields) -> ZoneInfo:
    value = fields.value("zone", required=True)
    name = value.text() if value else None
    if value is None or name is None:
        return ZoneInfo("UTC")
    try:
        return ZoneInfo(name)
    except (
        ZoneInfoNotFoundError,
        ValueError,
        OSError,
    ):  # unknown, ill-formed, or a folder of zones
        value.wrong(f"no time zone is named {name!r}{did_you_mean(name, available_timezones())}")
        return ZoneInfo("UTC")


def _read_source(fields: Fields, site: str, found: Found) -> None:
    fields.name = "a source"
    source_id = SourceId(topic_word(fields, "id"))
    fields.choice("kind", KINDS, "mqtt")
    password_env = fields.text("password_env", fallback="") or None
    value = fields.value("password_env")
    if value and password_env and not _ENVIRONMENT_NAME.fullmatch(password_env):
        value.wrong(
            "password_env holds the name of an environment variable, never the password itself"
        )
    source = SourceSettings(
        source_id=source_id,
        host=fields.text("host"),
        port=fields.whole("port", 1, 65535, fallback=1883),
        client_id=fields.text("client_id"),
        username=fields.text("user", fallback="") or None,
        password_env=password_env,
        subscriptions=_subscriptions(fields)
        or (Subscription(topic=telemetry_topic(site, source_id)),),
    )
    fields.done()
    client = fields.value("client_id")
    if client and source.client_id:
        # two connections under one client id throw each other out for ever
        found.is_new("client id", source.client_id, client)
    if source_id and found.is_new("source", source_id, fields.value("id") or fields):
        found.sources[source_id] = source


def _subscriptions(fields: Fields) -> tuple[Subscription, ...]:
    subscriptions = []
    for value in fields.texts("subscriptions"):
        topic = value.text()
        if topic is None:
            continue
        if not _is_filter(topic):
            value.wrong(f"{topic!r} is no topic filter: '+' and '#' stand alone, '#' at the end")
        subscriptions.append(Subscription(topic=topic))
    return tuple(subscriptions)


def _is_filter(topic: str) -> bool:
    parts = topic.split("/")
    wild = all(part in {"+", "#"} or not {"+", "#"} & set(part) for part in parts)
    return bool(topic) and wild and "#" not in parts[:-1] and "\0" not in topic


def _read_recording(folder: Path, zone: ZoneInfo, found: Found) -> RecordingMap | None:
    if not (folder / "replay.yaml").exists():
        return None
    fields = document(folder, folder / "replay.yaml", found)
    if fields is None:
        return None
    fields.name = "replay.yaml"
    time_column = fields.text("time_column")
    if fields.value("zone"):
        zone = _zone(fields)
    columns = _columns(fields, found)
    fields.done()
    return RecordingMap(time_column=time_column, zone=zone, columns=frozen_map(columns))


def _columns(fields: Fields, found: Found) -> dict[str, PointKey]:
    columns: dict[str, PointKey] = {}
    value = fields.value("columns", required=True)
    for column, point in value.pairs() if value else []:
        name, key = column.text(), point.text()
        if name is None or key is None:
            continue
        if name in columns:
            column.wrong(f"column {name} is given twice")
        if found.expect(point, "point", key, found.points):
            columns[name] = PointKey(key)
    return columns
