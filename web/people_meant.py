"""Who may have been meant by an item of the queue, with everything that the records know of that moment."""

from domain.clock import MINUTE_US
from domain.credit import ReviewItem
from domain.ids import PersonId
from linkage.candidates import Candidate, candidates
from linkage.watches import REMEMBERED_US
from web.shell import Visit


def moment_of(review: ReviewItem) -> int:
    """When it happened."""
    return review.happened_at_us


def end_of(review: ReviewItem) -> int:
    return (
        max(review.sighting.until_us, moment_of(review)) if review.sighting else moment_of(review)
    )


def station_of(visit: Visit, review: ReviewItem) -> str:
    return visit.console.asset(review.asset_id).station if review.asset_id else review.station


def people_meant(visit: Visit, review: ReviewItem) -> tuple[Candidate, ...]:
    """Raises StorageUnavailable."""
    at_us, station = moment_of(review), station_of(visit, review)
    return candidates(
        visit.console.site.organisation,
        visit.console.review_reads.tickets_at(station, at_us),
        _on_duty(visit, review, station, at_us),
        review.asset_id,
        at_us,
    )


def _on_duty(visit: Visit, review: ReviewItem, station: str, at_us: int) -> list[PersonId]:
    """The crew on watch there at that moment; else whoever acted for the place by the roster."""
    posts = {
        post.post_id for post in visit.console.plan.posts if post.stations and post.sees(station)
    }
    watches = visit.console.logbook.watches_since(at_us - REMEMBERED_US)
    found = [
        person
        for watch in watches
        if watch.post_id in posts and watch.answers_at(at_us)
        for person in watch.persons
    ]
    if review.asset_id is not None:
        acting = visit.console.responsibility.of_asset(review.asset_id, at_us).acting
        if acting is not None and acting.person_id:
            found.append(acting.person_id)
    return list(dict.fromkeys(found))


# so much before and after is shown beside it
AROUND_US = 15 * MINUTE_US
