"""The net looks where something moved; what stands still counts as seen, and nobody is missed."""

import numpy as np
import pytest

from detectors.violations.attention import Attention
from detectors.violations.boxes import NOTHING, Class, Detections, Picture

AGAIN_US = 5_000_000
STEP_US = 500_000
RNG = np.random.default_rng(8)


def picture(*, noise: float = 2.0, person_at: int | None = None, light: int = 90) -> Picture:
    """A yard in 704x576 with a sensor's noise; a person is 30 pixels wide and 80 high."""
    yard = np.full((576, 704, 3), light, np.float32)
    yard[:, 300:340] += 60
    if person_at is not None:
        yard[300:380, person_at : person_at + 30] = 30
    yard += RNG.normal(0, noise, yard.shape).astype(np.float32)
    return np.clip(yard, 0, 255).astype(np.uint8)


def a_head(score: float = 0.8) -> Detections:
    return Detections(
        np.array([[100, 300, 110, 310]], np.float32),
        np.array([score], np.float32),
        np.array([Class.HEAD]),
    )


class Net:
    """Gives in turn what it is told to find, then the last for ever."""

    def __init__(self, *finds: Detections) -> None:
        self.finds = list(finds)

    def detect(self, picture: Picture) -> Detections:
        return self.finds.pop(0) if len(self.finds) > 1 else self.finds[0]


def asked_at(
    pictures: list[Picture], net: Net | None = None, again_us: int = AGAIN_US
) -> list[int]:
    """The numbers of the pictures at which the net was asked."""
    attention, asked = Attention(again_us), []
    used = net or Net(NOTHING)
    for number, each in enumerate(pictures):
        before = attention.asked
        attention.found(each, number * STEP_US, used.detect)
        if attention.asked > before:
            asked.append(number)
    return asked


FIRST = [0, 1, 2, 3, 4]  # five looks after a movement, and the first picture is one


@pytest.mark.parametrize("noise", [0.0, 2.0, 6.0])
def test_a_still_yard_is_looked_at_now_and_then(noise: float) -> None:
    assert asked_at([picture(noise=noise) for _ in range(30)]) == [*FIRST, 14, 24]


@pytest.mark.parametrize(
    ("later", "asked"),
    [
        pytest.param(
            [picture(person_at=400)] * 10, [10, 11, 12, 13, 14], id="somebody-comes-and-stands"
        ),
        pytest.param(
            [picture(person_at=400 + 4 * step) for step in range(10)],
            list(range(10, 20)),
            id="somebody-walks",
        ),
        pytest.param([picture(light=130)] * 6, [10, 11, 12, 13, 14], id="a-lamp-goes-on"),
    ],
)
def test_what_moves_is_looked_at(later: list[Picture], asked: list[int]) -> None:
    still = [picture() for _ in range(10)]
    assert asked_at([*still, *later], again_us=60_000_000) == [*FIRST, *asked]


def test_what_moves_slowly_adds_up() -> None:
    """A pixel in two seconds: from picture to picture next to nothing."""
    pictures = [picture(person_at=300 + step // 4) for step in range(60)]
    assert any(number > 10 for number in asked_at(pictures, again_us=600_000_000))


def test_each_picture_where_the_setting_is_nothing() -> None:
    assert asked_at([picture() for _ in range(8)], again_us=0) == list(range(8))


def test_who_is_found_without_a_movement_is_looked_at_as_often_as_a_rule_wants() -> None:
    net = Net(*[NOTHING] * 5, a_head())
    assert asked_at([picture() for _ in range(22)], net) == [*FIRST, 14, 15, 16, 17, 18, 19]


def test_what_stands_still_counts_as_seen() -> None:
    attention, net = Attention(AGAIN_US), Net(a_head())
    found = [attention.found(picture(), number * STEP_US, net.detect) for number in range(12)]
    assert attention.asked < 12
    assert [len(each) for each in found] == [1] * 12


def test_pictures_of_another_size_are_looked_at() -> None:
    pictures = [picture() for _ in range(8)] + [picture()[:288, :352] for _ in range(2)]
    assert asked_at(pictures)[-2:] == [8, 9]
