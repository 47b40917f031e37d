"""What has been read of a site folder so far, and its files."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from domain.assets import Asset, Mode, Point
from domain.commands import FieldDevice
from domain.ids import AssetId, DeviceId, PointKey, SourceId
from linkage.plan import LinkageRule, Position, Suppression, ViolationRule
from service.site.model import SourceSettings
from service.site.nodes import Fields, Value, read_document
from service.site.problems import Problem, did_you_mean

_NAMED_IN: Final = {
    "sources": {"source"},
    "assets": {"station", "device", "point"},
    "limits": set[str](),
    "organisation": {"unit", "team", "person", "place"},
}


@dataclass(slots=True)
class Found:
    """What has been read so far, and where each name was given first."""

    problems: list[Problem] = field(default_factory=list)
    assets: dict[AssetId, Asset] = field(default_factory=dict)
    points: dict[PointKey, Point] = field(default_factory=dict)
    sources: dict[SourceId, SourceSettings] = field(default_factory=dict)
    devices: dict[DeviceId, FieldDevice] = field(default_factory=dict)
    rules: dict[str, LinkageRule] = field(default_factory=dict)
    violations: dict[str, ViolationRule] = field(default_factory=dict)
    modes: dict[str, Mode] = field(default_factory=dict)
    positions: list[Position] = field(default_factory=list)
    attended: set[str] = field(default_factory=set)  # stations with staff
    suppressions: dict[str, Suppression] = field(default_factory=dict)
    declared: dict[tuple[str, str], Value | Fields] = field(default_factory=dict)  # where it stands
    places: dict[tuple[str, str], str] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)  # kinds of which a file could not be read

    def expect(self, value: Value, kind: str, name: str, known: Iterable[str]) -> bool:
        """Notes the mistake where nothing of that kind has the name."""
        if name in known:
            return True
        if kind not in self.unreadable:  # else it may stand there: one mistake, one problem
            value.wrong(f"no {kind} is named {name!r}{did_you_mean(name, known)}")
        return False

    def is_new(self, kind: str, name: str, at: Value | Fields) -> bool:
        """Notes the mistake where the same name was given before."""
        first = self.places.setdefault((kind, name), f"{at.file} line {at.line}")
        if first != f"{at.file} line {at.line}":
            at.wrong(f"{kind} {name} is given twice, first in {first}")
            self.unreadable.add(kind)  # the other name, which was meant, may be looked for
            return False
        return True


def documents(folder: Path, kind: str, found: Found, *, required: bool = True) -> Iterator[Fields]:
    """The YAML files of one subfolder, in order of their names."""
    paths = sorted(path for path in (folder / kind).glob("*.y*ml") if path.is_file())
    if not paths and required:
        found.unreadable |= _NAMED_IN[kind]
        found.problems.append(Problem(f"{kind}/", 0, "needs at least one .yaml file"))
    for path in paths:
        fields = document(folder, path, found)
        if fields is None:
            found.unreadable |= _NAMED_IN.get(kind, set())
        else:
            yield fields


def document(folder: Path, path: Path, found: Found) -> Fields | None:
    if not path.is_file():
        found.problems.append(Problem(path.name, 0, "the file is missing"))
        return None
    document = read_document(folder, path, found.problems)
    return document.fields() if document else None
