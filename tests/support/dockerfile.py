"""What a Dockerfile says, instruction by instruction, for tests that have no docker."""

import json
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Instruction:
    word: str  # RUN, COPY, ...
    rest: str

    def in_words(self) -> list[str]:
        """Of the form ["program", "argument"]."""
        words: list[str] = json.loads(self.rest[self.rest.index("[") :])
        return words


def instructions(dockerfile: Path) -> list[Instruction]:
    lines = [
        line
        for line in dockerfile.read_text(encoding="utf-8").splitlines()
        if not line.lstrip().startswith("#")
    ]
    whole = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [Instruction(*line.split(maxsplit=1)) for line in whole.splitlines() if line.strip()]


def variables(found: list[Instruction]) -> dict[str, str]:
    """Of every ENV."""
    return {
        name: value
        for each in found
        if each.word == "ENV"
        for name, value in (pair.split("=", 1) for pair in each.rest.split())
    }
