"""What the doctor says of one thing."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    GOOD = "good"
    NOTE = "note"  # worth knowing; nothing needs mending
    WARN = "warn"  # it works today; one day it may not
    MEND = "mend"  # it does not work, or loses something


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    subject: str
    verdict: Verdict
    says: str  # one sentence: what is so
    cure: str = ""  # one sentence: what to do about it


def good(subject: str, says: str) -> Finding:
    return Finding(subject=subject, verdict=Verdict.GOOD, says=says)


def note(subject: str, says: str) -> Finding:
    return Finding(subject=subject, verdict=Verdict.NOTE, says=says)


def warn(subject: str, says: str, cure: str) -> Finding:
    return Finding(subject=subject, verdict=Verdict.WARN, says=says, cure=cure)


def mend(subject: str, says: str, cure: str) -> Finding:
    return Finding(subject=subject, verdict=Verdict.MEND, says=says, cure=cure)
