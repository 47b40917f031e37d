"""Rows of reviews and ledger entries as domain objects, and back."""

from typing import Any

import msgspec
from sqlalchemy import RowMapping

from domain.assets import Priority
from domain.credit import Account, CreditEntry, ReviewItem, ReviewKind, ReviewState
from domain.evidence import EvidenceFile
from domain.judgements import Established, Sighting
from domain.responsibility import Reason
from storage.rows import as_json, columns_of

_Row = dict[str, Any]
_REASONS = tuple[Reason, ...]


def review_row(review: ReviewItem) -> _Row:
    return columns_of(review) | {
        "reasons": as_json(review.reasons),
        "evidence": as_json(review.evidence),
        "files": as_json(review.files),
        "sighting": as_json(review.sighting),
        "established": as_json(review.established),
    }


def review(row: RowMapping) -> ReviewItem:
    held: _Row = dict(row)
    held["kind"] = ReviewKind(held["kind"])
    held["state"] = ReviewState(held["state"])
    held["account"] = Account(held["account"]) if held["account"] else None
    held["reasons"] = msgspec.json.decode(held["reasons"], type=_REASONS)
    held["evidence"] = msgspec.json.decode(held["evidence"], type=tuple[str, ...])
    held["level"] = Priority(held["level"]) if held["level"] else None
    held["sighting"] = msgspec.json.decode(held["sighting"], type=Sighting | None)
    held["established"] = msgspec.json.decode(held["established"], type=Established | None)
    held["files"] = msgspec.json.decode(held["files"], type=tuple[EvidenceFile, ...])
    return ReviewItem(**held)


def entry_row(entry: CreditEntry) -> _Row:
    return columns_of(entry) | {"reasons": as_json(entry.reasons)}


def entry(row: RowMapping) -> CreditEntry:
    held: _Row = dict(row)
    held["account"] = Account(held["account"])
    held["reasons"] = msgspec.json.decode(held["reasons"], type=_REASONS)
    return CreditEntry(**held)
