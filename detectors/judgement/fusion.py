"""One finding per problem out of many opinions: who agrees, who contradicts, what is missing.

Confidences are combined as independent witnesses. Degraded data never yields a firm verdict; a suspect
measurement never yields an equipment fault.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Final

from domain.assets import Priority
from domain.findings import Cause, Finding, Opinion, Stance, Verdict
from domain.ids import AssetId, finding_id

RULE: Final = "fusion/1"
_FIRM_FROM: Final = 0.8
_LIKELY_FROM: Final = 0.5
_DEGRADED_AT_MOST: Final = 0.6  # however many agree on data that is less than good
_SEEN_AGAIN: Final = 0.1  # of confidence: less is no news

# causes that are one problem; the first is the name of it unless a more special one is surer
_PROBLEMS: Final[Mapping[Cause, str]] = {
    Cause.OVERHEATING: "inside",
    Cause.DISCHARGE: "inside",
    Cause.THERMAL_FAULT: "inside",
    Cause.PARTIAL_DISCHARGE: "inside",
    Cause.UNUSUAL: "inside",
    Cause.OVERLOAD: "overload",
    Cause.VOLTAGE: "supply",
    Cause.UNBALANCE: "supply",
    Cause.FREQUENCY: "supply",
    Cause.HARMONICS: "supply",
}
_URGENT: Final = frozenset({Cause.DISCHARGE, Cause.DC_EARTH_FAULT})
_NOTICES: Final = frozenset({Cause.MEASUREMENT, Cause.UNUSUAL, Cause.HARMONICS})

_Key = tuple[AssetId, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many looks in a row each problem was there, and since when; how many a told one was not."""

    seen: tuple[tuple[AssetId, str, int, int], ...] = ()
    absent: tuple[tuple[AssetId, str, int], ...] = ()


class Fusion:
    """Holds the findings that stand. The same opinions in the same order give the same findings.

    A problem is told when it was there in `looks` looks one after the other, and over when it was not."""

    def __init__(
        self, standing: Iterable[Finding] = (), looks: int = 3, counted: Counted | None = None
    ) -> None:
        self._looks = looks
        self._standing: dict[_Key, Finding] = {}
        self._seen: dict[_Key, tuple[int, int]] = {}
        self._absent: dict[_Key, int] = {}
        for asset_id, problem, count, since_us in counted.seen if counted else ():
            self._seen[asset_id, problem] = count, since_us
        for asset_id, problem, count in counted.absent if counted else ():
            self._absent[asset_id, problem] = count
        for finding in standing:
            self._standing[finding.asset_id, _problem(finding.cause)] = finding

    @property
    def standing(self) -> tuple[Finding, ...]:
        return tuple(self._standing.values())

    @property
    def counted(self) -> Counted:
        """For another fusion that goes on here."""
        return Counted(
            seen=tuple((*key, *each) for key, each in self._seen.items()),
            absent=tuple((*key, count) for key, count in self._absent.items()),
        )

    def look(self, opinions: Mapping[AssetId, Sequence[Opinion]], at_us: int) -> list[Finding]:
        """Findings that are new, changed or over. `opinions` of every asset that was looked at; one that
        was not keeps its findings."""
        told: list[Finding] = []
        for asset_id, said in opinions.items():
            problems = _by_problem(said)
            for problem, of_it in problems.items():
                told += self._there((asset_id, problem), of_it, at_us)
            told += self._gone(asset_id, set(problems), at_us)
        return told

    def _there(self, key: _Key, said: Sequence[Opinion], at_us: int) -> list[Finding]:
        self._absent.pop(key, None)
        count, since_us = self._seen.get(key, (0, at_us))
        self._seen[key] = count + 1, since_us
        before = self._standing.get(key)
        if before is None and count + 1 < self._looks:
            return []
        now = _fused(key[0], said, at_us, since_us)
        kept = now if before is None else _again(before, now)
        if kept is before:
            return []
        self._standing[key] = kept
        return [kept]

    def _gone(self, asset_id: AssetId, present: set[str], at_us: int) -> list[Finding]:
        for key in [key for key in self._seen if key[0] == asset_id and key[1] not in present]:
            del self._seen[key]
        told = []
        for key, before in list(self._standing.items()):
            if key[0] != asset_id or key[1] in present:
                continue
            self._absent[key] = self._absent.get(key, 0) + 1
            if self._absent[key] >= self._looks:
                del self._standing[key], self._absent[key]
                told.append(
                    replace(before, ended_at_us=at_us, told_at_us=at_us, version=before.version + 1)
                )
        return told


