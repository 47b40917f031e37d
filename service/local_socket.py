"""The one local socket by which the other processes and the command line reach core.

A request is one line of JSON, `{"op": "status"}`; the answer is one line. After `{"op": "watch"}`
come lines for as long as the connection stands, one per live change. A slow watcher never holds up
core: what it did not take in time is left out, and a line `{"kind": "missed", "count": n}` says so.
"""

import contextlib
import os
import selectors
import socket
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

log = structlog.get_logger(__name__)

Answer = Mapping[str, object]
Handler = Callable[[Mapping[str, Any]], Answer]

SOCKET_NAME: Final = "core.sock"
_REQUEST_BYTES_AT_MOST: Final = 16 * 2**20  # a site folder travels in one
_WAITING_BYTES_AT_MOST: Final = 4 * 2**20  # per watcher
_CONNECTIONS_AT_MOST: Final = 64
_READ_BYTES: Final = 64 * 1024


class CoreUnreachable(Exception):
    """Nobody answers at the socket; the message says what to do."""


class AlreadyServed(Exception):
    """Another core serves this data folder."""


class RequestRefused(Exception):
    """Core answered with an error."""


class LocalServer:
    """One thread, non-blocking sockets. `publish` may be called from any thread and never waits."""

    def __init__(self, path: Path, handlers: Mapping[str, Handler]) -> None:
        self._path = path
        self._handlers = handlers
        self._selector = selectors.DefaultSelector()
        self._listener: socket.socket | None = None
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._published: deque[bytes] = deque()
        self._clients: dict[socket.socket, _Client] = {}
        self._watched = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="local-socket", daemon=True)

    def start(self) -> None:
        """Raises AlreadyServed where another process answers at the path."""
        self._listener = _listen(self._path)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wake_in, selectors.EVENT_READ)
        self._thread.start()

    def publish(self, change: Mapping[str, object]) -> None:
        """Hands the change to every watcher."""
        if not self._watched:
            return
        self._published.append(_line(change))
        self._wake()

    def stop(self, timeout_s: float = 5.0) -> None:
        """What was published before is still handed over where the watcher reads it."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._wake()
        if self._listener is None:
            self._close()
        else:
            self._thread.join(timeout_s)

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            self._wake_out.send(b"\0")

    def _serve(self) -> None:
        try:
            while not self._stopping.is_set():
                for key, ready in self._selector.select():
                    self._attend(key, ready)
                self._hand_out()
        except Exception:
            # the watch is lost, the alarms are not: core goes on
            log.exception("local_socket_failed")
        finally:
            self._close()

    def _attend(self, key: selectors.SelectorKey, ready: int) -> None:
        if key.fileobj is self._listener:
            self._accept()
        elif key.fileobj is self._wake_in:
            with contextlib.suppress(BlockingIOError):
                self._wake_in.recv(4096)
        elif isinstance(key.fileobj, socket.socket):
            self._converse(self._clients[key.fileobj], ready)

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            connection, _ = self._listener.accept()
        except OSError as error:
            log.warning("local_connection_lost", reason=str(error))
            return
        if len(self._clients) >= _CONNECTIONS_AT_MOST:
            log.warning("local_connection_refused", connections=len(self._clients))
            connection.close()
            return
        connection.setblocking(False)
        self._clients[connection] = _Client(connection)
        self._selector.register(connection, selectors.EVENT_READ)

    def _converse(self, client: "_Client", ready: int) -> None:
        try:
            if ready & selectors.EVENT_READ:
                for request in client.receive():
                    self._answer(client, request)
            client.flush()
        except (OSError, _ConversationOver):
            self._drop(client)
            return
        self._await_room(client)

    def _answer(self, client: "_Client", request: bytes) -> None:
        try:
            asked = msgspec.json.decode(request, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            client.say({"error": f"a request is one JSON object per line: {error}"})
            return
        op = asked.get("op")
        if op == "watch":
            client.watches = True
            self._watched = True
            client.say({"kind": "watching"})
        elif isinstance(op, str) and op in self._handlers:
            client.say(self._result(op, asked))
        else:
            known = ", ".join(sorted([*self._handlers, "watch"]))
            client.say({"error": f"no operation is named {op!r}; there are {known}"})

    def _result(self, op: str, asked: Mapping[str, Any]) -> Answer:
        try:
            return self._handlers[op](asked)
        except Exception as error:
            log.exception("local_request_failed", op=op)
            return {"error": f"{op} failed: {error}"}

    def _hand_out(self) -> None:
        if not self._published:
            return
        lines = [self._published.popleft() for _ in range(len(self._published))]
        for client in [client for client in self._clients.values() if client.watches]:
            for line in lines:
                client.tell(line)
            self._converse(client, 0)

    def _await_room(self, client: "_Client") -> None:
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.waiting else 0)
        if self._selector.get_key(client.connection).events != wanted:
            self._selector.modify(client.connection, wanted)

    def _drop(self, client: "_Client") -> None:
        self._selector.unregister(client.connection)
        client.connection.close()
        del self._clients[client.connection]
        self._watched = any(other.watches for other in self._clients.values())

    def _close(self) -> None:
        with contextlib.suppress(Exception):
            self._hand_out()
        self._watched = False  # nobody takes any more what is published from here on
        self._published.clear()
        for client in list(self._clients.values()):
            client.connection.close()
        if self._listener is not None:
            self._listener.close()
            self._path.unlink(missing_ok=True)
        self._selector.close()
        self._wake_in.close()
        self._wake_out.close()


class _ConversationOver(Exception):
    """The other side has gone or talks nonsense without end."""


class _Client:
    """One connection with its half-read request and what it has not taken yet."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.watches = False
        self._request = bytearray()
        self._lines: deque[memoryview] = deque()
        self._waiting_bytes = 0
        self._missed = 0

    @property
    def waiting(self) -> bool:
        return bool(self._lines)

    def receive(self) -> list[bytes]:
        raw = self.connection.recv(_READ_BYTES)
        if not raw:
            raise _ConversationOver
        self._request += raw
        if len(self._request) > _REQUEST_BYTES_AT_MOST:
            raise _ConversationOver
        if b"\n" not in raw:
            return []
        *requests, rest = bytes(self._request).split(b"\n")
        self._request = bytearray(rest)
        return [request for request in requests if request.strip()]

    def say(self, answer: Answer) -> None:
        self._queue(_line(answer))

    def tell(self, line: bytes) -> None:
        """A change: left out, and counted, while the watcher has too much before it."""
        if self._waiting_bytes + len(line) > _WAITING_BYTES_AT_MOST:
            self._missed += 1
            return
        if self._missed:
            self.say({"kind": "missed", "count": self._missed})
            self._missed = 0
        self._queue(line)

    def flush(self) -> None:
        while self._lines:
            try:
                sent = self.connection.send(self._lines[0])
            except BlockingIOError:
                return
            self._waiting_bytes -= sent
            if sent < len(self._lines[0]):
                self._lines[0] = self._lines[0][sent:]
            else:
                self._lines.popleft()

    def _queue(self, line: bytes) -> None:
        self._lines.append(memoryview(line))
        self._waiting_bytes += len(line)


