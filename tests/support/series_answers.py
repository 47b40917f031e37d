"""A loopback server in InfluxDB's place: it says what a test wants, and keeps the bytes that it was asked."""

import gzip
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True)
class Asked:
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def lines(self) -> list[str]:
        return gzip.decompress(self.body).decode().split("\n")


@dataclass(frozen=True, slots=True)
class Says:
    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def error(cls, status: int, message: str, **headers: str) -> "Says":
        """As InfluxDB words its errors."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(status, json.dumps({"code": "x", "message": message}), named)


TAKEN = Says(204)
NO_ROWS = Says(200, "\r\n", {"Content-Type": "text/csv; charset=utf-8"})
Answer = Callable[[Asked], Says]


@dataclass(slots=True)
class SeriesAnswers:
    """`to_write` and `to_query` say what is answered; `asked` is everything in order."""

    url: str
    to_write: Answer = lambda asked: TAKEN
    to_query: Answer = lambda asked: NO_ROWS
    asked: list[Asked] = field(default_factory=list)

    @property
    def written(self) -> list[Asked]:
        return [each for each in self.asked if each.path == "/api/v2/write"]


@contextmanager
def series_answers() -> Iterator[SeriesAnswers]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.daemon_threads = True
    answers = SeriesAnswers(f"http://127.0.0.1:{server.server_port}")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            asked = Asked(parts.path, dict(parse_qsl(parts.query)), dict(self.headers), body)
            answers.asked.append(asked)
            ours = answers.to_write if parts.path == "/api/v2/write" else answers.to_query
            says = ours(asked)
            self.send_response(says.status)
            for name, value in says.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(says.body.encode())))
            self.end_headers()
            self.wfile.write(says.body.encode())

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server.RequestHandlerClass = Handler
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield answers
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
