"""Learns the streams of a learned detector anew from history, beside the running one on the same rows.

The new one learns the older four fifths; then both go through the newest fifth. The running one has mostly
seen that fifth before: what beats it all the same is better.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.judgement.keeping import memory_of
from detectors.judgement.registry import Kind, settings_of
from domain.ids import PointKey
from service.judge_memory import JudgeMemory
from service.judging import Judging, Latest, as_moments
from service.model_store import LearntStreams
from service.watched import MINUTE_US, Watched, fresh_judge

_TRAINED_SHARE: Final = 0.8
# moments, of which a detector of the kind speaks after so many
_LEAST_MOMENTS: Final = {Kind.RHYTHM: 400, Kind.THERMAL: 500, Kind.PROCESS: 500}

_RUN_IN: Final = 300  # moments, after which the running one's lags are of this time again

History = Mapping[PointKey, Mapping[str, Sequence[Any]]]
Moment = tuple[int, Latest]


class TooLittle(ValueError):
    """A history from which nothing can be learnt; the message says why."""


def relearnt(
    judging: Judging,
    running: Watched,
    history: History,
    memory: JudgeMemory,
    before: LearntStreams | None,
    version: int,
) -> tuple[LearntStreams, int, float, float | None]:
    """`before` is what a judge without a memory would begin with.

    (what was learnt, of how many rows both were judged, new error, running error). Raises TooLittle."""
    moments = list(as_moments(history, max(running.step_us, MINUTE_US)))
    least = _LEAST_MOMENTS[running.kind]
    if len(moments) < least:
        raise TooLittle(f"{len(moments)} rows are too few, {least} are needed")
    split = int(_TRAINED_SHARE * len(moments))
    fresh = replace(
        running, judge=fresh_judge(running.kind, running.points, running.step_us), at_step=-1
    )
    for at_us, latest in moments[:split]:
        judging.learn(fresh, latest, at_us)
    new_error = _error(judging, fresh, moments[split:])
    running_error = None
    if memory.restore(running, before):
        for at_us, latest in moments[max(0, split - _RUN_IN) : split]:
            judging.learn(running, latest, at_us)
        running_error = _error(judging, running, moments[split:])
    learnt = LearntStreams(
        version=version,
        settings=settings_of(fresh.kind),
        at_step=fresh.at_step,
        arrays=memory_of(fresh.judge),
    )
    return learnt, len(moments) - split, new_error, running_error


def _error(judging: Judging, each: Watched, moments: Iterable[Moment]) -> float:
    """How far each stream was from what was expected, as a share of its own spread; of a machine the share of
    the time that it stood off its level. inf where nothing could be told."""
    apart, values = [], []
    for at_us, latest in moments:
        judging.learn(each, latest, at_us)
        apart.append(each.judge.apart)
        values.append([_value(latest, point.key) for point in each.points])
    if each.kind is Kind.PROCESS:
        return float(np.mean(apart))
    off = _mean(np.abs(np.array(apart)))
    own = np.array(values)[:, : off.shape[0]] if each.kind is Kind.RHYTHM else _oil(each, values)
    spread = _mean(np.abs(own - _mean(own)))
    known = np.isfinite(off) & (spread > 0.0)
    return float(np.mean(off[known] / spread[known])) if known.any() else float("inf")


def _oil(each: Watched, values: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """The channels that are forecast."""
    forecast = [row for row, point in enumerate(each.points) if point.unit == "degC"]
    return np.array(values)[:, forecast]


def _mean(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each column what is known of it; NaN where that is nothing."""
    known = np.isfinite(rows)
    count = known.sum(axis=0)
    total = np.where(known, rows, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _value(latest: Latest, key: PointKey) -> float:
    value, _, quality = latest.get(key, (None, 0, 0))
    return float("nan") if value is None or quality else value