def request(path: Path, op: str, *, timeout_s: float = 5.0, **details: object) -> dict[str, Any]:
    """Core's answer. Raises CoreUnreachable, and RequestRefused with core's own words."""
    with _connected(path, timeout_s) as connection:
        connection.sendall(_line({"op": op, **details}))
        answer = next(_lines_from(connection), None)
    if answer is None:
        raise CoreUnreachable(f"core closed {path} without an answer: look at its log")
    if "error" in answer:
        raise RequestRefused(str(answer["error"]))
    return answer


@contextlib.contextmanager
def watch(path: Path, *, timeout_s: float = 5.0) -> Generator[Iterator[dict[str, Any]], None, None]:
    """Live changes from now on; the iterator ends with core. What happens after entering is seen.

    `timeout_s` bounds the connecting only: a quiet plant says nothing for hours."""
    with _connected(path, timeout_s) as connection:
        connection.sendall(_line({"op": "watch"}))
        changes = _lines_from(connection)
        if next(changes, None) is None:
            raise CoreUnreachable(f"core closed {path}: look at its log")
        connection.settimeout(None)
        yield changes


def _lines_from(connection: socket.socket) -> Iterator[dict[str, Any]]:
    with contextlib.suppress(ConnectionError), connection.makefile("rb") as lines:
        for line in lines:
            yield msgspec.json.decode(line, type=dict[str, Any])


@contextlib.contextmanager
def _connected(path: Path, timeout_s: float) -> Generator[socket.socket, None, None]:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout_s)
        try:
            with _short(path) as address:
                connection.connect(address)
        except OSError as error:
            raise CoreUnreachable(
                f"no core answers at {path}: start it with `gridwarden run`"
            ) from error
        try:
            yield connection
        except TimeoutError as error:
            raise CoreUnreachable(f"core did not answer at {path} in {timeout_s:g} s") from error
    finally:
        connection.close()


def is_served(path: Path) -> bool:
    """Whether a core answers at the path."""
    try:
        request(path, "status")
    except CoreUnreachable:
        return False
    except RequestRefused:
        return True
    return True


def _listen(path: Path) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short(path) as address:
            listener.bind(address)
        path.chmod(0o600)  # whoever may speak here may stop the watch
        listener.listen(_CONNECTIONS_AT_MOST)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _remove_stale(path: Path) -> None:
    """A socket file outlives kill -9; only one that nobody answers at may go."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, _short(path) as address:
        probe.settimeout(2.0)
        try:
            probe.connect(address)
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
    raise AlreadyServed(f"another core serves {path.parent}: stop it, or give another --data")


@contextlib.contextmanager
def _short(path: Path) -> Generator[str, None, None]:
    """A socket address holds about 100 bytes; a longer path is reached through its open folder."""
    if len(os.fsencode(path)) < 100:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _line(message: Mapping[str, object]) -> bytes:
    return msgspec.json.encode(message) + b"\n"
