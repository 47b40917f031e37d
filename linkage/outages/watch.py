"""From a trip to a declared outage, by events and by the passing of time (DOMAIN E4). Decisions only.

A trip waits for its reclose. Lockout, or no close within the wait, declares a permanent outage; a close that
holds makes it momentary. Then the flags locate the fault, telemetry proposes what has supply again, and what
is overdue becomes an alarm.
"""

from dataclasses import replace
from typing import Final
from uuid import UUID

from domain.changes import Changes
from domain.clock import MINUTE_US, SECOND_US
from domain.events import AlarmCleared, AlarmRaised
from domain.feeders import Feeder, Section
from domain.ids import outage_id
from domain.outages import DarkSection, Moved, Outage, OutageCause, Phase
from domain.readings import Values
from domain.responsibility import Kind, Reason
from linkage.outages.book import Hands, OpenOutages
from linkage.outages.crews import choices
from linkage.outages.gasps import Gasps
from linkage.outages.location import Located, flags_of, locate
from linkage.outages.memory import Before, Memory
from linkage.outages.overdue import OverdueAlarms
from linkage.outages.proposal import propose
from linkage.outages.supply import supplied
from linkage.plan import LinkagePlan

# a lockout may be told just before the opening that it belongs to
_LOCKED_WITH_US: Final = 5 * SECOND_US
# so long after the trip a flag may still come and move the fault
_FLAGS_FOR_US: Final = 5 * MINUTE_US
_BY_SWITCHES: Final = frozenset({OutageCause.TRIP, OutageCause.LOCKOUT})


