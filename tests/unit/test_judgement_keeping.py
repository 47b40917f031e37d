"""A learned detector that was saved and read back goes on as if it had never stopped."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.judgement.keeping import UnfitMemory, memory_of, remember
from detectors.judgement.registry import Channel, Judge, Kind, build_judge
from detectors.judgement.sensors import Balance
from detectors.judgement.tick import Tick

START_US = 1_790_000_000_000_000
STEP_US = 3_600_000_000


def built(kind: Kind, channels: int = 3) -> Judge:
    units = ["degC", *["pu"] * (channels - 1)]
    named = [Channel(f"c{row}", unit) for row, unit in enumerate(units)]
    balances = (Balance(1, (2,)),) if channels > 2 else ()
    return build_judge(kind, named, STEP_US, balances)


def rows(count: int) -> NDArray[np.float64]:
    """With a habit of the day, noise, a gap and a jump near the end."""
    noise = np.random.default_rng(5)
    hours = np.arange(count)[:, None]
    values = 50.0 + 5.0 * np.sin(hours / 24.0 * 2.0 * np.pi) + noise.normal(0.0, 0.3, (count, 3))
    values[40:43, 1] = np.nan
    values[-20:] += 15.0
    return values


def ticked(judge: Judge, values: NDArray[np.float64], first: int) -> list[tuple[Any, ...]]:
    said = []
    for row, each in enumerate(values):
        found = judge.tick(Tick(START_US + (first + row) * STEP_US, each))
        said.append((found.raw.tolist(), found.alarm.tolist(), found.suspect.tolist()))
    return said


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize(
    "saved_after",
    [
        pytest.param(0, id="before-the-first-row"),
        pytest.param(150, id="while-it-warms-up"),
        pytest.param(500, id="when-it-speaks"),
        pytest.param(590, id="within-an-alarm"),
    ],
)
def test_it_goes_on_as_if_never_stopped(kind: Kind, saved_after: int) -> None:
    values = rows(600)
    uninterrupted = ticked(built(kind), values, 0)
    first = built(kind)
    before = ticked(first, values[:saved_after], 0)
    second = built(kind)
    remember(second, {name: array.copy() for name, array in memory_of(first).items()})
    after = ticked(second, values[saved_after:], saved_after)
    assert before + after == uninterrupted
    assert any(any(alarm) for _, alarm, _ in uninterrupted), "there is something to go on with"


def test_a_memory_is_its_own() -> None:
    first, second = built(Kind.RHYTHM), built(Kind.RHYTHM)
    ticked(first, rows(200), 0)
    memory = memory_of(first)
    remember(second, memory)
    kept = {name: array.copy() for name, array in memory_of(second).items()}
    ticked(first, rows(200), 200)
    assert all(
        np.array_equal(array, kept[name], equal_nan=True)
        for name, array in memory_of(second).items()
    )


def of_another_kind(memory: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return memory_of(built(Kind.PROCESS))


def with_a_stranger(memory: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return memory | {"_stranger": np.zeros(1)}


def without_one(memory: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {name: array for name, array in memory.items() if name != "_hold._seen"}


def as_other_numbers(memory: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return memory | {"_hold._seen": memory["_hold._seen"].astype(np.float64)}


def as_text(memory: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return memory | {"_limit": np.array(["seven"])}


def of_more_streams(memory: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return memory_of(built(Kind.RHYTHM, channels=4))


@pytest.mark.parametrize(
    "changed",
    [of_another_kind, with_a_stranger, without_one, as_other_numbers, as_text, of_more_streams],
)
def test_what_does_not_fit_is_refused(changed: Any) -> None:
    memory = memory_of(built(Kind.RHYTHM))
    with pytest.raises(UnfitMemory):
        remember(built(Kind.RHYTHM), changed(memory))
