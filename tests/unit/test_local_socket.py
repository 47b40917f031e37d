"""The local socket: requests, the live watch, and what happens to those who do not read."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from service.local_socket import (
    AlreadyServed,
    CoreUnreachable,
    LocalServer,
    RequestRefused,
    request,
    watch,
)
from tests.support.listening import eventually


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "core.sock"


@pytest.fixture
def server(path: Path) -> Iterator[LocalServer]:
    with serving(
        path, {"status": lambda asked: {"rows": 7, "asked": asked.get("detail", "")}}
    ) as it:
        yield it


@contextlib.contextmanager
def serving(path: Path, handlers: dict[str, Callable[..., Any]]) -> Iterator[LocalServer]:
    server = LocalServer(path, handlers)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.mark.usefixtures("server")
def test_a_request_is_answered(path: Path) -> None:
    assert request(path, "status", detail="all") == {"rows": 7, "asked": "all"}


@pytest.mark.usefixtures("server")
def test_an_unknown_operation_is_refused_by_name(path: Path) -> None:
    with pytest.raises(
        RequestRefused, match="no operation is named 'stats'; there are status, watch"
    ):
        request(path, "stats")


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("line", [b"{", b"[]", b"\xff\xfe", b'{"op": 1}', b"{}"])
def test_a_request_that_is_no_object_is_refused_and_the_next_one_answered(
    path: Path, line: bytes
) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(str(path))
        connection.sendall(line + b'\n{"op": "status"}\n')
        answers = connection.makefile("rb")
        assert b"error" in answers.readline()
        assert b'"rows":7' in answers.readline()
        answers.close()


@pytest.mark.usefixtures("server")
def test_a_request_without_end_closes_the_conversation(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(str(path))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(b"x" * 20_000_000)
        with contextlib.suppress(ConnectionResetError):
            assert connection.recv(1) == b""
    assert request(path, "status")["rows"] == 7


def test_a_failing_handler_is_an_error_for_the_asker_and_nobody_else(path: Path) -> None:
    def fail(asked: object) -> dict[str, object]:
        raise ValueError("no such thing")

    with serving(path, {"fail": fail, "status": lambda asked: {"well": True}}):
        with pytest.raises(RequestRefused, match="fail failed: no such thing"):
            request(path, "fail")
        assert request(path, "status") == {"well": True}


def test_a_watcher_sees_every_change_in_order_and_the_end(path: Path, server: LocalServer) -> None:
    with watch(path) as changes:
        for number in range(2_000):
            server.publish({"kind": "alarm_raised", "number": number, "value": float("nan")})
        seen = [next(changes) for _ in range(2_000)]
        server.stop()
        assert list(changes) == []

    assert [change["number"] for change in seen] == list(range(2_000))
    assert seen[0]["value"] is None


def test_two_watchers_see_the_same(path: Path, server: LocalServer) -> None:
    with watch(path) as first, watch(path) as second:
        server.publish({"kind": "source", "current": True})
        assert next(first) == next(second) == {"kind": "source", "current": True}


def test_one_who_does_not_read_misses_changes_and_is_told_so(
    path: Path, server: LocalServer
) -> None:
    text = "x" * 10_000
    with watch(path) as changes:
        for number in range(2_000):  # 20 MB, far above what may wait for one watcher
            server.publish({"kind": "alarm_raised", "number": number, "text": text})
        request(path, "status")  # served after the last of them was handed out
        seen = [next(changes)["number"]]
        while (change := next(changes))["kind"] != "missed":
            seen.append(change["number"])
            server.publish({"kind": "alarm_raised", "number": -1, "text": ""})

    assert seen[:100] == list(range(100))
    assert change["count"] >= 1


def test_publishing_never_waits_for_a_watcher(path: Path, server: LocalServer) -> None:
    with watch(path):
        done = threading.Event()

        def publish() -> None:
            for _ in range(5_000):
                server.publish({"kind": "alarm_raised", "text": "x" * 5_000})
            done.set()

        thread = threading.Thread(target=publish)
        thread.start()
        assert done.wait(20)
        thread.join()


def test_a_server_that_failed_keeps_nothing_of_what_is_published_afterwards(
    path: Path, server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    with watch(path) as changes:
        monkeypatch.setattr(server, "_hand_out", fail)
        server.publish({"kind": "source"})
        assert list(changes) == []  # closed with the server
    assert eventually(lambda: not path.exists())
    # what is kept for a watcher is put into words first, and this cannot be
    server.publish({"kind": object()})


def test_nobody_at_the_socket_is_one_sentence_that_says_what_to_do(path: Path) -> None:
    with pytest.raises(CoreUnreachable, match="start it with `gridwarden run`"):
        request(path, "status")


def test_a_second_server_is_refused_while_the_first_serves(path: Path, server: LocalServer) -> None:
    second = LocalServer(path, {})
    with pytest.raises(AlreadyServed, match="another core"):
        second.start()
    second.stop()

    assert request(path, "status")["rows"] == 7


def test_a_socket_left_by_a_killed_process_is_taken_over(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))

    with serving(path, {"status": lambda asked: {"rows": 1}}):
        assert request(path, "status") == {"rows": 1}
    assert not path.exists()


def test_a_data_folder_with_a_long_path_works_too(tmp_path: Path) -> None:
    folder = tmp_path / ("deep" * 30) / ("deeper" * 10)
    folder.mkdir(parents=True)

    with serving(folder / "core.sock", {"status": lambda asked: {"rows": 1}}):
        assert request(folder / "core.sock", "status") == {"rows": 1}


def test_only_the_owner_may_speak_at_the_socket(path: Path, server: LocalServer) -> None:
    assert path.stat().st_mode & 0o077 == 0
