"""YAML 1.2 with line numbers, read field by field; every mistake is noted and the reading goes on.

A field that is wrong or missing gives its fallback, so that one run finds all mistakes of a file.
"""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, TypeVar

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from service.site.durations import BadDuration, parse_duration
from service.site.problems import Problem, did_you_mean

T = TypeVar("T")

_TAG: Final = "tag:yaml.org,2002:"
_FILE_BYTES_AT_MOST: Final = 8 * 2**20


class Notes:
    """The mistakes found so far in one file."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file = file
        self._problems = problems

    def add(self, line: int, message: str) -> None:
        problem = Problem(self.file, line, message)
        if problem not in self._problems:
            self._problems.append(problem)


class Value:
    """One value of the file; it knows its line and what the file calls it."""

    def __init__(self, node: Node, name: str, notes: Notes, line: int | None = None) -> None:
        self._node = node
        self._notes = notes
        self.name = name
        self.line = line or node.start_mark.line + 1

    @property
    def file(self) -> str:
        return self._notes.file

    def wrong(self, message: str) -> None:
        self._notes.add(self.line, message)

    def text(self) -> str | None:
        if isinstance(self._node, ScalarNode):
            kind = str(self._node.tag).removeprefix(_TAG)
            if kind == "str":
                return str(self._node.value)
            if kind in {"int", "float", "bool"}:
                self.wrong(
                    f"{self.name} must be text: write it in quotes, as in "
                    f'{self.name}: "{self._node.value}"'
                )
                return None
        self.wrong(f"{self.name} must be text, not {self._kind()}")
        return None

    def number(self) -> float | None:
        if isinstance(self._node, ScalarNode) and self._node.tag in {_TAG + "int", _TAG + "float"}:
            number = self._as_number(self._node.value)
            if number is not None and math.isfinite(number):
                return number
        self.wrong(f"{self.name} must be a number, not {self._kind()}")
        return None

    def whole(self, least: int, most: int) -> int | None:
        if isinstance(self._node, ScalarNode) and self._node.tag == _TAG + "int":
            number = self._as_number(self._node.value)
            if number is not None and least <= number <= most:
                return int(number)
        self.wrong(f"{self.name} must be a whole number from {least} to {most}, not {self._kind()}")
        return None

    def duration(self) -> int | None:
        """Microseconds, not negative."""
        written = self._node.value if isinstance(self._node, ScalarNode) else None
        if not isinstance(written, str):
            self.wrong(f"{self.name} must be a duration such as 60s or 5min, not {self._kind()}")
            return None
        try:
            microseconds = 0 if written == "0" else parse_duration(written)
        except BadDuration as error:
            self.wrong(f"{self.name}: {error}")
            return None
        if microseconds < 0:
            self.wrong(f"{self.name} must not be negative, but is {written}")
            return None
        return microseconds

    def choice(self, choices: Mapping[str, T]) -> T | None:
        written = self.text()
        if written is None:
            return None
        if written not in choices:
            self.wrong(f"{self.name} cannot be {written!r}{did_you_mean(written, choices)}")
            return None
        return choices[written]

    def is_word(self, *words: str) -> bool:
        return isinstance(self._node, ScalarNode) and self._node.value in words

    @property
    def is_list(self) -> bool:
        return isinstance(self._node, SequenceNode)

    def written(self) -> str | None:
        """A single value as it stands there, be it a word, a number or a day."""
        if isinstance(self._node, ScalarNode):
            return str(self._node.value).strip()
        self.wrong(f"{self.name} must be a single value, not {self._kind()}")
        return None

    @property
    def is_group(self) -> bool:
        return isinstance(self._node, MappingNode)

    def flag(self) -> bool | None:
        if isinstance(self._node, ScalarNode) and self._node.value in {"true", "false"}:
            return bool(self._node.value == "true")
        self.wrong(f"{self.name} must be true or false, not {self._kind()}")
        return None

    def items(self) -> list["Value"]:
        if not isinstance(self._node, SequenceNode):
            self.wrong(f"{self.name} must be a list, not {self._kind()}")
            return []
        return [Value(node, self.name, self._notes) for node in self._node.value]

    def fields(self) -> "Fields | None":
        if not isinstance(self._node, MappingNode):
            self.wrong(f"{self.name} must be a group of named fields, not {self._kind()}")
            return None
        return Fields(self._node, self.name, self._notes, self.line)

    def pairs(self) -> list[tuple["Value", "Value"]]:
        """Names that the file chooses itself, with their values."""
        if not isinstance(self._node, MappingNode):
            self.wrong(f"{self.name} must be a group of named fields, not {self._kind()}")
            return []
        return [
            (Value(key, "the name", self._notes), Value(value, key.value, self._notes))
            for key, value in self._node.value
        ]

    @staticmethod
    def _as_number(written: str) -> float | None:
        try:
            return float(int(written, 0)) if written[:2] in {"0x", "0o"} else float(written)
        except ValueError:
            return None

    def _kind(self) -> str:
        match self._node:
            case MappingNode():
                return "a group of fields"
            case SequenceNode():
                return "a list"
            case ScalarNode() if self._node.tag == _TAG + "null":
                return "nothing"
            case _:
                return repr(self._node.value)


class Fields:
    """The named fields of one group. Ask for each that may stand there, then call `done`."""

    def __init__(self, node: MappingNode, name: str, notes: Notes, line: int) -> None:
        self.name = name
        self.line = line
        self._notes = notes
        self._values: dict[str, Value] = {}
        self._asked: list[str] = []
        for key, value in node.value:
            self._take(key, value)

    @property
    def file(self) -> str:
        return self._notes.file

    def wrong(self, message: str) -> None:
        self._notes.add(self.line, message)

    def value(self, key: str, *, required: bool = False) -> Value | None:
        """None where it is absent, which is a mistake only if it is required."""
        self._asked.append(key)
        value = self._values.get(key)
        if value is None and required:
            self.wrong(f"{self.name} needs {key}")
        return value

    def text(self, key: str, fallback: str | None = None) -> str:
        """Required without a fallback; then it must not be empty either."""
        value = self.value(key, required=fallback is None)
        text = value.text() if value else None
        if value and text is not None and not text.strip() and fallback is None:
            value.wrong(f"{key} must not be empty")
        return fallback or "" if text is None else text

    def number(self, key: str, fallback: float | None = None) -> float:
        value = self.value(key, required=fallback is None)
        number = value.number() if value else None
        return (math.nan if fallback is None else fallback) if number is None else number

    def whole(self, key: str, least: int, most: int, fallback: int) -> int:
        value = self.value(key)
        number = value.whole(least, most) if value else None
        return fallback if number is None else number

    def duration(self, key: str, fallback: int | None = None) -> int:
        value = self.value(key, required=fallback is None)
        microseconds = value.duration() if value else None
        return (fallback or 0) if microseconds is None else microseconds

    def flag(self, key: str, fallback: bool) -> bool:
        value = self.value(key)
        flag = value.flag() if value else None
        return fallback if flag is None else flag

    def choice(self, key: str, choices: Mapping[str, T], fallback: T) -> T:
        value = self.value(key)
        chosen = value.choice(choices) if value else None
        return fallback if chosen is None else chosen

    def items(self, key: str, *, required: bool = True) -> list[Value]:
        value = self.value(key, required=required)
        if value is None:
            return []
        items = value.items()
        if required and not items and isinstance(value._node, SequenceNode):
            value.wrong(f"{key} is empty: list at least one")
        return items

    def groups(self, key: str, each: str, *, required: bool = True) -> Iterator["Fields"]:
        """The list's members, named `each` in messages."""
        for item in self.items(key, required=required):
            item.name = each
            fields = item.fields()
            if fields is not None:
                yield fields

    def texts(self, key: str) -> list[Value]:
        return self.items(key, required=False)

    def done(self) -> None:
        for key, value in self._values.items():
            if key not in self._asked:
                self._notes.add(
                    value.line, f"{self.name} has no field {key!r}{did_you_mean(key, self._asked)}"
                )

    def _take(self, key: Node, value: Node) -> None:
        line = key.start_mark.line + 1
        if not isinstance(key, ScalarNode):
            self._notes.add(line, f"a field of {self.name} must have a plain name")
        elif key.value in self._values:
            first = self._values[key.value].line
            self._notes.add(line, f"{key.value} stands twice in {self.name}, first on line {first}")
        else:
            # a list or a group begins on a later line: the line of its name helps more
            self._values[key.value] = Value(value, key.value, self._notes, line)


