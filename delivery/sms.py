"""Any SMS gateway that takes a POST: address, body and what its answer must hold are the site's words.

`{to}`, `{text}` and `{id}` in the body are put in as JSON or as form values, by the content type.
`{id}` is the same when a message is sent again, so that the gateway may drop it; it also goes as
Idempotency-Key.
"""

import json
import re
from typing import Final
from urllib.parse import quote_plus

from pydantic import SecretStr

from delivery.http_posting import Poster
from domain.notices import Channel, Message
from domain.ports import NoticeRefused

DEFAULT_BODY: Final = '{"to": "{to}", "text": "{text}", "id": "{id}"}'
_PLACE: Final = re.compile(r"\{(to|text|id|user|key)\}")


class SmsSender:
    """Some two hundred Chinese characters; gateways cut that into parts."""

    largest = 600

    def __init__(self, channel: Channel, key: SecretStr | None = None) -> None:
        self._channel = channel
        self._key = key
        self._body = channel.body or DEFAULT_BODY
        self._accepted = re.compile(channel.accepted or "")
        self._poster = Poster("the SMS gateway")

    def send(self, message: Message) -> None:
        if not message.mobile:
            raise NoticeRefused("no mobile number is known: add it to notices.yaml")
        key = self._key.get_secret_value() if self._key else ""
        facts = {
            "to": message.mobile,
            "text": message.text,
            "id": message.message_id.hex,
            "user": self._channel.user,
            "key": key,
        }
        body = _PLACE.sub(lambda found: self._escaped(facts[found[1]]), self._body)
        headers = {"Idempotency-Key": message.message_id.hex}
        if key and "{key}" not in self._body:
            headers["Authorization"] = f"Bearer {key}"
        answer = self._poster.post(
            self._channel.url,
            content=body.encode(),
            content_type=self._channel.content_type,
            headers=headers,
        )
        if not self._accepted.search(answer.decode("utf-8", "replace")):
            raise NoticeRefused("the SMS gateway's answer does not hold what `accepted` asks for")

    def _escaped(self, value: str) -> str:
        if "json" in self._channel.content_type:
            return json.dumps(value, ensure_ascii=False)[1:-1]
        return quote_plus(value)
