"""Receivers of notices on loopback that are as strict as the real ones: signatures, sizes, twenty a
minute, and errors inside HTTP 200. They can hang, close, be busy and answer rubbish.
"""

import base64
import hmac
import json
import smtplib
import socketserver
import sys
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

KEY: Final = "key-of-the-robot"
SECRET: Final = "secret-of-the-robot"
PER_MINUTE: Final = 20
_WECOM_BYTES: Final = 2_048
_FEISHU_BYTES: Final = 20_000
_SMS_BYTES: Final = 600


@dataclass(frozen=True, slots=True)
class Taken:
    """One message that the receiver accepted."""

    way: str  # "wecom", "dingtalk", "feishu" or "sms"
    text: str
    said: dict[str, Any]
    headers: dict[str, str]


@dataclass(slots=True)
class Receiver:
    """`behaviours` are used up one per request: "error", "hang", "close", "429", "500", "redirect",
    "rubbish", "endless"; then it is strict. `down` refuses everything with 503."""

    address: str
    clock: Callable[[], float] = time.time
    taken: list[Taken] = field(default_factory=list)
    asked: int = 0
    behaviours: deque[str] = field(default_factory=deque)
    down: bool = False
    per_minute: int = PER_MINUTE
    on_taken: Callable[["Taken"], None] = lambda taken: None  # before the answer goes out
    let_go: threading.Event = field(default_factory=threading.Event)
    _recent: defaultdict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))

    def url(self, way: str) -> str:
        paths = {"wecom": "send", "dingtalk": "robot/send", "feishu": "hook", "sms": "sms"}
        return f"{self.address}/{way}/{paths[way]}"

    @property
    def texts(self) -> list[str]:
        return [each.text for each in self.taken]

    def judge(self, path: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        """The answer of a strict receiver; what it took is kept."""
        address = urlsplit(path)
        way = address.path.split("/")[1]
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        said = json.loads(body)
        judged = {
            "wecom": self._wecom,
            "dingtalk": self._dingtalk,
            "feishu": self._feishu,
            "sms": self._sms,
        }[way]
        text, answer = judged(address.path, query, said, headers, len(body))
        if text is None:
            return answer
        if not self._has_room(way):
            return {"wecom": {"errcode": 45009}, "dingtalk": {"errcode": 130101}}.get(
                way, {"code": 11232}
            ) | {"errmsg": "too many", "msg": "too many"}
        self.taken.append(Taken(way, text, said, headers))
        self.on_taken(self.taken[-1])
        return answer

    def _wecom(
        self, path: str, query: dict[str, str], said: Any, headers: dict[str, str], size: int
    ) -> tuple[str | None, dict[str, Any]]:
        if query.get("key") != KEY:
            return None, {"errcode": 93000, "errmsg": "invalid webhook url"}
        text = said["text"]["content"]
        if said.get("msgtype") != "text" or len(text.encode()) > _WECOM_BYTES:
            return None, {"errcode": 40058, "errmsg": "content exceeds 2048 bytes"}
        return text, {"errcode": 0, "errmsg": "ok"}

    def _dingtalk(
        self, path: str, query: dict[str, str], said: Any, headers: dict[str, str], size: int
    ) -> tuple[str | None, dict[str, Any]]:
        stamp = query.get("timestamp", "0")
        wanted = base64.b64encode(
            hmac.new(SECRET.encode(), f"{stamp}\n{SECRET}".encode(), sha256).digest()
        ).decode()
        fresh = abs(int(stamp) / 1_000 - self.clock()) < 3_600
        if query.get("access_token") != KEY:
            return None, {"errcode": 300001, "errmsg": "token is not exist"}
        if not fresh or query.get("sign") != wanted:
            return None, {"errcode": 310000, "errmsg": "sign not match"}
        return said["text"]["content"], {"errcode": 0, "errmsg": "ok"}

    def _feishu(
        self, path: str, query: dict[str, str], said: Any, headers: dict[str, str], size: int
    ) -> tuple[str | None, dict[str, Any]]:
        stamp = said.get("timestamp", "0")
        key = f"{stamp}\n{SECRET}".encode()
        wanted = base64.b64encode(hmac.new(key, b"", sha256).digest()).decode()
        fresh = abs(int(stamp) - self.clock()) < 3_600
        if not path.endswith(f"/{KEY}"):
            return None, {
                "code": 19001,
                "msg": "param invalid: incoming webhook access token invalid",
            }
        if not fresh or said.get("sign") != wanted:
            return None, {
                "code": 19021,
                "msg": "sign match fail or timestamp is not within one hour",
            }
        if size > _FEISHU_BYTES:
            return None, {"code": 9499, "msg": "body is too large"}
        return said["content"]["text"], {"code": 0, "msg": "success", "data": {}}

    def _sms(
        self, path: str, query: dict[str, str], said: Any, headers: dict[str, str], size: int
    ) -> tuple[str | None, dict[str, Any]]:
        if headers.get("authorization") != f"Bearer {KEY}":
            return None, {"status": "denied"}
        if len(said["text"].encode()) > _SMS_BYTES:
            return None, {"status": "too long"}
        return said["text"], {"status": "accepted", "id": said["id"]}

    def _has_room(self, way: str) -> bool:
        if way == "sms":
            return True
        recent, now = self._recent[way], self.clock()
        while recent and recent[0] <= now - 60:
            recent.popleft()
        if len(recent) >= self.per_minute:
            return False
        recent.append(now)
        return True


@contextmanager
def receiving(clock: Callable[[], float] = time.time) -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.asked += 1
            behaviour = receiver.behaviours.popleft() if receiver.behaviours else ""
            if receiver.down:
                behaviour = "503"
            match behaviour:
                case "hang":
                    receiver.let_go.wait(30)
                    self.close_connection = True
                case "close":
                    self.close_connection = True
                case "redirect":
                    self._answer(302, b"", {"Location": "http://127.0.0.1:1/"})
                case "rubbish":
                    self._answer(200, b"<html>gateway</html>")
                case "list":
                    self._answer(200, b"[]")
                case "endless":
                    self._answer(200, b" " * 200_000)
                case "error":
                    said = {"errcode": 40001, "errmsg": "x", "code": 19001, "msg": "x"}
                    self._answer(200, json.dumps(said).encode())
                case code if code.isdigit():
                    more = {"Retry-After": "7"} if code == "429" else {}
                    self._answer(int(code), b"{}", more)
                case _:
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    answer = receiver.judge(self.path, body, headers)
                    self._answer(200, json.dumps(answer).encode())

        def _answer(self, code: int, body: bytes, more: dict[str, str] | None = None) -> None:
            with suppress(OSError):
                self.send_response(code)
                for name, value in (more or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            if not isinstance(sys.exception(), ConnectionError):  # who sent may have been killed
                super().handle_error(request, client_address)

    server = Server(("127.0.0.1", 0), Handler)
    receiver = Receiver(f"http://127.0.0.1:{server.server_address[1]}", clock)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.let_go.set()
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(slots=True)
class MailServer:
    """`answers` are used up one per recipient: a code such as 550; then it takes everything."""

    address: str
    mails: list[str] = field(default_factory=list)
    answers: deque[int] = field(default_factory=deque)


@contextmanager
def mail_server() -> Iterator[MailServer]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 loopback")
            for raw in self.rfile:
                word = raw.decode().strip().upper()
                if word.startswith("RCPT") and server.answers:
                    self._say(f"{server.answers.popleft()} no")
                elif word == "DATA":
                    self._say("354 go on")
                    self._take()
                elif word == "QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say("250 loopback")

        def _take(self) -> None:
            lines = []
            for raw in self.rfile:
                if raw == b".\r\n":
                    break
                lines.append(raw.decode())
            server.mails.append("".join(lines))
            self._say("250 taken")

        def _say(self, words: str) -> None:
            self.wfile.write(words.encode() + smtplib.bCRLF)

    listening = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    server = MailServer(f"127.0.0.1:{listening.server_address[1]}")
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()
