"""Findings and cases as rows of the records, and back."""

from typing import Any

from sqlalchemy import RowMapping

from domain.assets import Priority
from domain.findings import Case, Cause, Finding, Opinion, Verdict
from domain.ids import AssetId
from storage.rows import as_json, columns_of
from storage.typed import read_json

_Row = dict[str, Any]


def finding_row(finding: Finding) -> _Row:
    return columns_of(finding) | {"opinions": as_json(finding.opinions)}


def finding(row: RowMapping) -> Finding:
    held: _Row = dict(row)
    held["asset_id"] = AssetId(held["asset_id"])
    held["cause"] = Cause(held["cause"])
    held["verdict"] = Verdict(held["verdict"])
    held["priority"] = Priority(held["priority"])
    held["opinions"] = read_json(tuple[Opinion, ...], held["opinions"])
    answered = held["answered_cause"]
    held["answered_cause"] = Cause(answered) if answered else None
    return Finding(**held)


def case_row(case: Case) -> _Row:
    return columns_of(case)


def case(row: RowMapping) -> Case:
    return Case(**{**row, "asset_id": AssetId(row["asset_id"]), "cause": Cause(row["cause"])})
