"""Rows of reviews and ledger entries as domain objects, and back."""

from typing import Any

from sqlalchemy import RowMapping

from domain.assets import Priority
from domain.credit import Account, CreditEntry, ReviewItem, ReviewKind, ReviewState
from domain.evidence import EvidenceFile
from domain.judgements import Established, Sighting
from domain.responsibility import Reason
from storage.rows import as_json, columns_of
from storage.typed import read_json

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
    held["reasons"] = read_json(_REASONS, held["reasons"])
    held["evidence"] = read_json(tuple[str, ...], held["evidence"])
    held["level"] = Priority(held["level"]) if held["level"] else None
    held["sighting"] = read_json(Sighting | None, held["sighting"])
    held["established"] = read_json(Established | None, held["established"])
    held["files"] = read_json(tuple[EvidenceFile, ...], held["files"])
    return ReviewItem(**held)


def entry_row(entry: CreditEntry) -> _Row:
    return columns_of(entry) | {"reasons": as_json(entry.reasons)}


def entry(row: RowMapping) -> CreditEntry:
    held: _Row = dict(row)
    held["account"] = Account(held["account"])
    held["reasons"] = read_json(_REASONS, held["reasons"])
    return CreditEntry(**held)
