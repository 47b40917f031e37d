"""Robots of group chats: WeCom, DingTalk and Feishu (DOMAIN F6). Each answers HTTP 200 with a code in the
body: only the code says whether it took the message.
"""

import hmac
from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from time import time
from typing import Any, Final
from urllib.parse import quote, quote_plus

from pydantic import SecretStr

from delivery.http_posting import Poster
from domain.notices import Message
from domain.ports import NoticeRefused, ReceiverAway

WECOM_URL: Final = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send"
DINGTALK_URL: Final = "https://oapi.dingtalk.com/robot/send"
FEISHU_URL: Final = "https://open.feishu.cn/open-apis/bot/v2/hook"

_A_MINUTE_S: Final = 60.0
_BUSY: Final = -1  # what two of them answer when they are busy
# more messages than a robot may send: what was refused was not the message
_WECOM_LATER: Final = frozenset({_BUSY, 45009})
_DINGTALK_LATER: Final = frozenset({_BUSY, 130101})
_FEISHU_LATER: Final = frozenset({9499, 11232})

Seconds = Callable[[], float]  # since 1970


class WecomSender:
    """群机器人. Its key stands in the address; a text has at most 2,048 bytes."""

    largest = 2_048

    def __init__(self, key: SecretStr, url: str = "") -> None:
        self._key = key
        self._url = url or WECOM_URL
        self._poster = Poster("WeCom")

    def send(self, message: Message) -> None:
        text: dict[str, Any] = {"content": message.text}
        if message.mobile:
            text["mentioned_mobile_list"] = [message.mobile]
        url = f"{self._url}?key={quote(self._key.get_secret_value(), safe='')}"
        answer = self._poster.post_json(url, {"msgtype": "text", "text": text})
        _expect_zero("WeCom", answer, "errcode", "errmsg", _WECOM_LATER)


class DingtalkSender:
    """自定义机器人. Signed where it has a secret; a person is mentioned only where the text holds his
    number."""

    largest = 4_096

    def __init__(
        self, token: SecretStr, secret: SecretStr | None, url: str = "", clock: Seconds = time
    ) -> None:
        self._token = token
        self._secret = secret
        self._url = url or DINGTALK_URL
        self._clock = clock
        self._poster = Poster("DingTalk")

    def send(self, message: Message) -> None:
        mention = f"@{message.mobile} " if message.mobile else ""
        said = {
            "msgtype": "text",
            "text": {"content": mention + message.text},
            "at": {"atMobiles": [message.mobile] if message.mobile else [], "isAtAll": False},
        }
        answer = self._poster.post_json(self._address(), said)
        _expect_zero("DingTalk", answer, "errcode", "errmsg", _DINGTALK_LATER)

    def _address(self) -> str:
        token = quote(self._token.get_secret_value(), safe="")
        address = f"{self._url}?access_token={token}"
        if self._secret is None:
            return address
        at_ms = int(self._clock() * 1_000)
        sign = dingtalk_sign(self._secret.get_secret_value(), at_ms)
        return f"{address}&timestamp={at_ms}&sign={sign}"


class FeishuSender:
    """自定义机器人. Its token ends the address; signed where it has a secret."""

    largest = 18_000  # of a body of 20 kB

    def __init__(
        self, token: SecretStr, secret: SecretStr | None, url: str = "", clock: Seconds = time
    ) -> None:
        self._token = token
        self._secret = secret
        self._url = url or FEISHU_URL
        self._clock = clock
        self._poster = Poster("Feishu")

    def send(self, message: Message) -> None:
        # it knows people by ids of its own: the name in the text must do
        name = f"@{message.name} " if message.name else ""
        said: dict[str, Any] = {"msg_type": "text", "content": {"text": name + message.text}}
        if self._secret is not None:
            at_s = int(self._clock())
            said["timestamp"] = str(at_s)
            said["sign"] = feishu_sign(self._secret.get_secret_value(), at_s)
        token = quote(self._token.get_secret_value(), safe="")
        answer = self._poster.post_json(f"{self._url}/{token}", said)
        if "code" not in answer and answer.get("StatusCode") == 0:
            return  # the words of its first version
        _expect_zero("Feishu", answer, "code", "msg", _FEISHU_LATER)


def dingtalk_sign(secret: str, at_ms: int) -> str:
    """As it stands in the address."""
    digest = hmac.digest(secret.encode(), f"{at_ms}\n{secret}".encode(), sha256)
    return quote_plus(b64encode(digest))


def feishu_sign(secret: str, at_s: int) -> str:
    """Time and secret are the key; nothing is signed with it."""
    digest = hmac.digest(f"{at_s}\n{secret}".encode(), b"", sha256)
    return b64encode(digest).decode()


def _expect_zero(
    who: str, answer: Mapping[str, Any], code_name: str, words_name: str, later: frozenset[int]
) -> None:
    """Raises NoticeRefused, ReceiverAway."""
    code = answer.get(code_name)
    if code == 0:
        return
    words = str(answer.get(words_name, ""))[:200]
    if code in later:
        raise ReceiverAway(f"{who} takes no more for now: {code} {words}".strip(), _A_MINUTE_S)
    if code is None:
        raise NoticeRefused(f"{who} answers without {code_name}: is its url right?")
    raise NoticeRefused(f"{who} did not take it: {code} {words}".strip())
