"""Shift hand-over (交接班): who has the watch at a post, until when, and with which signed page it went on.

    on watch --outgoing signs--> signed --incoming signs--> handed over (and the next watch begins)
                  ^                 |
                  +-----refused-----+

Until both have signed the old crew answers (linkage.watches).
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256
from typing import Final
from uuid import UUID

from domain.clock import MINUTE_US
from domain.ids import AssetId, PersonId
from domain.incidents import IllegalMove

# so long before its shift begins a crew may take over, and the one before it sign
EARLIEST_US: Final = 60 * MINUTE_US
PAGE_BYTES_AT_MOST: Final = 512 * 1024
POST: Final = "post/"  # begins the id of what an event about a post stands at


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Where one shift hands over to the next: an attended station, the dispatch room."""

    post_id: str  # the roster's
    name: str
    stations: frozenset[str]  # empty: all of them
    late_after_us: int

    @property
    def asset_id(self) -> AssetId:
        """What an event about the post stands at."""
        return AssetId(f"{POST}{self.post_id}")

    @property
    def station(self) -> str:
        """Of its log lines: that of a post with one station, else the dispatch room's."""
        return next(iter(self.stations)) if len(self.stations) == 1 else ""

    def sees(self, station: str) -> bool:
        return not self.stations or station in self.stations


class WatchState(StrEnum):
    ON_WATCH = "on_watch"
    SIGNED = "signed"  # by the outgoing shift; the incoming one has not
    HANDED_OVER = "handed_over"
    ENDED = "ended"  # the site hands over no more at this post


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One crew's time at a post, from taking over to handing over. A move returns the next version of it."""

    watch_id: UUID  # from post and start of the shift
    post_id: str
    crew_id: str
    crew: str
    persons: tuple[PersonId, ...]
    duty_date: str
    shift: str
    starts_us: int  # by the roster
    ends_us: int
    began_at_us: int  # when it took over
    before: UUID | None = None  # the watch it took over from; none: the first one here
    state: WatchState = WatchState.ON_WATCH
    notes: str = ""
    page: str = ""  # hash of what was signed
    signed_by: str | None = None
    signed_at_us: int | None = None
    taken_by: str | None = None
    taken_at_us: int | None = None  # until then this crew answers
    refused_by: str | None = None
    refused_at_us: int | None = None
    refusal: str = ""
    late_since_us: int | None = None  # once that was told
    version: int = 1

    @property
    def is_open(self) -> bool:
        return self.state in {WatchState.ON_WATCH, WatchState.SIGNED}

    def answers_at(self, at_us: int) -> bool:
        return self.began_at_us <= at_us and (self.taken_at_us is None or at_us < self.taken_at_us)

    def noted(self, notes: str) -> "Watch":
        """What was signed is what was written then: a new note needs a new signature."""
        self._expect_open("noted")
        return self._next(
            notes=notes, state=WatchState.ON_WATCH, page="", signed_by=None, signed_at_us=None
        )

    def signed(self, by: str, at_us: int, page: str) -> "Watch":
        """Again where something has changed since."""
        self._expect_open("signed")
        return self._next(state=WatchState.SIGNED, signed_by=by, signed_at_us=at_us, page=page)

    def taken(self, by: str, at_us: int) -> "Watch":
        self._expect_signed("taken over")
        return self._next(state=WatchState.HANDED_OVER, taken_by=by, taken_at_us=at_us)

    def refused(self, by: str, at_us: int, why: str) -> "Watch":
        self._expect_signed("refused")
        return self._next(
            state=WatchState.ON_WATCH, refused_by=by, refused_at_us=at_us, refusal=why, page=""
        )

    def late(self, since_us: int) -> "Watch":
        return self._next(late_since_us=since_us)

    def ended(self, at_us: int) -> "Watch":
        self._expect_open("ended")
        return self._next(state=WatchState.ENDED, taken_at_us=at_us)

    def _expect_open(self, move: str) -> None:
        if not self.is_open:
            raise IllegalMove(f"watch {self.watch_id} is {self.state}: it cannot be {move}")

    def _expect_signed(self, move: str) -> None:
        if self.state is not WatchState.SIGNED:
            raise IllegalMove(f"watch {self.watch_id} is {self.state}: it cannot be {move}")

    def _next(self, **changes: object) -> "Watch":
        return replace(self, version=self.version + 1, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedPage:
    """What was signed, to the letter; found by its hash, and never changed."""

    digest: str
    content: str  # JSON of service.handover_page

    @classmethod
    def of(cls, content: str) -> "SignedPage":
        """What no store takes as text is written in words before it is hashed."""
        plain = content.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
        return cls(digest=digest_of(plain), content=plain)

    @property
    def is_whole(self) -> bool:
        return digest_of(self.content) == self.digest


def digest_of(content: str) -> str:
    return sha256(content.encode()).hexdigest()
