"""Last gasps: meters that say good-bye, grouped to transformers and sections (DOMAIN E4). Pure.

Two meters, or three of ten, under one transformer within the window are a transformer without supply; half of
a section's transformers are a section without. Remembers gasps no longer than the window.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from domain.feeders import Feeder, OutageRules, Section, Transformer
from domain.ids import PointKey


@dataclass(frozen=True, slots=True)
class _Meter:
    feeder: Feeder
    section: Section
    transformer: Transformer


class Gasps:
    """Of the meters of these feeders."""

    def __init__(self, feeders: Iterable[Feeder], rules: OutageRules) -> None:
        self._rules = rules
        self._meters = {
            meter: _Meter(feeder, section, transformer)
            for feeder in feeders
            for section in feeder.sections
            for transformer in section.transformers
            for meter in transformer.meters
        }
        self._heard: dict[PointKey, int] = {}  # when, by the meter's own clock

    def feeder_of(self, meter: str) -> Feeder | None:
        known = self._meters.get(PointKey(meter))
        return known.feeder if known else None

    def hear(self, meter: str, at_us: int) -> None:
        if PointKey(meter) in self._meters:
            self._heard[PointKey(meter)] = at_us

    def forget_before(self, at_us: int) -> None:
        self._heard = {meter: heard for meter, heard in self._heard.items() if heard >= at_us}

    def dark_transformers(self, feeder: Feeder, at_us: int) -> list[str]:
        """Those that the gasps around this moment prove, in the order of the feeder."""
        return [
            transformer.transformer_id
            for section in feeder.sections
            for transformer in section.transformers
            if self._is_dark(transformer, at_us)
        ]

    def _is_dark(self, transformer: Transformer, at_us: int) -> bool:
        within = self._rules.gasp_within_us
        heard = sum(
            1
            for meter in transformer.meters
            if meter in self._heard and abs(at_us - self._heard[meter]) <= within
        )
        if heard == 0:
            return False
        enough = heard >= self._rules.gasp_meters
        return enough or heard >= self._rules.gasp_meter_share * len(transformer.meters)

    def is_section_dark(self, section: Section, dark: Iterable[str]) -> bool:
        ids = {each.transformer_id for each in section.transformers}
        share = len(ids & set(dark)) / len(ids) if ids else 0.0
        return bool(ids) and share >= self._rules.gasp_transformer_share
