"""How who was told proves it: a signed link that expires, or a code of six digits that he reads out. Pure."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from hashlib import sha256
from typing import Final
from uuid import UUID

_SIGNED_BYTES: Final = 16
_TIME_BYTES: Final = 5  # seconds since 1970, for the next 30,000 years


class BadToken(ValueError):
    """It was not made by us, was cut short, or is too old; `expired` says which."""

    def __init__(self, *, expired: bool = False) -> None:
        super().__init__(
            "the link is too old" if expired else "the link is not complete or not ours"
        )
        self.expired = expired


def code_of(key: bytes, notice: UUID) -> str:
    """Six digits, the same ones at every call."""
    digest = hmac.digest(key, b"code" + notice.bytes, sha256)
    return f"{int.from_bytes(digest[:8]) % 1_000_000:06d}"


def token_of(key: bytes, notice: UUID, until_s: int) -> str:
    """Fifty letters for a link."""
    said = notice.bytes + until_s.to_bytes(_TIME_BYTES)
    return urlsafe_b64encode(said + _signed(key, said)).rstrip(b"=").decode()


def notice_of(key: bytes, token: str, now_s: float) -> UUID:
    """The notice for which it was made. Raises BadToken."""
    try:
        whole = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except (NotBase64, ValueError) as error:
        raise BadToken from error
    if len(whole) != 16 + _TIME_BYTES + _SIGNED_BYTES:
        raise BadToken
    said, signed = whole[:-_SIGNED_BYTES], whole[-_SIGNED_BYTES:]
    if not hmac.compare_digest(signed, _signed(key, said)):
        raise BadToken
    if now_s >= int.from_bytes(said[16:]):
        raise BadToken(expired=True)
    return UUID(bytes=said[:16])


def _signed(key: bytes, said: bytes) -> bytes:
    return hmac.digest(key, b"link" + said, sha256)[:_SIGNED_BYTES]
