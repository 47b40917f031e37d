"""One POST, with an end: a receiver that hangs, drips or talks without end costs a bounded time.

An address may hold a key: it is in no error and in no log.
"""

import json
import logging
import ssl
import time
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import httpx

from domain.ports import NoticeRefused, ReceiverAway

_CONNECT_S: Final = 5.0
_READ_S: Final = 10.0
_IN_ALL_S: Final = 15.0
_ANSWER_BYTES: Final = 64 * 1024

# at INFO it would write every address with its key
logging.getLogger("httpx").setLevel(logging.WARNING)


class Poster:
    """A connection for each message: one that was kept may be dead, and then nobody knows whether the message
    arrived. Messages are few."""

    def __init__(self, what: str) -> None:
        """`what` names the receiver in errors."""
        self._what = what

    def post(
        self,
        url: str,
        *,
        content: bytes,
        content_type: str,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """The answer's body. Raises NoticeRefused, ReceiverAway."""
        said = {"Content-Type": content_type, **(headers or {})}
        began = time.monotonic()
        try:
            with (
                _client() as client,
                client.stream("POST", url, content=content, headers=said) as answer,
            ):
                body = self._read(answer, began)
                self._expect_taken(answer)
                return body
        except httpx.TimeoutException as error:
            never_began = isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout)
            raise ReceiverAway(
                f"{self._what} does not answer in time", maybe_taken=not never_began
            ) from error
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise NoticeRefused(f"{self._what} has no usable address: mend its url") from error
        except httpx.HTTPError as error:
            raise ReceiverAway(
                f"{self._what} cannot be reached ({type(error).__name__})",
                maybe_taken=not isinstance(error, httpx.ConnectError),
            ) from error

    def post_json(self, url: str, said: Mapping[str, Any]) -> dict[str, Any]:
        """A JSON object for a JSON object."""
        content = json.dumps(said, ensure_ascii=False).encode()
        body = self.post(url, content=content, content_type="application/json; charset=utf-8")
        try:
            answer = json.loads(body)
        except ValueError as error:
            raise NoticeRefused(f"{self._what} answers something that is no JSON") from error
        if not isinstance(answer, dict):
            raise NoticeRefused(f"{self._what} answers something that is no JSON object")
        return answer

    def _read(self, answer: httpx.Response, began: float) -> bytes:
        body = b""
        for part in answer.iter_bytes():
            body += part
            if len(body) > _ANSWER_BYTES:
                raise NoticeRefused(f"{self._what} answers more than {_ANSWER_BYTES // 1024} KiB")
            if time.monotonic() - began > _IN_ALL_S:
                raise ReceiverAway(
                    f"{self._what} does not come to the end of its answer", maybe_taken=True
                )
        return body

    def _expect_taken(self, answer: httpx.Response) -> None:
        code = answer.status_code
        if code == 429 or code >= 500:
            raise ReceiverAway(f"{self._what} answers {code}", _seconds(answer))
        if not 200 <= code < 300:
            raise NoticeRefused(f"{self._what} answers {code}: mend its url or key")


def _client() -> httpx.Client:
    timeout = httpx.Timeout(_READ_S, connect=_CONNECT_S)
    return httpx.Client(timeout=timeout, follow_redirects=False, verify=_trusted())


@cache
def _trusted() -> ssl.SSLContext:
    """Read once: that takes longer than a message."""
    return ssl.create_default_context()


def _seconds(answer: httpx.Response) -> float | None:
    written = answer.headers.get("Retry-After", "")
    return min(float(written), 600.0) if written.isdigit() else None