def read_document(folder: Path, path: Path, problems: list[Problem]) -> Value | None:
    """The file's one document; None with a problem noted where there is none."""
    notes = Notes(path.relative_to(folder).as_posix(), problems)
    try:
        written = _text_of(path)
        node = YAML(typ="rt", pure=True).compose(written)
    except MarkedYAMLError as error:
        notes.add(_line_of(error), f"this is no valid YAML: {_reason_of(error, written)}")
        return None
    except (YAMLError, _Unreadable, RecursionError) as error:
        notes.add(0, f"the file cannot be read: {str(error).splitlines()[0]}")
        return None
    if node is None:
        notes.add(0, "the file is empty")
        return None
    shared = _shared(node, set())
    if shared is not None:
        # a few aliases of aliases can stand for billions of values
        notes.add(shared.start_mark.line + 1, "aliases (*name) are not read here: write it out")
        return None
    return Value(node, "the file", notes, 1)


class _Unreadable(Exception):
    pass


def _text_of(path: Path) -> str:
    try:
        if path.stat().st_size > _FILE_BYTES_AT_MOST:
            raise _Unreadable(f"it is larger than {_FILE_BYTES_AT_MOST // 2**20} MiB")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Unreadable("it is not UTF-8: save it as UTF-8") from error
    except OSError as error:
        raise _Unreadable(error.strerror or str(error)) from error


def _line_of(error: MarkedYAMLError) -> int:
    mark = error.problem_mark or error.context_mark
    return mark.line + 1 if mark else 0


def _reason_of(error: MarkedYAMLError, written: str) -> str:
    mark = error.problem_mark
    lines = written.splitlines()
    if mark and mark.line < len(lines) and "\t" in _indent(lines[mark.line]):
        return "a tab stands before the text; indent with spaces"
    parts = [error.problem, error.context]
    return " ".join(str(part).replace("\n", " ") for part in parts if part) or "it ends too early"


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _shared(node: Node, seen: set[int]) -> Node | None:
    """A node that stands in two places (or in itself), by an alias."""
    if id(node) in seen:
        return node
    seen.add(id(node))
    children: list[Node] = []
    if isinstance(node, MappingNode):
        children = [part for pair in node.value for part in pair]
    elif isinstance(node, SequenceNode):
        children = node.value
    return next((found for child in children if (found := _shared(child, seen))), None)
