"""Mistakes in a site folder, each with its file and line."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    file: str  # relative to the site folder
    line: int  # from 1; 0 where the file as a whole is meant
    message: str  # one sentence

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class BrokenSite(ValueError):
    """A site folder with mistakes; nothing of it is used."""

    def __init__(self, folder: Path, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0] if self.problems else "it cannot be read"
        more = len(self.problems) - 1
        super().__init__(
            f"site {folder} has mistakes: {first}"
            + (f" (and {more} more; see `gridwarden check {folder}`)" if more > 0 else "")
        )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence: the nearest known word, else all of them while they are few."""
    words = sorted(known)
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.5)
    if near:
        return f"; did you mean {near[0]!r}?"
    if words and len(words) <= 12:
        return f"; there are {', '.join(words)}"
    return ""
