"""Dead, frozen, dark and moved cameras, each after its time and never before."""

from collections.abc import Iterable

import numpy as np
import pytest

from detectors.violations.eyesight import Eyesight, EyesightTimes, miniature
from domain.cameras import Camera, CameraKind, CameraState, Picture
from domain.clock import SECOND_US
from domain.ids import AssetId, CameraId

TIMES = EyesightTimes(frozen_s=30, dark_s=20, moved_s=20, well_again_s=5)
NIGHT = 0.03  # part of the light of day


def camera(**fields: object) -> Camera:
    known: dict[str, object] = {
        "camera_id": CameraId("C1"),
        "name": "1号摄像机",
        "station": "35kV柳塬变",
        "asset_id": AssetId("LY/HJ"),
        "kind": CameraKind.RTSP,
        "address": "rtsp://10.0.0.1/1",
    }
    return Camera(**(known | fields))  # type: ignore[arg-type]


def view(seed: int) -> Picture:
    """A scene of blocks, as bays and cabinets are."""
    size = 8 + 5 * seed
    blocks = np.random.default_rng(seed).integers(20, 236, (40, 40), dtype=np.uint8)
    grey = np.kron(blocks, np.ones((size, size), np.uint8))[:216, :256]
    return np.repeat(grey[:, :, None], 3, axis=2)


def noisy(picture: Picture, moment: int, light: float = 1.0) -> Picture:
    noise = np.random.default_rng(1_000 + moment).normal(0, 3, picture.shape)
    return np.clip(picture * light + noise, 0, 255).astype(np.uint8)


def states(watch: Eyesight, pictures: Iterable[Picture | None]) -> list[CameraState]:
    """The state after each second; None: no picture came."""
    told = []
    for second, picture in enumerate(pictures, start=1):
        at_us = second * SECOND_US
        told.append(watch.passed(at_us) if picture is None else watch.saw(picture, at_us))
    return told


def live(seconds: int, seed: int = 1, light: float = 1.0, start: int = 0) -> list[Picture | None]:
    return [noisy(view(seed), start + second, light) for second in range(seconds)]


@pytest.mark.parametrize(
    ("then", "after_s", "state"),
    [
        pytest.param([None] * 11, 10, CameraState.DEAD, id="nothing-comes"),
        pytest.param([noisy(view(1), 9)] * 40, 31, CameraState.FROZEN, id="the-same-picture"),
        pytest.param(live(30, light=NIGHT, start=50), 21, CameraState.DARK, id="no-light"),
        pytest.param(live(30, seed=2, start=50), 21, CameraState.MOVED, id="another-view"),
    ],
)
def test_each_state_is_told_after_its_time(
    then: list[Picture | None], after_s: int, state: CameraState
) -> None:
    watch = Eyesight(camera(), 0, TIMES)
    assert states(watch, live(20))[-1] is CameraState.LIVE
    told = states_from(watch, 20, then)
    assert told.index(state) + 1 == pytest.approx(after_s, abs=1)
    assert set(told) == {CameraState.LIVE, state}


def states_from(
    watch: Eyesight, second: int, pictures: Iterable[Picture | None]
) -> list[CameraState]:
    told = []
    for number, picture in enumerate(pictures, start=second + 1):
        at_us = number * SECOND_US
        told.append(watch.passed(at_us) if picture is None else watch.saw(picture, at_us))
    return told


@pytest.mark.parametrize(
    "then",
    [
        pytest.param([None] * 9, id="a-short-gap"),
        pytest.param([noisy(view(1), 9)] * 25, id="a-short-stall"),
        pytest.param(live(15, light=NIGHT, start=50), id="a-lamp-that-flickers"),
        pytest.param(live(15, seed=2, start=50), id="somebody-before-the-lens"),
        pytest.param(live(60, light=0.4, start=50), id="dusk"),
    ],
)
def test_what_passes_is_no_event(then: list[Picture | None]) -> None:
    watch = Eyesight(camera(), 0, TIMES)
    states(watch, live(20))
    assert set(states_from(watch, 20, then)) == {CameraState.LIVE}


def test_it_is_well_again_after_its_time() -> None:
    watch = Eyesight(camera(), 0, TIMES)
    states(watch, live(20))
    states_from(watch, 20, live(30, light=NIGHT, start=50))
    told = states_from(watch, 50, live(10, start=90))
    assert told[0] is CameraState.DARK
    assert told[-1] is CameraState.LIVE
    assert told.count(CameraState.DARK) == pytest.approx(5, abs=1)


def test_a_camera_that_never_gave_a_picture_is_dead() -> None:
    watch = Eyesight(camera(silent_after_s=10.0), 0, TIMES)
    assert watch.passed(9 * SECOND_US) is CameraState.STARTING
    assert watch.passed(10 * SECOND_US) is CameraState.DEAD


def test_what_the_site_does_not_watch_is_not_told() -> None:
    watch = Eyesight(camera(watch_dark=False, watch_moved=False), 0, TIMES)
    states(watch, live(20))
    others = live(30, light=NIGHT, start=50) + live(30, seed=2, start=90)
    assert set(states_from(watch, 20, others)) == {CameraState.LIVE}


def test_the_new_view_is_right_where_a_person_says_so() -> None:
    watch = Eyesight(camera(), 0, TIMES)
    states(watch, live(20))
    assert states_from(watch, 20, live(30, seed=2, start=50))[-1] is CameraState.MOVED
    watch.looks_there(view(2))
    assert states_from(watch, 50, live(10, seed=2, start=90))[-1] is CameraState.LIVE


@pytest.mark.parametrize("shape", [(576, 704, 3), (1080, 1920, 3), (20, 30, 3), (1, 1, 3)])
def test_a_miniature_of_any_size(shape: tuple[int, int, int]) -> None:
    small = miniature(np.full(shape, 90, np.uint8))
    assert small.min() == small.max() == 90.0


def test_a_broken_picture_is_told_at_once_and_is_over_when_none_came_for_a_while() -> None:
    watch = Eyesight(camera(), 0, TIMES)
    for moment in range(3):
        watch.saw(noisy(view(1), moment), moment * SECOND_US)
    assert watch.broke(3 * SECOND_US) is CameraState.BROKEN
    states = [watch.saw(noisy(view(1), moment), moment * SECOND_US) for moment in range(4, 10)]
    assert states == [CameraState.BROKEN] * 5 + [CameraState.LIVE]


def test_one_that_sends_only_rubbish_is_dead_after_its_time() -> None:
    watch = Eyesight(camera(silent_after_s=10.0), 0, TIMES)
    for moment in range(1, 9):
        assert watch.broke(moment * SECOND_US) is CameraState.BROKEN
        watch.passed(moment * SECOND_US)
    assert watch.passed(10 * SECOND_US) is CameraState.DEAD
    assert watch.broke(11 * SECOND_US) is CameraState.DEAD
