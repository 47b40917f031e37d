"""Notices as texts that a channel takes: within its bytes, and in a group without what is not for the group.

A group reads the level, what happened and what to do first; neither why this person nor a way to
acknowledge in his name, and of a violation no person at all (DOMAIN G4).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid5

from domain.assets import Priority
from domain.clock import SECOND_US
from domain.ids import AssetId
from domain.notice_codes import code_of, token_of
from domain.notice_words import (
    code_words,
    digest_head,
    link_words,
    more_words,
    notice_body,
    number_words,
    title_of,
)
from domain.notices import GROUPS, Channel, Message, Notice, NoticePlan
from domain.reasons import reason_text
from domain.responsibility import Kind

LINK_FOR_US: Final = 24 * 3_600 * SECOND_US
_MENTION_BYTES: Final = 64  # what a sender puts before the text
_LINE_BYTES: Final = 240  # of one notice among others
_CUT: Final = "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Of one channel, whose texts have at most `largest` bytes of UTF-8."""

    channel: Channel
    plan: NoticePlan
    key: bytes  # signs links and codes
    largest: int
    language: str

    @property
    def is_group(self) -> bool:
        return self.channel.kind in GROUPS

    def alone(self, notice: Notice) -> Message:
        why = "" if self.is_group else "; ".join(self._reasons(notice))
        text = fit(notice_body(notice, why, self.language), self._tail(notice), self._room)
        return self._message(notice.notice_id, [notice], text)

    def together(self, notices: Sequence[Notice]) -> Iterator[tuple[list[Notice], Message]]:
        """Digests: level 1 line by line, in as many messages as that takes; of the others one line for each
        device with its count, and what does not fit is counted."""
        urgent = [each for each in notices if each.level is Priority.URGENT]
        others = [each for each in notices if each.level is not Priority.URGENT]
        for part in self._parts(urgent):
            yield part, self._digest(part, [self._line(each) for each in part])
        if others:
            yield others, self._digest(others, self._counted(others))

    @property
    def _room(self) -> int:
        return self.largest - _MENTION_BYTES

    def _room_beside(self, notices: Sequence[Notice]) -> int:
        head = digest_head(notices, self.language) + more_words(len(notices), self.language)
        return self._room - len(head.encode()) - len(number_words("0" * 8, self.language).encode())

    def _parts(self, urgent: Sequence[Notice]) -> Iterator[list[Notice]]:
        part: list[Notice] = []
        used = 0
        for notice in urgent:
            size = len(self._line(notice).encode()) + 1
            if part and used + size > self._room_beside(urgent):
                yield part
                part, used = [], 0
            part.append(notice)
            used += size
        if part:
            yield part

    def _counted(self, notices: Sequence[Notice]) -> list[str]:
        """The device with the most first; its most urgent notice speaks for it."""
        counts = Counter(each.asset_id for each in notices)
        speaking: dict[AssetId, Notice] = {}
        for each in sorted(notices, key=lambda each: each.level):
            speaking.setdefault(each.asset_id, each)
        lines: list[str] = []
        room, left = self._room_beside(notices), len(notices)
        for asset_id, count in counts.most_common():
            line = self._short(speaking[asset_id]) + (f" ×{count}" if count > 1 else "")
            room -= len(line.encode()) + 1
            if room < 0:
                break
            lines.append(line)
            left -= count
        return [*lines, more_words(left, self.language)] if left else lines

    def _digest(self, notices: Sequence[Notice], lines: Sequence[str]) -> Message:
        digest_id = uuid5(notices[0].notice_id, " ".join(each.short_id for each in notices))
        body = "\n".join([digest_head(notices, self.language), *lines])
        tail = number_words(digest_id.hex[:8], self.language)
        return self._message(digest_id, notices, fit(body, tail, self._room))

    def _line(self, notice: Notice) -> str:
        if self.is_group:
            return f"{self._short(notice)} {number_words(notice.short_id, self.language)}"
        code = code_of(self.key, notice.notice_id)
        return f"{self._short(notice)} {code_words(notice.short_id, code, self.language)}"

    def _short(self, notice: Notice) -> str:
        return title_of(notice.level, self.language) + cut(notice.text, _LINE_BYTES)

    def _tail(self, notice: Notice) -> str:
        """Its number, and how to acknowledge."""
        address = self.plan.console_url.rstrip("/")
        if self.is_group:
            number = number_words(notice.short_id, self.language)
            link = f"{address}/incident/{notice.incident_id}"
        else:
            code = code_of(self.key, notice.notice_id)
            number = code_words(notice.short_id, code, self.language)
            until_s = (notice.created_at_us + LINK_FOR_US) // SECOND_US
            link = f"{address}/n/{token_of(self.key, notice.notice_id, until_s)}"
        return f"{number}\n{link_words(link, self.language)}" if address else number

    def _reasons(self, notice: Notice) -> Iterator[str]:
        return (reason_text(reason, self.language) for reason in notice.why)

    def _message(self, message_id: UUID, notices: Sequence[Notice], text: str) -> Message:
        first = min(notices, key=lambda each: each.level)
        contact = self.plan.contact(first.person_id)
        hidden = self.is_group and any(each.kind is Kind.VIOLATION for each in notices)
        return Message(
            message_id=message_id,
            title=f"{title_of(first.level, self.language)}{cut(first.text, 90)}",
            text=text,
            name="" if hidden else first.person,
            mobile="" if hidden else contact.mobile,
            mail=contact.mail,
            urgent=first.level is Priority.URGENT,
        )


def fit(body: str, tail: str, largest: int) -> str:
    """Both within so many bytes: the body is cut, the tail never."""
    return f"{cut(body, largest - len(tail.encode()) - 1)}\n{tail}"


def cut(text: str, largest: int) -> str:
    """At most so many bytes of UTF-8, never through a character."""
    written = text.encode("utf-8", "replace")
    if len(written) <= largest:
        return written.decode()
    kept = written[: max(0, largest - len(_CUT.encode()))].decode("utf-8", "ignore")
    return kept + _CUT
