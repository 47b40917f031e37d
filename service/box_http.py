"""POST /boxes/ID/proposals of the vision process: other makers' boxes and recorders that speak HTTP.

A box shows that it is the one either by its secret (Authorization: Bearer ...) or, where the way to us is not
encrypted, by a signature that the secret makes over time and body. Of a stranger we read only the headers.
"""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import structlog

from domain.ids import BoxId
from ingest.cameras.box_message import LARGEST_BYTES
from ingest.cameras.box_mqtt import NotTaken
from service.box_proposals import BoxAnswer, Taken

log = structlog.get_logger(__name__)

TIMESTAMP: Final = "X-Gridwarden-Timestamp"
SIGNATURE: Final = "X-Gridwarden-Signature"
_CLOCKS_APART_S: Final = 300
_AT_ONCE: Final = 8
_SILENT_S: Final = 10.0

Take = Callable[[BoxId, bytes], BoxAnswer]


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    said: Mapping[str, object]


def signature(secret: str, timestamp: str, body: bytes) -> str:
    signed = timestamp.encode() + b"." + body
    return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


class BoxServer:
    """Listens from the beginning, answers from `start` on. Raises OSError where the port is taken."""

    def __init__(self, host: str, port: int, secrets: Mapping[BoxId, str], take: Take) -> None:
        self._secrets, self._take = secrets, take
        self._room = threading.BoundedSemaphore(_AT_ONCE)
        self._server = _Server((host, port), _handler(self))
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.2,), name="box-http", daemon=True
        )

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def start(self) -> "BoxServer":
        self._thread.start()
        log.info("boxes_served", port=self.port)
        return self

    def stop(self) -> None:
        self._server.shutdown()

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)
        self._server.server_close()

    def answer(self, path: str, headers: Mapping[str, str], read: Callable[[int], bytes]) -> _Reply:
        if not self._room.acquire(blocking=False):
            return _Reply(503, {"detail": "too many messages at once: send it again"})
        try:
            return self._answer(path, headers, read)
        finally:
            self._room.release()

    def _answer(
        self, path: str, headers: Mapping[str, str], read: Callable[[int], bytes]
    ) -> _Reply:
        match path.split("?", 1)[0].strip("/").split("/"):
            case ["boxes", name, "proposals"]:
                box_id = BoxId(name)
            case _:
                return _Reply(404, {"detail": "POST /boxes/ID/proposals"})
        length = headers.get("Content-Length", "")
        if not length.isdecimal():
            return _Reply(411, {"detail": "send Content-Length"})
        if int(length) > LARGEST_BYTES:
            return _Reply(413, {"detail": f"up to {LARGEST_BYTES} bytes are taken"})
        secret = self._secrets.get(box_id, "")
        if not secret or not _may_speak(secret, headers):
            return _Reply(401, {"detail": "unknown box, wrong secret, or a clock that is wrong"})
        body = read(int(length))
        if not _is_signed(secret, headers, body):
            return _Reply(401, {"detail": "unknown box, wrong secret, or a clock that is wrong"})
        try:
            answer = self._take(box_id, body)
        except NotTaken as error:
            return _Reply(503, {"detail": f"{error}: send it again"})
        return _Reply(422 if answer.what is Taken.REFUSED else 200, _said(answer))


def _may_speak(secret: str, headers: Mapping[str, str]) -> bool:
    """By the headers alone: the secret itself, or a signature of now."""
    bearer = headers.get("Authorization", "")
    if bearer:
        return hmac.compare_digest(bearer.encode(), f"Bearer {secret}".encode())
    timestamp = headers.get(TIMESTAMP, "")
    if not timestamp.isdecimal() or len(timestamp) > 12:
        return False
    return abs(time.time() - int(timestamp)) <= _CLOCKS_APART_S and bool(headers.get(SIGNATURE))


def _is_signed(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    if headers.get("Authorization"):
        return True  # compared before the body was read
    wanted = signature(secret, headers.get(TIMESTAMP, ""), body)
    return hmac.compare_digest(headers.get(SIGNATURE, "").encode(), wanted.encode())


def _said(answer: BoxAnswer) -> dict[str, object]:
    said: dict[str, object] = {"status": answer.what.value}
    if answer.proposal_id:
        said["proposal"] = str(answer.proposal_id)
    if answer.tickets:
        said["tickets"] = list(answer.tickets)
    if answer.reason:
        said |= {"reason": answer.reason, "detail": answer.detail}
    return said


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 16


def _handler(server: BoxServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _SILENT_S  # of a client that says nothing

        def do_POST(self) -> None:
            try:
                reply = server.answer(self.path, dict(self.headers.items()), self.rfile.read)
            except TimeoutError:
                self.close_connection = True
                return
            except Exception:
                log.exception("box_http_failed", path=self.path)
                reply = _Reply(500, {"detail": "our log has the reason"})
            body = json.dumps(reply.said, ensure_ascii=False).encode()
            self.send_response(reply.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            pass  # each message is counted where it is taken

    return Handler
