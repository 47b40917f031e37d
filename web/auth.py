"""Who is signed in: a session names the user and the version of him that signed in.

A changed password, a disabled user or other roles make a new version, which signs out everywhere.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Final

from domain.paperwork import User
from service.passwords import matches
from storage.console_reads import ConsoleReads

_FREE_TRIES: Final = 5
_FIRST_WAIT_S: Final = 5.0
_LONGEST_WAIT_S: Final = 300.0
_REMEMBERED: Final = 10_000


class TooManyTries(Exception):
    """Wait; the message is not for the person, `seconds` is."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"wait {seconds:.0f} s")
        self.seconds = max(1, round(seconds))


class SignIn:
    """Passwords are compared here and nowhere else; guessing gets slower with every failure."""

    def __init__(
        self, reads: ConsoleReads, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._reads = reads
        self._monotonic = monotonic
        self._failures: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._not_before: dict[tuple[str, str], float] = {}

    def check(self, name: str, password: str, address: str) -> User | None:
        """None where name or password is wrong. Raises TooManyTries, StorageUnavailable."""
        who = (name, address)
        wait_s = self._not_before.get(who, 0.0) - self._monotonic()
        if wait_s > 0:
            raise TooManyTries(wait_s)
        user = self._reads.user(name)
        # a name that nobody has takes as long as one that somebody has
        right = matches(password, user.password if user else _NOBODY)
        if user is None or user.disabled or not right:
            self._failed(who)
            return None
        self._failures.pop(who, None)
        self._not_before.pop(who, None)
        return user

    def _failed(self, who: tuple[str, str]) -> None:
        if len(self._failures) > _REMEMBERED:
            self._failures.clear()
            self._not_before.clear()
        self._failures[who] += 1
        over = self._failures[who] - _FREE_TRIES
        if over >= 0:
            wait_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2**over)
            self._not_before[who] = self._monotonic() + wait_s


# what a name that nobody has is compared with; no password has this hash
_NOBODY: Final = "scrypt$32768$8$1$bm9ib2R5bm9ib2R5bm9ibw==$" + "A" * 43 + "="
