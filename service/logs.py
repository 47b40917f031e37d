"""Logging: one line per event on stderr, as JSON for a collector or as text for a person."""

import contextlib
import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog

from service.settings import LogSettings


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
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            named,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # what it asks of a file is write and flush
        logger_factory=structlog.WriteLoggerFactory(file=_Lasting(stream or sys.stderr)),  # type: ignore[arg-type]
        cache_logger_on_first_use=False,  # a cached logger would not hear of capture_logs
    )


class _Lasting:
    """A line that cannot be written is left out: a full disk must not end the thread that says so."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # ValueError: the stream is closed
            self._stream.write(line)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()
