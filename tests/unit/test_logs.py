"""Logging: one line per event, with its process, and nothing below the chosen level."""

import errno
import io
import json
import threading

import structlog
from structlog.testing import capture_logs

from service.logs import configure_logs
from service.settings import LogSettings


def test_a_line_is_json_with_event_ids_and_process() -> None:
    written = io.StringIO()
    configure_logs(LogSettings(), "core", written)

    structlog.get_logger().info("source_connected", source="柳塬")
    structlog.get_logger().debug("too_small_to_be_told")

    (line,) = written.getvalue().splitlines()
    assert "柳塬" in line
    told = json.loads(line)
    assert (told["event"], told["source"], told["process"]) == ("source_connected", "柳塬", "core")


def test_text_is_for_a_person() -> None:
    written = io.StringIO()
    configure_logs(LogSettings(format="text", level="warning"), "core", written)

    structlog.get_logger().info("not_told")
    structlog.get_logger().warning("source_lost", source="liuyuan")

    assert "source_lost" in written.getvalue()
    assert "not_told" not in written.getvalue()


def test_tests_can_capture_what_a_logger_says_that_was_used_before() -> None:
    log = structlog.get_logger()
    configure_logs(LogSettings(), "core", io.StringIO())
    log.info("first")

    with capture_logs() as captured:
        log.info("second")

    assert [entry["event"] for entry in captured] == ["second"]


def test_a_line_that_cannot_be_written_is_left_out_and_harms_nobody() -> None:
    class FullDisk(io.StringIO):
        def write(self, line: str) -> int:
            raise OSError(errno.ENOSPC, line)

    configure_logs(LogSettings(), "core", FullDisk())
    structlog.get_logger().error("disk_full")


def test_every_thread_names_its_process() -> None:
    written = io.StringIO()
    configure_logs(LogSettings(), "core", written)

    thread = threading.Thread(target=lambda: structlog.get_logger().info("said_in_a_thread"))
    thread.start()
    thread.join()

    assert json.loads(written.getvalue())["process"] == "core"
