"""What people do with outages: each request is allowed or refused, and timed. Decisions only."""

from uuid import UUID

from domain.changes import Changes
from domain.feeders import Feeder
from domain.ids import outage_id
from domain.outage_requests import (
    AssignCrew,
    ConfirmPing,
    ConfirmRestored,
    LocateFault,
    MoveOutage,
    NoteOutage,
    ReportOutage,
    TickOutageStep,
)
from domain.outages import Moved, Outage, OutageCause, Phase
from domain.paperwork import User
from domain.readings import Values
from domain.requests import Refused
from domain.responsibility import Kind, Reason
from linkage.outages.book import Hands, OpenOutages
from linkage.outages.location import Located
from linkage.outages.watch import OutageWatch, dark_section
from linkage.plan import LinkagePlan

_Request = (
    ReportOutage
    | ConfirmPing
    | LocateFault
    | AssignCrew
    | MoveOutage
    | TickOutageStep
    | NoteOutage
    | ConfirmRestored
)


class OutageDesk:
    def __init__(
        self, plan: LinkagePlan, outages: OpenOutages, watch: OutageWatch, hands: Hands
    ) -> None:
        self._plan = plan
        self._outages = outages
        self._watch = watch
        self._hands = hands

    def handle(
        self, request: _Request, user: User, at_us: int, values: Values, changes: Changes
    ) -> str:
        """The id of the outage. Raises Refused or IllegalMove; then nothing changed."""
        if isinstance(request, ReportOutage):
            after = self._reported(request, user, at_us, values)
        else:
            before = self._outage(request.outage_id, user)
            after = self._moved(before, request, user.name, at_us, values)
        self._watch.keep(after, at_us, changes)
        return str(after.outage_id)

    def _moved(
        self,
        outage: Outage,
        request: ConfirmPing
        | LocateFault
        | AssignCrew
        | MoveOutage
        | TickOutageStep
        | NoteOutage
        | ConfirmRestored,
        by: str,
        at_us: int,
        values: Values,
    ) -> Outage:
        match request:
            case ConfirmPing():
                return self._pinged(outage, request.answered, by, at_us, values)
            case LocateFault():
                return self._located(outage, request, by, values)
            case AssignCrew():
                if request.crew_id not in {each.crew_id for each in self._plan.feeders.crews}:
                    raise Refused(Reason.of("no_such_crew", what=request.crew_id))
                return outage.assigned(request.crew_id, at_us, by)
            case MoveOutage():
                return _worked(outage, request.phase, at_us, by)
            case TickOutageStep():
                return _ticked(outage, request.step_id, at_us, by)
            case NoteOutage():
                return self._noted(outage, request.words, at_us, by)
            case ConfirmRestored():
                return _restored(outage, request, at_us, by)

    def _outage(self, wanted: UUID, user: User) -> Outage:
        outage = self._outages.get(wanted)
        if outage is None:
            raise Refused(Reason.of("no_such_outage"))
        if not user.in_scope(outage.station):
            raise Refused(Reason.of("out_of_scope", station=outage.station))
        return outage

    def _feeder(self, feeder_id: str) -> Feeder:
        feeder = self._plan.feeders.feeder(feeder_id)
        if feeder is None:
            raise Refused(Reason.of("no_such_feeder", what=feeder_id))
        return feeder

    def _reported(self, request: ReportOutage, user: User, at_us: int, values: Values) -> Outage:
        feeder = self._feeder(request.feeder_id)
        if not user.in_scope(feeder.station):
            raise Refused(Reason.of("out_of_scope", station=feeder.station))
        self._expect_sections(feeder, request.sections)
        if not request.words.strip():
            raise Refused(Reason.of("words_needed"))
        dark = {
            section for each in self._outages.of_feeder(feeder.feeder_id) for section in each.dark
        }
        known = sorted(dark & set(request.sections))
        if known:
            raise Refused(Reason.of("dark_already", what=", ".join(known)))
        chosen = [each for each in feeder.sections if each.section_id in request.sections]
        outage = Outage(
            outage_id=outage_id(feeder.feeder_id, at_us),
            feeder_id=feeder.feeder_id,
            station=feeder.station,
            asset_id=feeder.asset_id,
            cause=OutageCause.REPORTED,
            started_at_us=at_us,
            phase=Phase.PROPOSED,
            answer=self._hands.answer(feeder.asset_id, at_us, Kind.OUTAGE),
            sections=tuple(dark_section(each, at_us) for each in chosen),
            moves=(Moved(phase=Phase.PROPOSED, at_us=at_us, by=user.name),),
            tripped_at_us=at_us,
        )
        noted = self._noted(outage, request.words, at_us, user.name)
        return self._watch.proposed(noted, Located(sections=(), why=Reason.of("by_report")), values)

    def _pinged(
        self, outage: Outage, answered: bool, by: str, at_us: int, values: Values
    ) -> Outage:
        if outage.phase is not Phase.SUSPECTED:
            raise Refused(Reason.of("no_ping_needed"))
        if answered:
            return outage.moved(Phase.WITHDRAWN, at_us, by)
        due_us = at_us + self._plan.feeders.rules.note_every_us
        declared = outage.moved(Phase.PROPOSED, at_us, by, note_due_us=due_us)
        return self._watch.proposed(
            declared, Located(sections=(), why=Reason.of("by_gasps")), values
        )

    def _located(self, outage: Outage, request: LocateFault, by: str, values: Values) -> Outage:
        if not outage.is_permanent or outage.phase in {Phase.RESTORED, Phase.CLOSED}:
            raise Refused(Reason.of("nothing_to_locate"))
        self._expect_sections(self._feeder(outage.feeder_id), request.sections)
        if not request.words.strip():
            raise Refused(Reason.of("words_needed"))
        why = Reason.of("located_by_hand", by=by, words=request.words.strip())
        located = Located(sections=request.sections, why=why)
        return self._watch.proposed(outage.next(located_by=by), located, values)

    def _expect_sections(self, feeder: Feeder, sections: tuple[str, ...]) -> None:
        known = {each.section_id for each in feeder.sections}
        unknown = [each for each in sections if each not in known]
        if unknown or not sections:
            raise Refused(Reason.of("no_such_section", what=", ".join(unknown)))

    def _noted(self, outage: Outage, words: str, at_us: int, by: str) -> Outage:
        if not words.strip():
            raise Refused(Reason.of("words_needed"))
        goes_on = outage.is_permanent and outage.phase not in {Phase.RESTORED, Phase.CLOSED}
        next_us = at_us + self._plan.feeders.rules.note_every_us if goes_on else None
        return outage.noted(words.strip(), at_us, by, next_us)


