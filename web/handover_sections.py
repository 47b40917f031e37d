"""The lines of the hand-over page, from what the console reads, in the reader's words. No rules."""

from collections.abc import Iterator

from domain.alarms import Withheld
from domain.assets import Condition
from domain.clock import system_clock
from domain.handover import Post, Watch
from domain.ids import AssetId
from domain.limit_changes import LimitChange
from domain.logbook import LogEntry
from domain.outage_words import earth_line, outage_line, planned_line
from domain.outages import earth_tasks, open_tasks
from domain.paperwork import TagKind
from domain.readings import Quality
from domain.reasons import reason_text
from domain.wording import condition_word, duration_text, quantity, tag_word
from service.handover_page import (
    ROWS_AT_MOST,
    Line,
    Page,
    Section,
    closed_earths,
    failed_devices,
    put_in_by_hand,
    temporary_limits,
)
from service.limiting import modes_on
from service.local_socket import CoreUnreachable, RequestRefused
from storage.alarm_reads import AlarmFilter, AlarmView
from storage.console_reads import IncidentFilter
from storage.logbook import LogFilter
from web.alarm_words import alarm_name, state_of, text_of
from web.log_words import line_text
from web.shell import Visit
from web.views import WAITING, incident_text

_WHEN = "%m-%d %H:%M"
# what the page is made of, in its order
SECTIONS = (
    *(
        "incidents",
        "outages",
        "alarms",
        "portable_earths",
        "earths",
        "tags",
        "tickets",
        "by_hand",
        "withheld",
        "limits",
    ),
    *("devices", "tasks", "log"),
)


def page_of(visit: Visit, post: Post, watch: Watch) -> Page:
    """As it is now. Raises StorageUnavailable."""
    return Page(
        post=post.name,
        crew=watch.crew,
        duty_date=watch.duty_date,
        shift=watch.shift,
        language=visit.language,
        made_at=visit.time(system_clock(), "%Y-%m-%d %H:%M:%S"),
        notes=watch.notes,
        sections=tuple(_sections(visit, post, watch)),
    )


def _sections(visit: Visit, post: Post, watch: Watch) -> Iterator[Section]:
    latest = _latest(visit)
    yield Section.of("incidents", _incidents(visit, post))
    yield Section.of("outages", _outages(visit, post))
    yield _alarms(visit, post)
    yield Section.of("portable_earths", _portable_earths(visit, post))
    if latest is None:
        yield Section(name="earths", unknown=True)
    else:
        found = closed_earths(visit.console.site, latest, post.sees)
        yield Section.of(
            "earths", (Line(when="", what=f"{station} {each.number}") for station, each in found)
        )
    yield Section.of("tags", _tags(visit, post))
    yield Section.of("tickets", _tickets(visit, post))
    if latest is None:
        yield Section(name="by_hand", unknown=True)
    else:
        yield Section.of("by_hand", _by_hand(visit, post, latest))
    yield Section.of("withheld", _withheld(visit, post))
    yield Section.of("limits", _limits(visit, post))
    yield Section.of("devices", _devices(visit, post))
    yield Section.of("tasks", _tasks(visit, post))
    yield _log(visit, post, watch)


def _latest(visit: Visit) -> dict[str, tuple[float | None, int, int]] | None:
    try:
        return dict(visit.console.core.latest())
    except (CoreUnreachable, RequestRefused):
        return None


def _incidents(visit: Visit, post: Post) -> Iterator[Line]:
    """Those that nobody has acknowledged."""
    wanted = IncidentFilter(states=WAITING, asset_ids=_assets(visit, post))
    for listed in visit.console.reads.incidents(wanted, limit=ROWS_AT_MOST * 2):
        yield Line(
            when=visit.time(listed.incident.opened_at_us, _WHEN),
            what=incident_text(visit.console.site, listed, visit.language),
            note=visit.say(f"incidents.state_{listed.incident.state.value}"),
        )


def _alarms(visit: Visit, post: Post) -> Section:
    wanted = AlarmFilter(view=AlarmView.CURRENT, asset_ids=_assets(visit, post))
    found = visit.console.alarms.page(wanted, limit=ROWS_AT_MOST)
    lines = tuple(
        Line(
            when=visit.time(each.alarm.raised_at_us, _WHEN),
            what=text_of(visit, each),
            note=state_of(visit, each.alarm),
        )
        for each in found
    )
    more = max(0, visit.console.alarms.count(wanted) - len(lines))
    return Section(name="alarms", lines=lines, more=more)


