"""督办: whether somebody answers for everything and everybody, now and in the next hours. Pure.

A lapse is a device, place or person in no zone or in two, a zone without an owner, or a turn of a roster
whose whole crew is away. It is known by what it is and since when, so that looking again finds the same.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from domain.assets import Condition
from domain.clock import SECOND_US
from domain.ids import AssetId, PersonId
from domain.organisation import ALWAYS, Coverage, Organisation, Validity, Zone
from linkage.responsibility import Responsibility
from linkage.rosters import Duty

AHEAD_US: Final = 24 * 3_600 * SECOND_US

_Covering = list[tuple[Zone, Coverage]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapse:
    condition: Condition
    subject: str  # "zone:z-ly", "roster:yw"; of a device its id
    detail: str = ""  # of a roster: the duty day and the shift
    since_us: int | None  # None: at every time that we know of

    @property
    def asset_id(self) -> AssetId:
        return AssetId(self.subject)

    @property
    def point(self) -> str:
        return f"responsibility/{self.subject} {self.detail}".strip()


class Supervision:
    """Looks over one version of the organisation, with everything that is arranged."""

    def __init__(
        self, organisation: Organisation, assets: Iterable[AssetId], who: Responsibility
    ) -> None:
        self._organisation = organisation
        self._who = who
        # a thing that one zone covers at every time need not be looked at again
        self._doubtful = [
            (subject, covering)
            for subject, covering in _subjects(organisation, assets)
            if not _is_settled(covering)
        ]

    def lapses(self, at_us: int) -> list[Lapse]:
        """A site without zones has none: one person answers for everything there."""
        if not self._organisation.zones:
            return []
        return [*self._of_coverage(at_us), *self._of_owners(at_us), *self._of_rosters(at_us)]

    def ahead(self, from_us: int, zone: tzinfo) -> list[tuple[int, Lapse]]:
        """What will begin within a day, each with when, as far as is arranged now."""
        known = set(self.lapses(from_us))
        found: dict[Lapse, int] = {}
        for at_us in self._boundaries(from_us, from_us + AHEAD_US, zone):
            for lapse in self.lapses(at_us):
                if lapse not in known:
                    found.setdefault(lapse, at_us)
        return sorted(((at_us, lapse) for lapse, at_us in found.items()), key=lambda each: each[0])

    def _of_coverage(self, at_us: int) -> Iterator[Lapse]:
        for subject, covering in self._doubtful:
            person = subject.removeprefix("person:")
            if person != subject and self._who.is_moved(PersonId(person), at_us):
                continue  # into the one zone that the move names
            covers = [each for each in covering if _covers(*each, at_us)]
            if len({zone.zone_id for zone, _ in covers}) != 1:
                condition = Condition.TWO_ZONES if covers else Condition.NO_ZONE
                since_us = _since(_validities(covering), at_us)
                yield Lapse(condition=condition, subject=subject, since_us=since_us)

    def _of_owners(self, at_us: int) -> Iterator[Lapse]:
        for zone in self._organisation.zones:
            tenure = self._who.tenure(zone, at_us)
            if zone.validity.covers(at_us) and (tenure is None or tenure.owner is None):
                told = [each.validity for each in zone.tenures]
                since_us = _since([*told, tenure.validity] if tenure else told, at_us)
                yield Lapse(
                    condition=Condition.NO_OWNER, subject=f"zone:{zone.zone_id}", since_us=since_us
                )

    def _of_rosters(self, at_us: int) -> Iterator[Lapse]:
        for roster in self._organisation.rosters:
            for duty in self._who.on_duty(roster.roster_id, at_us):
                if not self._who.there(duty, at_us):
                    yield Lapse(
                        condition=Condition.NOBODY_ON_DUTY,
                        subject=f"roster:{roster.roster_id}",
                        detail=f"{duty.duty_date} {duty.shift.name} {duty.crew.name}",
                        since_us=self._away_since(duty, at_us),
                    )

    def _away_since(self, duty: Duty, at_us: int) -> int:
        """Since the last of the crew went, or the turn began."""
        left = (self._who.away_since(person, at_us) for person in duty.crew.persons)
        return max([duty.starts_us, *(since for since in left if since is not None)])

    def _boundaries(self, from_us: int, to_us: int, zone: tzinfo) -> list[int]:
        """The moments at which an answer may change."""
        moments = set(self._who.boundaries(from_us, to_us, zone))
        for _, covering in self._doubtful:
            moments.update(_ends(_validities(covering)))
        for each in self._organisation.zones:
            moments.update(_ends(tenure.validity for tenure in each.tenures))
        return sorted(each for each in moments if from_us < each <= to_us)


def _subjects(
    organisation: Organisation, assets: Iterable[AssetId]
) -> Iterator[tuple[str, _Covering]]:
    by_name: dict[str, _Covering] = {}
    for zone in organisation.zones:
        for coverage in zone.coverage:
            named = [
                *coverage.assets,
                *(f"place:{each}" for each in coverage.places),
                *(f"person:{each}" for each in coverage.people),
            ]
            for name in named:
                by_name.setdefault(name, []).append((zone, coverage))
    every: list[str] = [
        *assets,
        *(f"place:{each.place_id}" for each in organisation.places),
        *(f"person:{each.person_id}" for each in organisation.persons),
    ]
    return ((name, by_name.get(name, [])) for name in every)


def _is_settled(covering: _Covering) -> bool:
    return len(covering) == 1 and all(each == ALWAYS for each in _validities(covering))


def _validities(covering: _Covering) -> list[Validity]:
    return [each for zone, coverage in covering for each in (zone.validity, coverage.validity)]


def _covers(zone: Zone, coverage: Coverage, at_us: int) -> bool:
    return zone.validity.covers(at_us) and coverage.validity.covers(at_us)


def _since(validities: Iterable[Validity], at_us: int) -> int | None:
    """The newest moment at which one of them began or ended."""
    return max((each for each in _ends(validities) if each <= at_us), default=None)


def _ends(validities: Iterable[Validity]) -> Iterator[int]:
    for each in validities:
        yield from (end for end in (each.from_us, each.until_us) if end is not None)