class OutageWatch:
    """Moves the open outages; people's moves are the desk's."""

    def __init__(self, plan: LinkagePlan, outages: OpenOutages, gasps: Gasps, hands: Hands) -> None:
        self._plan = plan
        self._rules = plan.feeders.rules
        self._outages = outages
        self._gasps = gasps
        self._hands = hands
        self._memory = Memory(plan.feeders.feeders)
        self._overdue = OverdueAlarms(plan, hands)
        self._locked: dict[str, int] = {}  # feeder -> when its lockout was told

    def recollect(self, at_us: int, values: Values) -> None:
        self._memory.look(at_us, values)

    def tripped(
        self,
        feeder: Feeder,
        event: AlarmRaised,
        incident: UUID | None,
        values: Values,
        changes: Changes,
    ) -> None:
        if self._outages.of_opening(event.event_id) is not None:
            return  # a second protection explains the same opening
        before = self._memory.before(feeder, event.detected_at_us)
        current = self._goes_on(feeder, event)
        if current is None:
            outage = self._begun(feeder, event, incident, before, Phase.WAITING, OutageCause.TRIP)
        elif current.phase is Phase.SUSPECTED:
            begun = self._begun(feeder, event, incident, before, Phase.WAITING, OutageCause.TRIP)
            outage = replace(
                begun,
                outage_id=current.outage_id,
                started_at_us=min(current.started_at_us, event.started_at_us),
                gasps=current.gasps,
                version=current.version + 1,
            )
        else:
            outage = current.went_again(frozenset(current.dark)).next(
                opening=event.event_id, tripped_at_us=event.detected_at_us, reclosed_at_us=None
            )
            if outage.phase is Phase.WAITING:  # it closed onto the fault
                outage = self._declared(outage, event.detected_at_us, OutageCause.LOCKOUT)
        locked_at_us = self._locked.pop(feeder.feeder_id, None)
        just_locked = (
            locked_at_us is not None and event.detected_at_us - locked_at_us <= _LOCKED_WITH_US
        )
        if just_locked and outage.phase is Phase.WAITING:
            outage = self._declared(outage, event.detected_at_us, OutageCause.LOCKOUT)
        self._outages.keep(outage, changes)

    def locked(self, feeder: Feeder, event: AlarmRaised, changes: Changes) -> None:
        waiting = [
            each
            for each in self._outages.of_feeder(feeder.feeder_id)
            if each.phase is Phase.WAITING and each.reclosed_at_us is None
        ]
        if not waiting:
            self._locked[feeder.feeder_id] = event.detected_at_us
        for outage in waiting:
            declared = self._declared(outage, event.detected_at_us, OutageCause.LOCKOUT)
            self._outages.keep(declared, changes)

    def closed(self, event: AlarmCleared, values: Values, changes: Changes) -> None:
        """The breaker stands closed again, by the plant's clock since `ended_at_us`."""
        outage = self._outages.of_opening(event.event_id)
        if outage is None:
            return
        if outage.phase is Phase.WAITING:
            back = outage.came_back(frozenset(outage.dark), event.ended_at_us)
            self._outages.keep(back.next(reclosed_at_us=event.detected_at_us), changes)
        elif outage.is_permanent:
            self._outages.keep(self._looked_at(outage, event.ended_at_us, values), changes)

    def gasped(self, feeder: Feeder, event: AlarmRaised, changes: Changes) -> None:
        """A meter said good-bye: evidence of the feeder's outage, or the first sign of one."""
        dark = self._gasps.dark_transformers(feeder, event.started_at_us)
        if not dark:
            return
        current = next(iter(self._outages.of_feeder(feeder.feeder_id)), None)
        found = current or self._suspected(feeder, event, dark, changes)
        gasps = (*found.gasps, *(each for each in dark if each not in found.gasps))
        if gasps == found.gasps and found is current:
            return
        after = found.next(gasps=gasps)
        if found.phase is Phase.SUSPECTED:
            after = replace(after, sections=self._dark_by_gasps(feeder, gasps, found.started_at_us))
        self._outages.keep(after, changes)

    def ticked(self, at_us: int, values: Values, changes: Changes) -> None:
        self.recollect(at_us, values)
        self._gasps.forget_before(at_us - 2 * self._rules.gasp_within_us)
        for outage in self._outages.every():
            self.keep(self._later(outage, at_us, values), at_us, changes)

    def keep(self, outage: Outage, at_us: int, changes: Changes) -> None:
        self._outages.keep(self._overdue.looked_at(outage, at_us, changes), changes)

    def proposed(self, outage: Outage, located: Located, values: Values) -> Outage:
        """With the steps and crews that follow from where the fault lies; what is ticked stays ticked."""
        feeder = self._plan.feeders.feeder(outage.feeder_id)
        if feeder is None:
            return outage.next(faulted=located.sections, located=located.why)
        done = {step.step_id: step for step in outage.steps if step.done_at_us is not None}
        steps = propose(feeder, located.sections, outage.load_before_mw, values, self._rules)
        kept = tuple(
            each for each in done.values() if each.step_id not in {s.step_id for s in steps}
        )
        busy = self._outages.busy_crews(but_not=outage.outage_id)
        return outage.next(
            faulted=located.sections,
            located=located.why,
            steps=(*kept, *(done.get(step.step_id, step) for step in steps)),
            crews=choices(self._plan.feeders, feeder, located.sections, busy),
        )

    def _goes_on(self, feeder: Feeder, event: AlarmRaised) -> Outage | None:
        """The outage that this trip belongs to: one that waits, or a supply that was tried and failed."""
        for outage in self._outages.of_feeder(feeder.feeder_id):
            if outage.phase in {Phase.SUSPECTED, Phase.WAITING}:
                return outage
            tried = [
                each.back_at_us
                for each in outage.sections
                if each.is_dark and each.back_at_us is not None
            ]
            since_us = event.started_at_us - max(tried) if tried else None
            if since_us is not None and since_us <= self._rules.momentary_us:
                return outage
        return None

    def _begun(
        self,
        feeder: Feeder,
        event: AlarmRaised,
        incident: UUID | None,
        before: Before,
        phase: Phase,
        cause: OutageCause,
    ) -> Outage:
        without = {
            each.section_id
            for other in self._outages.of_feeder(feeder.feeder_id)
            if other.phase is not Phase.SUSPECTED
            for each in other.sections
            if each.is_dark and each.back_at_us is None
        }
        dark = [each for each in feeder.sections if each.section_id not in without]
        return Outage(
            outage_id=outage_id(feeder.feeder_id, event.started_at_us),
            feeder_id=feeder.feeder_id,
            station=feeder.station,
            asset_id=feeder.asset_id,
            cause=cause,
            started_at_us=event.started_at_us,
            phase=phase,
            answer=self._hands.answer(feeder.asset_id, event.started_at_us, Kind.OUTAGE),
            incident_id=incident,
            sections=tuple(dark_section(each, event.started_at_us) for each in dark),
            load_before_mw=before.load_mw,
            moves=(Moved(phase=phase, at_us=event.started_at_us),),
            opening=event.event_id if phase is Phase.WAITING else None,
            tripped_at_us=event.detected_at_us,
        )

    def _suspected(
        self, feeder: Feeder, event: AlarmRaised, dark: list[str], changes: Changes
    ) -> Outage:
        incident = changes.memberships.get(event.event_id)
        begun = self._begun(
            feeder,
            event,
            incident,
            Before(0, None, frozenset()),
            Phase.SUSPECTED,
            OutageCause.LAST_GASP,
        )
        sections = self._dark_by_gasps(feeder, tuple(dark), event.started_at_us)
        return replace(begun, sections=sections, located=Reason.of("by_gasps"))

    def _dark_by_gasps(
        self, feeder: Feeder, gasps: tuple[str, ...], at_us: int
    ) -> tuple[DarkSection, ...]:
        """A whole section where enough of its transformers went, else the customers of those that did."""
        found = list[DarkSection]()
        for section in feeder.sections:
            gone = [each for each in section.transformers if each.transformer_id in gasps]
            if self._gasps.is_section_dark(section, gasps):
                found.append(dark_section(section, at_us))
            elif gone:
                found.append(
                    DarkSection(
                        section_id=section.section_id,
                        customers=sum(each.customers for each in gone),
                        transformer_users=len(gone),
                        out_at_us=at_us,
                    )
                )
        return tuple(found)

    def _later(self, outage: Outage, at_us: int, values: Values) -> Outage:
        if outage.phase is Phase.WAITING:
            outage = self._waited(outage, at_us)
        if not outage.is_permanent or outage.phase in {Phase.RESTORED, Phase.CLOSED}:
            return outage
        return self._looked_at(self._located(outage, at_us, values), at_us, values)

    def _waited(self, outage: Outage, at_us: int) -> Outage:
        if outage.reclosed_at_us is not None:
            if at_us - outage.reclosed_at_us < self._rules.reclose_hold_us:
                return outage
            back = {each.section_id: each.back_at_us or at_us for each in outage.sections}
            sections = tuple(
                replace(each, restored_at_us=back[each.section_id]) for each in outage.sections
            )
            return outage.moved(Phase.MOMENTARY, at_us, sections=sections)
        if at_us - outage.tripped_at_us < self._rules.reclose_wait_us:
            return outage
        return self._declared(outage, at_us, outage.cause)

    def _declared(self, outage: Outage, at_us: int, cause: OutageCause) -> Outage:
        return outage.moved(
            Phase.PROPOSED, at_us, cause=cause, note_due_us=at_us + self._rules.note_every_us
        )

    def _located(self, outage: Outage, at_us: int, values: Values) -> Outage:
        """By the flags, for as long as they may still come and nobody has begun to act on them."""
        feeder = self._plan.feeders.feeder(outage.feeder_id)
        waited_us = at_us - outage.tripped_at_us
        acted = any(step.done_at_us is not None for step in outage.steps)
        back = any(each.back_at_us is not None for each in outage.sections)
        if feeder is None or outage.cause not in _BY_SWITCHES or outage.located_by or acted or back:
            return outage
        if waited_us < self._rules.flags_wait_us:
            return outage
        if outage.located is not None and waited_us > _FLAGS_FOR_US:
            return outage
        before = self._memory.before(feeder, outage.tripped_at_us)
        stale = {
            key: self._plan.points[key].stale_after_us
            for section in feeder.sections
            for key in section.flags
            if key in self._plan.points
        }
        flags = flags_of(feeder, values, at_us, stale, before.flags_set)
        told = tuple(flags.items())
        if outage.located is not None and told == outage.flags:
            return outage
        located = locate(feeder, flags, outage.load_before_mw, self._rules)
        return self.proposed(outage.next(flags=told), located, values)

    def _looked_at(self, outage: Outage, at_us: int, values: Values) -> Outage:
        """What telemetry says of its sections now: a proposal until a person confirms it."""
        feeder = self._plan.feeders.feeder(outage.feeder_id)
        if feeder is None:
            return outage
        if outage.cause is OutageCause.LAST_GASP:
            has = _with_meters(feeder, outage, values)
            return outage.came_back(has, at_us)
        if outage.cause not in _BY_SWITCHES:
            return outage
        has = supplied(feeder, outage, values)
        lost = frozenset(outage.dark) - has
        return outage.came_back(has, at_us).went_again(lost)


def dark_section(section: Section, out_at_us: int) -> DarkSection:
    return DarkSection(
        section_id=section.section_id,
        customers=section.customers,
        transformer_users=section.transformer_users,
        out_at_us=out_at_us,
    )


def _with_meters(feeder: Feeder, outage: Outage, values: Values) -> frozenset[str]:
    """Sections of which every meter that could have gasped reads 0 again."""
    found = set[str]()
    for section in feeder.sections:
        gone = [each for each in section.transformers if each.transformer_id in outage.gasps]
        held = [values(meter) for each in gone for meter in each.meters]
        if held and all(each is not None and each.value == 0.0 for each in held):
            found.add(section.section_id)
    return frozenset(found)
