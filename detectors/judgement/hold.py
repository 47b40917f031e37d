"""Alarm management: after an alarm a stream is silent for a while, unless it gets worse."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class HoldConfig:
    limit: float  # rarity that alarms
    silent_rows: int  # after an alarm, at least
    silent_share: float = (
        0.0  # of the rows seen so far: who is watched for longer is heard more seldom
    )
    escalates_by: float = 3.0  # a thousand times rarer than what is already told is told again


class Hold:
    """n streams. What a silenced stream shows is never lost: it is counted, and it may escalate."""

    def __init__(self, streams: int, config: HoldConfig) -> None:
        self._config = config
        self._seen = np.zeros(streams, np.int64)
        self._silent_until = np.zeros(streams, np.int64)
        self._told = np.zeros(streams)
        self.withheld = np.zeros(streams, np.int64)

    def decide(self, rarity: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """(n,) streams that alarm now, and (n,) those whose standing alarm got worse."""
        self._seen += 1
        strange = rarity >= self._config.limit
        silent = self._seen <= self._silent_until
        alarms = strange & ~silent
        worse = strange & silent & (rarity >= self._told + self._config.escalates_by)
        self.withheld += strange & silent & ~worse
        rows = np.maximum(self._config.silent_rows, self._config.silent_share * self._seen)
        self._silent_until = np.where(
            alarms, self._seen + rows.astype(np.int64), self._silent_until
        )
        self._told = np.where(alarms | worse, rarity, self._told)
        return alarms, worse

    def silent(self) -> NDArray[np.bool_]:
        """(n,) streams that would not alarm at the next tick."""
        return self._seen + 1 <= self._silent_until
