"""Views of one asset for experts, and a panel that is looked through moment by moment."""

from collections.abc import Mapping
from typing import Any, Final

from detectors.judgement.panel import Panel
from detectors.judgement.view import Reading, View
from domain.findings import Opinion, Stance
from domain.ids import AssetId
from domain.plates import Plate

ASSET: Final = AssetId("N/1")
START_US: Final = 1_790_000_000_000_000 // 86_400_000_000 * 86_400_000_000  # midnight
MINUTE_US: Final = 60_000_000
DAY_US: Final = 86_400_000_000


def view(
    at_us: int,
    signals: Mapping[str, float],
    *,
    good: bool = True,
    sky: Mapping[str, float] | None = None,
    plate: Plate | None = None,
    nominal_kv: float | None = 10.0,
    **read_at_us: int,
) -> View:
    """`read_at_us` gives a signal another time than the look."""
    return View(
        asset_id=ASSET,
        at_us=at_us,
        local_us=at_us,
        signals={
            name: Reading(value, read_at_us.get(name, at_us), good=good)
            for name, value in signals.items()
        },
        sky={name: Reading(value, at_us) for name, value in (sky or {}).items()},
        plate=plate or Plate(),
        nominal_kv=nominal_kv,
    )


def agreeing(opinions: list[Opinion]) -> list[Opinion]:
    return [each for each in opinions if each.stance is Stance.AGREES]


def looked(panel: Panel, minutes: int, step: int = 1, **given: Any) -> list[Opinion]:
    """What stands after looks at every `step` minutes, all of them at the same values."""
    said: list[Opinion] = []
    for minute in range(0, minutes, step):
        said = panel.opinions(view(START_US + minute * MINUTE_US, **given))
    return agreeing(said)
