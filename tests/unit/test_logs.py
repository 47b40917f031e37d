"""Logging: one line per event, with its process, and nothing below the chosen level."""

import errno
import io
import json
import threading
from pathlib import Path

import structlog
from structlog.testing import capture_logs

from service.logs import RotatingFile, configure_logs
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


def test_a_secret_that_is_logged_by_mistake_is_masked() -> None:
    written = io.StringIO()
    configure_logs(LogSettings(), "core", written)

    structlog.get_logger().info("signed_in", user="a", password="hunter2", api_token="t0p")

    told = json.loads(written.getvalue())
    assert (told["user"], told["password"], told["api_token"]) == ("a", "***", "***")
    assert "hunter2" not in written.getvalue()


def test_each_process_has_a_file_of_its_own_where_a_folder_is_named(tmp_path: Path) -> None:
    for process in ("core", "web"):
        configure_logs(LogSettings(folder=tmp_path / "logs"), process)
        structlog.get_logger().info("started")

    for process in ("core", "web"):
        (line,) = (tmp_path / "logs" / f"{process}.log").read_text().splitlines()
        assert json.loads(line)["process"] == process


def test_a_full_file_makes_way_for_another_and_the_oldest_goes(tmp_path: Path) -> None:
    path = tmp_path / "core.log"
    log = RotatingFile(path, bytes_at_most=10, files=3)
    for number in range(8):
        log.write(f"line {number}\n")
    names = ("core.log", "core.log.1", "core.log.2")
    assert [(tmp_path / name).read_text().split() for name in names] == [
        ["line", "6", "line", "7"],
        ["line", "4", "line", "5"],
        ["line", "2", "line", "3"],
    ]
    assert {each.name for each in tmp_path.iterdir()} == set(names)


def test_with_one_file_the_old_lines_go(tmp_path: Path) -> None:
    log = RotatingFile(tmp_path / "core.log", bytes_at_most=5, files=1)
    for number in range(3):
        log.write(f"line {number}\n")
    assert (tmp_path / "core.log").read_text() == "line 2\n"


def test_a_restart_goes_on_in_the_same_file(tmp_path: Path) -> None:
    for number in range(2):
        RotatingFile(tmp_path / "core.log", bytes_at_most=100, files=2).write(f"life {number}\n")
    assert (tmp_path / "core.log").read_text() == "life 0\nlife 1\n"
