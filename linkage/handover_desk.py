"""Signatures of a hand-over, and what the passing of time does: watches begin, and are late.

Decisions only; raises Refused with the reason, and then nothing has changed. What there is once for a site is
decided where its posts concern somebody: in the desk's partition.
"""

from collections.abc import Callable, Iterable
from datetime import tzinfo
from typing import Final
from uuid import UUID

from domain.assets import AlarmClass, Condition, Priority
from domain.changes import Changes
from domain.clock import to_datetime
from domain.events import AlarmCleared, AlarmRaised, Event
from domain.handover import (
    EARLIEST_US,
    PAGE_BYTES_AT_MOST,
    POST,
    Post,
    SignedPage,
    Watch,
    WatchState,
)
from domain.ids import AssetId, PersonId, event_id
from domain.paperwork import User
from domain.records import Requested
from domain.requests import NoteHandover, Refused, RefuseHandover, SignHandover, TakeOver
from domain.responsibility import Reason
from linkage.plan import LinkagePlan
from linkage.responsibility import Responsibility
from linkage.rosters import Duty
from linkage.watches import REMEMBERED_US, Watches, next_turns, watch_of

HandoverRequest = NoteHandover | SignHandover | TakeOver | RefuseHandover
HANDOVER_REQUESTS: Final = (NoteHandover, SignHandover, TakeOver, RefuseHandover)
_SIGNAL: Final = {"zh-CN": "交接班", "en": "hand-over"}