def _problem(cause: Cause) -> str:
    return _PROBLEMS.get(cause, cause.value)


def _by_problem(opinions: Sequence[Opinion]) -> dict[str, list[Opinion]]:
    """Only problems that somebody agrees to; with all that was said about each."""
    problems: dict[str, list[Opinion]] = {}
    for opinion in opinions:
        problems.setdefault(_problem(opinion.cause), []).append(opinion)
    agreed = {
        problem: said
        for problem, said in problems.items()
        if any(each.stance is Stance.AGREES for each in said)
    }
    suspect = [
        each for each in agreed.get(Cause.MEASUREMENT.value, ()) if each.stance is Stance.AGREES
    ]
    for problem, said in agreed.items():
        if problem != Cause.MEASUREMENT.value:
            said += _contradictions(said, suspect)
    return agreed


def _contradictions(said: Sequence[Opinion], suspect: Sequence[Opinion]) -> list[Opinion]:
    """A suspect measurement speaks against everything that goes by it."""
    used = {given.point for each in said for given in each.inputs}
    return [
        replace(each, stance=Stance.CONTRADICTS)
        for each in suspect
        if used & {given.point for given in each.inputs}
    ]


def _fused(asset_id: AssetId, said: Sequence[Opinion], at_us: int, began_us: int) -> Finding:
    agreeing = [each for each in said if each.stance is Stance.AGREES]
    against = [each for each in said if each.stance is Stance.CONTRADICTS]
    confidence = 1.0 - prod(1.0 - each.confidence for each in agreeing)
    confidence *= prod(1.0 - each.confidence for each in against)
    degraded = any(each.degraded for each in agreeing)
    if degraded:
        confidence = min(confidence, _DEGRADED_AT_MOST)
    cause = _named(agreeing)
    return Finding(
        finding_id=finding_id(asset_id, cause, began_us),
        asset_id=asset_id,
        cause=cause,
        verdict=_verdict(cause, confidence, degraded),
        confidence=round(confidence, 3),
        degraded=degraded,
        priority=_priority(cause, confidence),
        began_at_us=began_us,
        told_at_us=at_us,
        opinions=tuple(said),
        signature=_signature(cause, said),
    )


def _named(agreeing: Sequence[Opinion]) -> Cause:
    """The surest cause; "unusual" only where nobody knows better."""
    known = [each for each in agreeing if each.cause is not Cause.UNUSUAL] or agreeing
    return max(known, key=lambda each: each.confidence).cause


def _verdict(cause: Cause, confidence: float, degraded: bool) -> Verdict:
    if cause is Cause.UNUSUAL:
        return Verdict.CANNOT_TELL
    if confidence >= _FIRM_FROM and not degraded:
        return Verdict.FIRM
    return Verdict.LIKELY if confidence >= _LIKELY_FROM else Verdict.CANNOT_TELL


def _priority(cause: Cause, confidence: float) -> Priority:
    """The judgement never sounds a siren: what is urgent has its own limits and protection."""
    if cause in _NOTICES or confidence < _LIKELY_FROM:
        return Priority.NOTICE
    return Priority.MAJOR if cause in _URGENT else Priority.MINOR


def _signature(cause: Cause, said: Sequence[Opinion]) -> str:
    """The same problem seen by the same experts in the same way, whatever the asset."""
    stances = sorted({f"{each.expert.split('/')[0]}:{each.cause}:{each.stance}" for each in said})
    return "|".join([cause, *stances])


def _again(before: Finding, now: Finding) -> Finding:
    """The finding that stood, in a new version where there is news."""
    changed = (
        now.verdict is not before.verdict
        or now.cause is not before.cause
        or now.degraded is not before.degraded
        or abs(now.confidence - before.confidence) >= _SEEN_AGAIN
        or now.signature != before.signature
    )
    if not changed:
        return before
    return replace(
        now,
        finding_id=before.finding_id,
        began_at_us=before.began_at_us,
        answer=before.answer,
        answered_by=before.answered_by,
        answered_cause=before.answered_cause,
        version=before.version + 1,
    )