def _outages(visit: Visit, post: Post) -> Iterator[Line]:
    """Those that are not over, with earth faults and what was announced."""
    reads, plan, language = visit.console.outages, visit.console.plan.feeders, visit.language
    zone = visit.console.site.zone
    for outage in reads.open_outages():
        if post.sees(outage.station):
            feeder = plan.feeder(outage.feeder_id)
            yield Line(when="", what=outage_line(outage, feeder, zone, language))
    for fault in reads.earth_faults():
        if fault.is_open and post.sees(fault.station):
            network = next(
                (each for each in plan.networks if each.network_id == fault.network_id), None
            )
            yield Line(when="", what=earth_line(fault, network, zone, language))
    for planned in reads.open_planned():
        if post.sees(planned.station):
            feeder = plan.feeder(planned.feeder_id)
            yield Line(when="", what=planned_line(planned, feeder, zone, language))


def _portable_earths(visit: Visit, post: Post) -> Iterator[Line]:
    for tag in visit.console.reads.tags():
        asset = visit.console.asset(tag.asset_id)
        if tag.kind is TagKind.EARTHED and post.sees(asset.station):
            word = tag_word(tag.kind, visit.language)
            yield Line(
                when=visit.time(tag.hung_at_us, _WHEN),
                what=f"{asset.station} {asset.name} {word} {tag.number}: {tag.note}",
                note=tag.hung_by,
            )


def _tags(visit: Visit, post: Post) -> Iterator[Line]:
    for tag in visit.console.reads.tags():
        asset = visit.console.asset(tag.asset_id)
        if tag.kind is not TagKind.EARTHED and post.sees(asset.station):
            yield Line(
                when=visit.time(tag.hung_at_us, _WHEN),
                what=f"{asset.station} {asset.name} {tag_word(tag.kind, visit.language)}",
                note=f"{tag.note} {tag.hung_by}".strip(),
            )


def _tickets(visit: Visit, post: Post) -> Iterator[Line]:
    for ticket in visit.console.reads.tickets():
        if post.sees(ticket.station):
            leader = visit.console.person(ticket.leader)
            yield Line(
                when=f"{visit.time(ticket.from_us, _WHEN)} - {visit.time(ticket.to_us, _WHEN)}",
                what=f"{ticket.number} {ticket.task}",
                note=f"{visit.say(f'paper.state_{ticket.state.value}')} {leader}",
            )


def _by_hand(
    visit: Visit, post: Post, latest: dict[str, tuple[float | None, int, int]]
) -> Iterator[Line]:
    for point, quality in put_in_by_hand(visit.console.site.points, latest):
        asset = visit.console.asset(point.asset_id)
        if post.sees(asset.station):
            value, at_us, _ = latest[point.key]
            word = "blocked" if quality is Quality.BLOCKED else "substituted"
            yield Line(
                when=visit.time(at_us, _WHEN),
                what=f"{asset.station} {asset.name} {point.signal}",
                note=" ".join(
                    [
                        visit.say(f"handover.{word}"),
                        "" if value is None else quantity(value, point.unit, visit.language),
                    ]
                ),
            )


def _withheld(visit: Visit, post: Post) -> Iterator[Line]:
    """Shelved, and out of service."""
    for each in visit.console.alarms.withholdings(limit=ROWS_AT_MOST * 2):
        point = next((one for one in visit.console.site.points if one.key == each.point), None)
        if point and not post.sees(visit.console.asset(point.asset_id).station):
            continue
        kind = "shelved" if each.kind is Withheld.SHELVED else "out_of_service"
        until = visit.time(each.until_us, _WHEN)
        yield Line(
            when=visit.time(each.at_us, _WHEN),
            what=alarm_name(visit, each.point, each.condition and each.condition.value),
            note=f"{visit.say(f'handover.{kind}', until=until)} {each.reason} {each.by}",
        )


def _limits(visit: Visit, post: Post) -> Iterator[Line]:
    """Campaigns that a person began, and limits changed in the console."""
    site = visit.console.site
    campaigns = visit.console.alarms.campaigns()
    by = {each.mode_id: each for each in campaigns}
    for mode_id in sorted(modes_on(site, campaigns, system_clock())):
        mode = next((each for each in site.modes if each.mode_id == mode_id), None)
        begun = by.get(mode_id)
        yield Line(
            when=visit.time(begun.at_us if begun and begun.is_on else None, _WHEN),
            what=visit.say("handover.mode", name=mode.name if mode else mode_id),
            note=begun.by if begun and begun.is_on else "",
        )
    changes = visit.console.alarms.limit_changes()
    for change in temporary_limits(visit.console.plan, changes, post.sees):
        yield _limit(visit, change)


