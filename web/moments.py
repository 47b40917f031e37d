"""Moments of an incident in the words of who looks: codes become sentences, ids become names."""

from typing import Final

from domain.findings import Cause, Verdict
from domain.ids import DeviceId
from domain.judgement_words import cause_word, verdict_word
from domain.outage_words import phase_word, trial_word
from domain.outages import Phase, TrialResult
from domain.reasons import reason_text
from domain.responsibility import Reason
from domain.wording import what_happened
from service.moments import Moment
from web.components.timeline import Moment as Shown
from web.shell import Visit
from web.words import WORDS


def shown(visit: Visit, moment: Moment) -> Shown:
    return Shown(
        at_us=moment.at_us,
        when=visit.time(moment.at_us),
        what=sentence(visit, moment),
        icon=moment.icon,
        link=moment.link,
    )


def sentence(visit: Visit, moment: Moment) -> str:
    what = worded(visit, moment.what)
    event = moment.event
    if event is not None:
        what = f"{what}: {event.signal} {what_happened(event, visit.language)}"
    if not moment.actor:
        return what
    return visit.say("timeline.by", what=what, who=moment.actor)


def worded(visit: Visit, reason: Reason) -> str:
    key = f"timeline.{reason.code}"
    if key not in WORDS:
        return reason_text(reason, visit.language)
    facts = {name: _named(visit, name, fact) for name, fact in reason.facts}
    return visit.say(key, **facts) if facts else visit.say(key)


def _named(visit: Visit, name: str, fact: str) -> str:
    """The word for an id or a code; what has none stays as it is."""
    match name:
        case "device":
            device = visit.console.plan.device(DeviceId(fact))
            return device.name if device else fact
        case "phase" if fact in set(Phase):
            return phase_word(Phase(fact), visit.language)
        case "result" if fact in set(TrialResult):
            return trial_word(TrialResult(fact), visit.language)
        case "cause" if fact in set(Cause):
            return cause_word(Cause(fact), visit.language)
        case "verdict" if fact in set(Verdict):
            return verdict_word(Verdict(fact), visit.language)
    area = _AREAS.get(name)
    key = f"{area}{fact}" if area else ""
    return visit.say(key) if key in WORDS else fact


_AREAS: Final = {
    "kind": "incidents.kind_",
    "act": "audit.",
    "action": "devices.",
    "state": "devices.",
}
