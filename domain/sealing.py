"""The chain over credit entries: what exactly is hashed, and how. Pure, and never to be changed.

Only ids, whole numbers and codes are covered, no names: a person can be erased without breaking it.
"""

import hashlib
from typing import Final

from domain.credit import CreditEntry

FIRST: Final = "0" * 64  # what stands before the first seal
_FORMAT: Final = "gridwarden-entry/1"
_SEPARATOR: Final = "\x1f"  # occurs in no id and no code


def canonical(entry: CreditEntry) -> bytes:
    """Every field of the entry in a fixed order; a reason by its code and facts."""
    reasons = [
        part
        for reason in entry.reasons
        for part in (reason.code, *(f"{k}={v}" for k, v in reason.facts))
    ]
    words = [
        _FORMAT,
        str(entry.entry_id),
        entry.account.value,
        entry.person_id,
        entry.item_id,
        str(entry.rule_version),
        str(entry.points_hundredths),
        str(entry.event_id),
        str(entry.review_id),
        entry.zone_id or "",
        str(entry.effective_at_us),
        str(entry.recorded_at_us),
        entry.confirmed_by,
        str(entry.corrects or ""),
        str(int(entry.shadow)),
        str(len(reasons)),
        *reasons,
    ]
    return _SEPARATOR.join(words).encode("utf-8", "backslashreplace")


def seal_hash(previous: str, number: int, entry: CreditEntry) -> str:
    """Hex SHA-256 over the hash before, the number and the entry."""
    head = f"{previous}{_SEPARATOR}{number}{_SEPARATOR}".encode()
    return hashlib.sha256(head + canonical(entry)).hexdigest()