class HandoverDesk:
    """Holds nothing of its own: the watches are responsibility's too."""

    def __init__(
        self,
        plan: LinkagePlan,
        watches: Watches,
        responsibility: Responsibility,
        told: Callable[[Event, Changes], None],
        concerns: Callable[[AssetId], bool],
    ) -> None:
        self._plan = plan
        self._watches = watches
        self._responsibility = responsibility
        self._told = told
        self._concerns = concerns

    def learn(self, watches: Iterable[Watch]) -> None:
        for watch in watches:
            self._watches.keep(watch)

    def handle(
        self, asked: Requested, request: HandoverRequest, user: User, changes: Changes
    ) -> str:
        """The id of the watch. Raises Refused."""
        watch, post = self._open(request.watch_id, user)
        at_us = asked.at_us
        match request:
            case NoteHandover():
                self._expect_of_crew(user, watch.persons, watch)
                self._keep(watch.noted(request.notes.strip()), changes)
            case SignHandover():
                self._sign(request, watch, user, at_us, changes)
            case TakeOver():
                self._take_over(request, watch, post, user, at_us, changes)
            case RefuseHandover():
                if not request.words.strip():
                    raise Refused(Reason.of("words_needed"))
                self._incoming(watch, user, at_us)
                self._keep(watch.refused(user.name, at_us, request.words.strip()), changes)
        return str(watch.watch_id)

    def ticked(self, at_us: int, changes: Changes) -> None:
        self._watches.forget_before(at_us - REMEMBERED_US)
        for watch in self._watches.open():
            if watch.post_id not in self._watches.posts and self._is_ours(watch.post_id):
                self._end(watch, at_us, changes)
        for post in self._watches.posts.values():
            if self._concerns(post.asset_id):
                self._look_at(post, at_us, changes)

    def _is_ours(self, post_id: str) -> bool:
        return self._concerns(AssetId(f"{POST}{post_id}"))

    def _look_at(self, post: Post, at_us: int, changes: Changes) -> None:
        """The first watch begins by itself: somebody must be the one to hand over."""
        watch = self._watches.current(post.post_id)
        if watch is None:
            now = self._responsibility.on_duty(post.post_id, at_us)
            if now:
                self._keep(watch_of(now[0], post, at_us, None), changes)
        elif watch.late_since_us is None and at_us >= watch.ends_us + post.late_after_us:
            since_us = watch.ends_us + post.late_after_us
            self._keep(watch.late(since_us), changes)
            self._told(self._late_event(post, since_us, at_us), changes)

    def _end(self, watch: Watch, at_us: int, changes: Changes) -> None:
        """The site's new version hands over no more here."""
        self._keep(watch.ended(at_us), changes)
        self._late_no_more(watch, at_us, changes)

    def _open(self, wanted: UUID, user: User) -> tuple[Watch, Post]:
        watch = self._watches.get(wanted)
        post = self._watches.posts.get(watch.post_id) if watch else None
        if watch is None or post is None or not watch.is_open:
            raise Refused(Reason.of("no_such_watch"))
        for station in sorted(post.stations) or [""]:
            if user.stations and not user.in_scope(station):
                raise Refused(Reason.of("out_of_scope", station=station or post.name))
        return watch, post

    def _sign(
        self, request: SignHandover, watch: Watch, user: User, at_us: int, changes: Changes
    ) -> None:
        self._expect_of_crew(user, watch.persons, watch)
        if at_us < watch.ends_us - EARLIEST_US:
            raise Refused(self._too_early(watch.ends_us - EARLIEST_US))
        page = SignedPage.of(request.page)
        if len(page.content.encode()) > PAGE_BYTES_AT_MOST:
            raise Refused(Reason.of("page_too_large"))
        changes.pages.append(page)
        self._keep(watch.signed(user.name, at_us, page.digest), changes)

    def _take_over(
        self,
        request: TakeOver,
        watch: Watch,
        post: Post,
        user: User,
        at_us: int,
        changes: Changes,
    ) -> None:
        duty = self._incoming(watch, user, at_us)
        if user.name == watch.signed_by:
            raise Refused(Reason.of("second_person"))
        if request.page_digest != watch.page:
            raise Refused(Reason.of("page_changed"))
        self._keep(watch.taken(user.name, at_us), changes)
        self._keep(watch_of(duty, post, at_us, watch), changes)
        self._late_no_more(watch, at_us, changes)

    def _incoming(self, watch: Watch, user: User, at_us: int) -> Duty:
        """The turn that this person takes over for."""
        if watch.state is not WatchState.SIGNED:
            raise Refused(Reason.of("outgoing_signs_first"))
        turns = next_turns(
            watch,
            self._responsibility.on_duty(watch.post_id, at_us),
            self._responsibility.on_duty(watch.post_id, at_us + EARLIEST_US),
        )
        if not turns:
            raise Refused(self._too_early(watch.ends_us - EARLIEST_US))
        own = [duty for duty in turns if user.person_id in duty.crew.persons]
        if own:
            return own[0]
        if not self._leads(user, watch):
            crews = ", ".join(dict.fromkeys(duty.crew.name for duty in turns))
            raise Refused(Reason.of("not_of_the_crew", crew=crews))
        return turns[0]

    def _expect_of_crew(self, user: User, persons: tuple[PersonId, ...], watch: Watch) -> None:
        """Of the crew as it took over, or as the roster has it now: somebody may stand in."""
        now = self._responsibility.on_duty(watch.post_id, watch.ends_us - 1)
        standing_in = [
            each for duty in now if duty.starts_us == watch.starts_us for each in duty.crew.persons
        ]
        if user.person_id not in {*persons, *standing_in} and not self._leads(user, watch):
            raise Refused(Reason.of("not_of_the_crew", crew=watch.crew))

    def _leads(self, user: User, watch: Watch) -> bool:
        """He heads the crew's team or stands above it in the production command chain."""
        return user.person_id is not None and user.person_id in self._responsibility.leads_of(
            watch.post_id
        )

    def _keep(self, watch: Watch, changes: Changes) -> None:
        self._watches.keep(watch)
        changes.watches.append(watch)

    def _late_event(self, post: Post, since_us: int, at_us: int) -> AlarmRaised:
        return AlarmRaised(
            event_id=self._late_id(post.post_id, since_us),
            site=self._plan.site,
            point=post.asset_id,
            asset_id=post.asset_id,
            signal=_SIGNAL[self._plan.language],
            unit="",
            condition=Condition.HANDOVER_LATE,
            alarm_class=AlarmClass.ABNORMAL,
            priority=Priority.MINOR,
            started_at_us=since_us,
            raised_at_us=since_us,
            detected_at_us=at_us,
            value=float("nan"),
            limit=float("nan"),
            limits_version=0,
            output_allowed=False,  # it calls nobody: it is a matter of order
        )

    def _late_no_more(self, watch: Watch, at_us: int, changes: Changes) -> None:
        if watch.late_since_us is None:
            return
        self._told(
            AlarmCleared(
                event_id=self._late_id(watch.post_id, watch.late_since_us),
                ended_at_us=at_us,
                detected_at_us=at_us,
                value=float("nan"),
            ),
            changes,
        )

    def _late_id(self, post_id: str, since_us: int) -> UUID:
        return event_id(self._plan.site, f"{POST}{post_id}", Condition.HANDOVER_LATE, since_us)

    def _too_early(self, at_us: int) -> Reason:
        return Reason.of("sign_too_early", when=_time(at_us, self._plan.zone))


def _time(at_us: int, zone: tzinfo) -> str:
    return to_datetime(at_us).astimezone(zone).strftime("%m-%d %H:%M")
