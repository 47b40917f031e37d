"""Mistakes to make in a site folder, each with the place at which it must be told."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mistake:
    """The first `right` in the file becomes `wrong`; the message then has `says` in it."""

    file: str
    right: str
    wrong: str
    says: str
    lines_below: int = 0  # where the mistake shows only further down

    def make(self, site: Path) -> int:
        """The line at which it must be reported."""
        path = site / self.file
        text = path.read_text(encoding="utf-8")
        before, found, after = text.partition(self.right)
        assert found, f"{self.right!r} is not in {self.file}"
        path.write_text(before + self.wrong + after, encoding="utf-8")
        return before.count("\n") + 1 + self.lines_below