def _worked(outage: Outage, phase: Phase, at_us: int, by: str) -> Outage:
    if phase is Phase.CLOSED and outage.dark:
        raise Refused(Reason.of("still_dark", what=", ".join(outage.dark)))
    return outage.worked(phase, at_us, by)


def _ticked(outage: Outage, step_id: str, at_us: int, by: str) -> Outage:
    step = next((each for each in outage.steps if each.step_id == step_id), None)
    if step is None:
        raise Refused(Reason.of("no_such_step"))
    if step.done_at_us is not None:
        raise Refused(Reason.of("already_ticked", by=step.done_by))
    return outage.stepped(step_id, at_us, by)


def _restored(outage: Outage, request: ConfirmRestored, at_us: int, by: str) -> Outage:
    if not outage.is_permanent:
        raise Refused(Reason.of("nothing_to_restore"))
    chosen = [
        each for each in outage.sections if each.section_id in request.sections and each.is_dark
    ]
    if not chosen or len(chosen) != len(set(request.sections)):
        raise Refused(Reason.of("no_such_section", what=", ".join(request.sections)))
    moments: dict[str, int] = {}
    for section in chosen:
        moment = request.at_us if request.at_us is not None else section.back_at_us
        if moment is None:
            raise Refused(Reason.of("say_when_restored", section=section.section_id))
        if not section.out_at_us <= moment <= at_us:
            raise Refused(Reason.of("restored_times"))
        moments[section.section_id] = moment
    return outage.restored(moments, at_us, by)
