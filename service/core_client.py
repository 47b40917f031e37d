"""The way of other processes to core: ask for something, hear what changed, read history.

One connection follows the live changes in a thread of its own, over every restart of core.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import structlog

from domain.requests import Request
from domain.responsibility import Reason
from service.local_socket import SOCKET_NAME, CoreUnreachable, request, watch
from storage.request_codec import named

log = structlog.get_logger(__name__)

OnChange = Callable[[Mapping[str, Any]], None]

_LOOK_AGAIN_S: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a request."""

    done: bool
    why: Reason | None = None
    subject: str = ""  # id of what it changed or made


class CoreClient:
    """Thread-safe. `start` it, or only use `history` and `latest`."""

    def __init__(self, data: Path) -> None:
        self._socket = data / SOCKET_NAME
        self._listeners: list[OnChange] = []
        self._waiting: dict[str, Future[Outcome]] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._followed = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="core-client", daemon=True)

    @property
    def connected(self) -> bool:
        """Whether core's changes reach us."""
        return self._followed.is_set()

    def start(self) -> "CoreClient":
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stopping.set()

    def await_connected(self, timeout_s: float) -> bool:
        return self._followed.wait(timeout_s)

    def subscribe(self, on_change: OnChange) -> None:
        """Called in the following thread for every change; also {"kind": "connected" | "disconnected"}."""
        self._listeners.append(on_change)

    def ask(
        self,
        what: Request,
        actor: str,
        *,
        request_id: UUID | None = None,
        timeout_s: float = 10.0,
    ) -> Outcome:
        """Raises CoreUnreachable, RequestRefused where core does not understand it, TimeoutError."""
        key = str(request_id or uuid4())
        answered: Future[Outcome] = Future()
        with self._lock:
            self._waiting[key] = answered
        try:
            if not self._followed.wait(timeout_s):
                raise CoreUnreachable(f"no core answers at {self._socket}: is `gridwarden run` up?")
            request(self._socket, "request", request_id=key, actor=actor, request=named(what))
            return answered.result(timeout_s)
        finally:
            with self._lock:
                self._waiting.pop(key, None)

    def history(
        self, point: str, from_us: int, to_us: int, at_most: int = 2_000
    ) -> Mapping[str, list[Any]]:
        """times, values, qualities. Raises CoreUnreachable, RequestRefused."""
        return request(
            self._socket, "history", point=point, from_us=from_us, to_us=to_us, at_most=at_most
        )

    def latest(self, points: Iterable[str] = ()) -> Mapping[str, tuple[float | None, int, int]]:
        """point -> value, event time, quality. Raises CoreUnreachable."""
        found: Mapping[str, tuple[float | None, int, int]] = request(
            self._socket, "latest", points=list(points)
        )["points"]
        return found

    def may_judge(self) -> bool:
        """Whether the judge beside this core has the turn. Raises CoreUnreachable, RequestRefused."""
        return bool(request(self._socket, "may_judge")["turn"])

    def status(self) -> Mapping[str, Any]:
        return request(self._socket, "status")

    def system(self) -> Mapping[str, Any]:
        """How core and its neighbours are (service.system). Raises CoreUnreachable, RequestRefused."""
        return request(self._socket, "system", timeout_s=2.0)

    def _follow(self) -> None:
        while not self._stopping.is_set():
            try:
                with watch(self._socket) as changes:
                    self._followed.set()
                    self._tell({"kind": "connected"})
                    for change in changes:
                        self._heard(change)
                        if self._stopping.is_set():
                            return
            except CoreUnreachable:
                pass
            if self._followed.is_set():
                self._followed.clear()
                self._tell({"kind": "disconnected"})
            self._stopping.wait(_LOOK_AGAIN_S)

    def _heard(self, change: Mapping[str, Any]) -> None:
        if change.get("kind") == "handled":
            with self._lock:
                answered = self._waiting.get(str(change["request_id"]))
            if answered is not None and not answered.done():
                answered.set_result(_outcome(change))
        self._tell(change)

    def _tell(self, change: Mapping[str, Any]) -> None:
        for listener in self._listeners:
            try:
                listener(change)
            except Exception:
                # one page's mistake must not silence the others
                log.exception("listener_failed", kind=change.get("kind"))


def _outcome(change: Mapping[str, Any]) -> Outcome:
    why = change["why"]
    return Outcome(
        done=change["done"],
        why=Reason(code=why["code"], facts=tuple((a, b) for a, b in why["facts"])) if why else None,
        subject=change["subject"],
    )
