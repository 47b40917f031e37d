"""Passwords as they are kept: scrypt with a salt of its own, so that equal passwords look different."""

import base64
import hashlib
import hmac
import secrets
from typing import Final

# 32 MiB and some 80 ms per try: short for a person who signs in, long for one who guesses
_N: Final = 2**15
_R: Final = 8
_P: Final = 1
_SALT_BYTES: Final = 16
_HASH_BYTES: Final = 32
# a stored line with larger costs is not ours: checking it must not take the machine
_MEMORY_BYTES: Final = 64 * 2**20
_HIGHEST_N, _HIGHEST_R, _HIGHEST_P = 2**20, 32, 4

LEAST_LENGTH: Final = 10
# long enough for a sentence, short enough that hashing it costs nothing by its length
LONGEST: Final = 200

# without 0 o 1 l i: a person copies it from a screen
_EASY_TO_TYPE: Final = "abcdefghjkmnpqrstuvwxyz23456789"


class WeakPassword(ValueError):
    """It cannot be taken; the message says what to choose instead."""


def hashed(password: str) -> str:
    """scrypt$n$r$p$salt$hash, salt and hash in base64."""
    salt = secrets.token_bytes(_SALT_BYTES)
    made = _scrypt(password, salt, _N, _R, _P)
    return "$".join(("scrypt", str(_N), str(_R), str(_P), _written(salt), _written(made)))


def matches(password: str, stored: str) -> bool:
    """Compares in constant time. A stored line that cannot be read matches nothing."""
    parts = stored.split("$")
    if len(parts) != 6 or parts[0] != "scrypt" or len(password) > LONGEST:
        return False
    try:
        n, r, p = (int(part) for part in parts[1:4])
        salt, kept = (base64.b64decode(part, validate=True) for part in parts[4:])
        if not (0 < n <= _HIGHEST_N and 0 < r <= _HIGHEST_R and 0 < p <= _HIGHEST_P):
            return False
        return hmac.compare_digest(_scrypt(password, salt, n, r, p), kept)
    except ValueError:  # also of base64 and of scrypt itself
        return False


def refuse_weak(password: str) -> None:
    """Raises WeakPassword. Length alone: rules about kinds of characters make passwords that are
    written on a note."""
    if len(password) < LEAST_LENGTH:
        raise WeakPassword(f"choose a password of {LEAST_LENGTH} characters or more")
    if len(password) > LONGEST:
        raise WeakPassword(f"choose a password of at most {LONGEST} characters")
    if len(set(password)) < 4:
        raise WeakPassword("choose a password with more different characters")


def random_password() -> str:
    """Sixteen characters in groups of four, some 79 bits: as in "k7mp-2wqx-hn4t-9rvb"."""
    groups = ("".join(secrets.choice(_EASY_TO_TYPE) for _ in range(4)) for _ in range(4))
    return "-".join(groups)


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(
        password.encode(), salt=salt, n=n, r=r, p=p, maxmem=_MEMORY_BYTES, dklen=_HASH_BYTES
    )


def _written(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