def _limit(visit: Visit, change: LimitChange) -> Line:
    point = visit.console.plan.points[change.setting.point]
    asset = visit.console.asset(point.asset_id)

    def told(value: float | None, on_delay_us: int) -> str:
        if value is None:
            return "-"
        return f"{quantity(value, point.unit, visit.language)} {duration_text(on_delay_us)}"

    was, now = change.was, change.setting
    word = condition_word(now.condition, visit.language)
    return Line(
        when=visit.time(change.effective_at_us or change.proposed_at_us, _WHEN),
        what=f"{asset.station} {asset.name} {point.signal} {word}: "
        f"{told(was.value, was.on_delay_us)} -> {told(now.value, now.on_delay_us)}",
        note=f"{visit.say(f'handover.limit_{change.state.value}')} "
        f"{change.reason} {change.proposed_by}",
    )


def _devices(visit: Visit, post: Post) -> Iterator[Line]:
    """Those that did not act when they were asked last, and those of which nobody knows whether they live."""
    silent = AlarmFilter(conditions=[Condition.DEVICE_SILENT.value], asset_ids=_assets(visit, post))
    for listed in visit.console.alarms.page(silent, limit=ROWS_AT_MOST):
        yield Line(
            when=visit.time(listed.alarm.raised_at_us, _WHEN),
            what=text_of(visit, listed),
            note=state_of(visit, listed.alarm),
        )
    reads = visit.console.reads
    for device, command in failed_devices(
        visit.console.plan, lambda device_id: reads.last_commands(device_id, limit=1), post.sees
    ):
        asset = visit.console.asset(device.asset_id)
        yield Line(
            when=visit.time(command.created_at_us, _WHEN),
            what=f"{asset.station} {device.name}",
            note=f"{visit.say(f'devices.{command.state.value}')} {command.outcome}",
        )


def _tasks(visit: Visit, post: Post) -> Iterator[Line]:
    """What waits for somebody: approvals, steps of an outage, and findings that wait for a consultation."""
    for approval in visit.console.reads.approvals(waiting=True):
        yield Line(
            when=visit.time(approval.proposed_at_us, _WHEN),
            what=visit.say("handover.approval", what="; ".join(approval.summary[:3])),
            note=approval.proposed_by,
        )
    waiting = [
        *(task for each in visit.console.outages.open_outages() for task in open_tasks(each)),
        *(task for each in visit.console.outages.earth_faults() for task in earth_tasks(each)),
    ]
    for task in waiting:
        if post.sees(task.station):
            yield Line(
                when=visit.time(task.due_us, _WHEN),
                what=f"{task.station} {reason_text(task.text, visit.language)}",
            )
    for finding in visit.console.reads.findings(standing=True):
        asset = visit.console.asset(finding.asset_id)
        if finding.wants_consultation and post.sees(asset.station):
            yield Line(
                when=visit.time(finding.told_at_us, _WHEN),
                what=visit.say("handover.consultation", what=f"{asset.station} {asset.name}"),
            )


def _log(visit: Visit, post: Post, watch: Watch) -> Section:
    """Since the watch began, the oldest first."""
    wanted = LogFilter(from_us=watch.began_at_us, stations=log_stations(post))
    found = visit.console.logbook.entries(wanted, limit=ROWS_AT_MOST)
    lines = tuple(_log_line(visit, each) for each in reversed(found))
    return Section(
        name="log", lines=lines, more=max(0, visit.console.logbook.count(wanted) - len(lines))
    )


def _log_line(visit: Visit, entry: LogEntry) -> Line:
    return Line(
        when=visit.time(entry.at_us, _WHEN),
        what=f"{entry.station} {line_text(visit, entry)}".strip(),
        note=entry.by,
    )


def log_stations(post: Post) -> frozenset[str] | None:
    """Whose lines a post reads: the dispatch room those of all."""
    return post.stations or None


def _assets(visit: Visit, post: Post) -> frozenset[AssetId] | None:
    if not post.stations:
        return None
    here = frozenset(
        asset_id
        for asset_id, asset in visit.console.site.assets.items()
        if asset.station in post.stations
    )
    return here | {post.asset_id}
