"""Which pictures and clips may go: by what became of the item that names them. Nothing of an item goes while
its rectification is open, and what nobody names goes once it is certain that nobody will."""

from collections.abc import Iterable, Mapping
from typing import Final

from sqlalchemy import Engine

from domain.clock import MINUTE_US, Clock
from domain.credit import ReviewItem, ReviewState
from domain.rectification import Rectification
from service.evidence_files import EVIDENCE
from service.settings import KeepSettings, Settings
from storage.evidence import EvidenceFiles
from storage.reviews import ReviewReads

AT_ONCE: Final = 500
_DAY_US: Final = 24 * 60 * MINUTE_US
NOBODYS_DAYS: Final = 2  # a proposal may wait that long for core
_FOR_EVER: Final = 2**62


class EvidenceKeeper:
    """`sweep` deletes a little at a time."""

    def __init__(
        self, files: EvidenceFiles, reads: ReviewReads, settings: KeepSettings, clock: Clock
    ) -> None:
        self._files = files
        self._reads = reads
        self._settings = settings
        self._clock = clock

    def sweep(self, at_most: int = AT_ONCE) -> int:
        """How many files went. Raises StorageUnavailable."""
        now_us = self._clock()
        until = kept_until(
            self._reads.with_files(), self._reads.every_rectification(), self._settings
        )
        over = [
            name
            for name in self._files.names()
            if until.get(name, 0) <= now_us
            # just written again, by somebody whose proposal is not recorded yet
            and self._files.age_us(name, now_us) > NOBODYS_DAYS * _DAY_US
        ]
        self._files.sweep_unfinished(NOBODYS_DAYS * _DAY_US, now_us)
        return self._files.forget(over[:at_most])


def evidence_keeper(settings: Settings, engine: Engine, clock: Clock) -> EvidenceKeeper:
    files = EvidenceFiles(settings.data / EVIDENCE)
    return EvidenceKeeper(files, ReviewReads(engine), settings.keep, clock)


def kept_until(
    reviews: Iterable[ReviewItem], notices: Iterable[Rectification], settings: KeepSettings
) -> Mapping[str, int]:
    """File -> the moment from which it may go; the same file of two items stays for the longer one."""
    until: dict[str, int] = {}
    held = {review.review_id: review for review in reviews}
    every_notice = list(notices)
    open_ones = {each.review_id for each in every_notice if each.is_open}
    for review in held.values():
        original = held.get(review.same_as, review) if review.same_as else review
        end_us = _FOR_EVER if review.review_id in open_ones else _end_us(original, settings)
        for file in review.files:
            until[file.sha256] = max(until.get(file.sha256, 0), end_us)
    for notice in every_notice:
        since_us = notice.looked_at_us or notice.issued_at_us
        end_us = since_us + settings.evidence_confirmed_days * _DAY_US
        for file in notice.files:
            kept_us = _FOR_EVER if notice.is_open else end_us
            until[file.sha256] = max(until.get(file.sha256, 0), kept_us)
    return until


def _end_us(review: ReviewItem, settings: KeepSettings) -> int:
    if review.is_open or review.judged_at_us is None:
        return review.created_at_us + settings.evidence_unjudged_days * _DAY_US
    confirmed = review.state is ReviewState.CONFIRMED
    days = settings.evidence_confirmed_days if confirmed else settings.evidence_rejected_days
    return review.judged_at_us + days * _DAY_US
