"""Logging: one line per event on stderr or in files, as JSON for a collector or as text for a person."""

import contextlib
import logging
import os
import re
import sys
import threading
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, Final, TextIO

import structlog

from service.settings import LogSettings

# a value under such a name is nobody's business, whoever logs it by mistake
_SECRET: Final = re.compile(r"password|secret|token|credential", re.IGNORECASE)
_MASKED: Final = "***"


def configure_logs(settings: LogSettings, process: str, stream: TextIO | None = None) -> None:
    """Call once per process, first of all. `process` is on every line."""
    level = logging.getLevelNamesMapping()[settings.level.upper()]

    def named(_: object, __: str, said: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {**said, "process": process}  # in every thread, which context variables are not

    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if settings.format == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    lasting = _Lasting(stream or _stream(settings, process))
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            named,
            _masked,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # what it asks of a file is write and flush
        logger_factory=structlog.WriteLoggerFactory(file=lasting),  # type: ignore[arg-type]
        cache_logger_on_first_use=False,  # a cached logger would not hear of capture_logs
    )


def _masked(_: object, __: str, said: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: _MASKED if _SECRET.search(key) else value for key, value in said.items()}


def _stream(settings: LogSettings, process: str) -> "TextIO | RotatingFile":
    if settings.folder is None:
        return sys.stderr
    path = settings.folder / f"{process}.log"
    return RotatingFile(path, settings.file_mib * 2**20, settings.files_kept)


class RotatingFile:
    """core.log, and behind it core.log.1, core.log.2: the older, the higher. Any thread."""

    def __init__(self, path: Path, bytes_at_most: int, files: int) -> None:
        self._path = path
        self._bytes_at_most = bytes_at_most
        self._files = files
        self._lock = threading.Lock()
        self._fd = -1

    def write(self, line: str) -> None:
        """Raises OSError; the next line tries again."""
        with self._lock:
            if self._fd < 0:
                self._path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
                self._fd = self._open()
            if os.fstat(self._fd).st_size >= self._bytes_at_most:
                self._begin_another()
            os.write(self._fd, line.encode())

    def flush(self) -> None:
        """Nothing waits."""

    def _open(self, more: int = 0) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | more, 0o640)

    def _begin_another(self) -> None:
        for number in range(self._files - 1, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{number}")
            newer = self._path if number == 1 else older.with_suffix(f".{number - 1}")
            if newer.exists():
                newer.replace(older)
        last, self._fd = self._fd, self._open(os.O_TRUNC if self._files == 1 else 0)
        os.close(last)


class _Lasting:
    """A line that cannot be written is left out: a full disk must not end the thread that says so."""

    def __init__(self, stream: TextIO | RotatingFile) -> None:
        self._stream = stream

    def write(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # ValueError: the stream is closed
            self._stream.write(line)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()
