"""Who has the watch where one shift hands over to the next: the old one until both have signed. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from domain.assets import Asset
from domain.clock import MINUTE_US
from domain.handover import Post, Watch
from domain.ids import AssetId, watch_id
from domain.organisation import Crew, Organisation, Shift
from domain.responsibility import Reason
from linkage.rosters import Duty

# what began so long ago is answered by the roster alone
REMEMBERED_US = 48 * 60 * MINUTE_US


@dataclass(frozen=True, slots=True)
class InCharge:
    """The crew that answers at a post, and why where the roster says otherwise."""

    duty: Duty
    because: Reason | None = None


def posts_of(organisation: Organisation, assets: Mapping[AssetId, Asset]) -> tuple[Post, ...]:
    """Of the rosters whose shifts hand over. One that acts in no zone has them all: the dispatch room."""
    stations: dict[str, set[str]] = {}
    for zone in organisation.zones:
        for coverage in zone.coverage if zone.roster_id else ():
            here = {assets[each].station for each in coverage.assets if each in assets}
            stations.setdefault(zone.roster_id or "", set()).update(here)
    return tuple(
        Post(
            post_id=roster.roster_id,
            name=roster.post,
            stations=frozenset(stations.get(roster.roster_id, ())),
            late_after_us=roster.late_after_us,
        )
        for roster in organisation.rosters
        if roster.post
    )


class Watches:
    """The newest version of every watch that still matters."""

    def __init__(
        self, posts: Iterable[Post], watches: Iterable[Watch] = (), known_until_us: int = 0
    ) -> None:
        """After `known_until_us` nobody knows who will have signed: there the roster counts."""
        self.posts = {post.post_id: post for post in posts}
        self._watches: dict[str, dict[UUID, Watch]] = {}
        self._known_until_us = known_until_us
        for watch in watches:
            self.keep(watch)

    def known_until(self, at_us: int) -> None:
        self._known_until_us = max(self._known_until_us, at_us)

    def keep(self, watch: Watch) -> None:
        of_post = self._watches.setdefault(watch.post_id, {})
        known = of_post.get(watch.watch_id)
        if known is None or known.version < watch.version:
            of_post[watch.watch_id] = watch

    def get(self, watch: UUID) -> Watch | None:
        return next((each for each in self._every() if each.watch_id == watch), None)

    def current(self, post_id: str) -> Watch | None:
        open_ones = [each for each in self._watches.get(post_id, {}).values() if each.is_open]
        return max(open_ones, key=lambda each: each.began_at_us, default=None)

    def open(self) -> list[Watch]:
        return [each for each in self._every() if each.is_open]

    def forget_before(self, at_us: int) -> None:
        for of_post in self._watches.values():
            for watch in list(of_post.values()):
                if watch.taken_at_us is not None and watch.taken_at_us < at_us:
                    del of_post[watch.watch_id]

    def in_charge(self, post_id: str, at_us: int, by_roster: tuple[Duty, ...]) -> InCharge | None:
        """The crew that has the watch at the moment; None where the roster alone says it."""
        post = self.posts.get(post_id)
        if post is None or at_us > self._known_until_us:
            return None
        has_it = [
            each for each in self._watches.get(post_id, {}).values() if each.answers_at(at_us)
        ]
        if not has_it:
            return None
        watch = max(has_it, key=lambda each: each.began_at_us)
        # as the roster has it: whoever stands in for somebody stands there
        same = [duty for duty in by_roster if _is_of(duty, watch)]
        if same:
            return InCharge(same[0])
        code = "not_handed_over" if at_us >= watch.ends_us else "handed_over_early"
        why = Reason.of(
            code, post=post.name, crew=watch.crew, shift=watch.shift, day=watch.duty_date
        )
        return InCharge(_duty_of(watch), why)

    def _every(self) -> Iterator[Watch]:
        for of_post in self._watches.values():
            yield from of_post.values()


def watch_of(duty: Duty, post: Post, at_us: int, before: Watch | None) -> Watch:
    """The crew of this turn takes over."""
    return Watch(
        watch_id=watch_id(post.post_id, duty.starts_us),
        post_id=post.post_id,
        crew_id=duty.crew.crew_id,
        crew=duty.crew.name,
        persons=duty.crew.persons,
        duty_date=duty.duty_date.isoformat(),
        shift=duty.shift.name,
        starts_us=duty.starts_us,
        ends_us=duty.ends_us,
        began_at_us=at_us,
        before=before.watch_id if before else None,
    )


def next_turns(watch: Watch, now: tuple[Duty, ...], soon: tuple[Duty, ...]) -> list[Duty]:
    """The turns that may take over: on duty now, or soon; the nearest first."""
    known: dict[tuple[int, str], Duty] = {}
    for duty in (*now, *soon):
        if duty.starts_us > watch.starts_us and not duty.shift.on_call:
            known.setdefault((duty.starts_us, duty.crew.crew_id), duty)
    return list(known.values())


def _is_of(duty: Duty, watch: Watch) -> bool:
    return (duty.starts_us, duty.crew.crew_id) == (watch.starts_us, watch.crew_id)


def _duty_of(watch: Watch) -> Duty:
    """As it was when it took over; of its shift only the name is asked for."""
    shift = Shift(
        name=watch.shift,
        start_minute=0,
        length_minutes=(watch.ends_us - watch.starts_us) // MINUTE_US,
    )
    crew = Crew(crew_id=watch.crew_id, name=watch.crew, offset_days=0, persons=watch.persons)
    return Duty(
        duty_date=date.fromisoformat(watch.duty_date),
        shift=shift,
        crew=crew,
        starts_us=watch.starts_us,
        ends_us=watch.ends_us,
    )
