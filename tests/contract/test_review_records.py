"""The review queue in each database: what was decided comes back, in the order of judging."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import Engine

from domain.assets import Priority
from domain.changes import Changes
from domain.clock import MINUTE_US
from domain.credit import ReviewItem, ReviewKind, ReviewMark, ReviewState
from domain.evidence import EvidenceFile, EvidenceKind
from domain.ids import AssetId, CameraId, PersonId, TeamId, ZoneId
from domain.judgements import Established, FoundBy, Named, Sighting, WorkRole
from domain.paperwork import Ticket, TicketState, TicketType
from domain.rectification import Rectification
from storage.engines import writing
from storage.records import write_changes
from storage.reviews import ReviewFilter, ReviewReads
from tests.support.records_stores import RecordsStore

OPEN = (ReviewState.PROPOSED, ReviewState.SENT_BACK)
JUDGED = (ReviewState.CONFIRMED, ReviewState.REJECTED, ReviewState.DUPLICATE)
PHOTO = EvidenceFile(
    sha256="a" * 64, media_type="image/jpeg", kind=EvidenceKind.PHOTO, at_us=1, size=2
)


@pytest.fixture
def engine(store: RecordsStore) -> Iterator[Engine]:
    made = store.engine()
    yield made
    made.dispose()


def commit(engine: Engine, **changes: object) -> ReviewReads:
    with writing(engine) as connection:
        write_changes(connection, Changes(**changes))  # type: ignore[arg-type]
    return ReviewReads(engine)


def item(number: int, level: Priority | None = None, **more: object) -> ReviewItem:
    review = ReviewItem(
        review_id=UUID(int=number),
        kind=ReviewKind.VIOLATION,
        created_at_us=number * MINUTE_US,
        proposed_by="rule:PPE-01",
        text="未戴安全帽 100%",
        code="PPE-01",
        level=level,
        station="35kV柳塬变",
    )
    return replace(review, **more)  # type: ignore[arg-type]


def numbers(found: list[ReviewItem]) -> list[int]:
    return [each.review_id.int for each in found]


def test_everything_of_an_item_comes_back(engine: Engine) -> None:
    whole = item(
        1,
        Priority.URGENT,
        asset_id=AssetId("LY/1T"),
        files=(PHOTO,),
        sighting=Sighting(
            camera_id=CameraId("LY-yard"),
            camera="场地摄像机",
            area="1号主变间隔",
            began_us=1,
            until_us=2,
            proposals=(UUID(int=5), UUID(int=6)),
        ),
        established=Established(
            named=(
                Named(person_id=PersonId("p"), role=WorkRole.WORK_LEADER),
                Named(person_id=None, role=WorkRole.DOER),
            ),
            clause="安规 4.2",
            found_by=FoundBy.BUREAU,
        ),
        state=ReviewState.CONFIRMED,
        judged_by="safety",
        judged_at_us=7,
        same_as=UUID(int=9),
    )
    reads = commit(engine, reviews=[whole])
    assert reads.queue(ReviewFilter(states=JUDGED)) == [whole]
    assert reads.with_files() == [whole]


def test_the_gravest_waits_first_and_the_newest_judgement_is_shown_first(engine: Engine) -> None:
    reads = commit(
        engine,
        reviews=[
            item(1),  # credit has no level
            item(2, Priority.MINOR),
            item(3, Priority.URGENT),
            item(4, Priority.URGENT),
            item(5, state=ReviewState.REJECTED, judged_by="s", judged_at_us=50),
            item(6, state=ReviewState.REJECTED, judged_by="s", judged_at_us=60),
        ],
    )
    assert numbers(reads.queue(ReviewFilter(states=OPEN))) == [3, 4, 2, 1]
    assert numbers(reads.queue(ReviewFilter(states=JUDGED))) == [6, 5]
    assert numbers(reads.queue(ReviewFilter(states=OPEN), limit=1)) == [3]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        pytest.param({"kinds": [ReviewKind.HAZARD]}, [2], id="kind"),
        pytest.param({"levels": [Priority.URGENT]}, [3], id="level"),
        pytest.param({"stations": ["35kV沟岔变"], "assets": ["GC/1T"]}, [2, 3], id="station"),
        pytest.param({"camera_id": "GC-1"}, [3], id="camera"),
        pytest.param({"camera_id": "GC"}, [], id="a-part-of-a-camera-s-name-is-none"),
        pytest.param({"words": "盖板 report"}, [2], id="every-word"),
        pytest.param({"words": "100%"}, [1], id="a-percent-sign-is-no-wildcard"),
        pytest.param({"from_us": 2 * MINUTE_US, "to_us": 3 * MINUTE_US}, [2], id="time"),
    ],
)
def test_the_list_is_filtered(engine: Engine, wanted: dict[str, object], found: list[int]) -> None:
    seen = Sighting(
        camera_id=CameraId("GC-1"), camera="c", area="", began_us=1, until_us=2, proposals=()
    )
    reads = commit(
        engine,
        reviews=[
            item(1),
            item(
                2,
                kind=ReviewKind.HAZARD,
                text="盖板缺失 REPORT",
                code="",
                station="35kV沟岔变",
            ),
            item(
                3,
                Priority.URGENT,
                text="进入间隔",
                asset_id=AssetId("GC/1T"),
                station="",
                sighting=seen,
            ),
        ],
    )
    listed = reads.queue(ReviewFilter(states=OPEN, **wanted))  # type: ignore[arg-type]
    assert sorted(numbers(listed)) == found


def test_what_somebody_has_seen_is_his_own_and_never_older_than_before(engine: Engine) -> None:
    mark = ReviewMark(user="a", review_id=UUID(int=1), version=2, at_us=1)
    reads = commit(engine, review_marks=[mark, replace(mark, user="b", version=1)])
    commit(engine, review_marks=[replace(mark, version=1, at_us=9)])
    commit(engine, review_marks=[mark])  # told again
    assert reads.seen_by("a", [UUID(int=1), UUID(int=2)]) == {UUID(int=1): 2}
    assert reads.seen_by("b", [UUID(int=1)]) == {UUID(int=1): 1}
    assert reads.seen_by("c", [UUID(int=1)]) == {}


def test_a_notice_comes_back_in_its_newest_version(engine: Engine) -> None:
    issued = Rectification(
        rectification_id=UUID(int=1),
        number="ZG-2026-0001",
        review_id=UUID(int=2),
        asset_id=AssetId("LY/1T"),
        station="35kV柳塬变",
        zone_id=ZoneId("z"),
        member_id=PersonId("p"),
        measure="补齐",
        issued_by="safety",
        issued_at_us=1,
        due_us=2,
    )
    done = issued.done("duty", 3, "已补齐", "无人检查", (PHOTO,))
    reads = commit(engine, rectifications=[done, issued])
    assert reads.rectification(UUID(int=1)) == done
    commit(engine, rectifications=[issued])
    assert reads.rectifications_of([UUID(int=2)]) == [done]
    assert reads.every_rectification() == [done]
    back = done.looked_at(True, "b", 4, "好").looked_back_at(True, "b", 5, "未反弹")
    assert commit(engine, rectifications=[back]).rectification(UUID(int=1)) == back


def test_tickets_of_a_station_and_a_moment_ended_since_or_not(engine: Engine) -> None:
    ticket = Ticket(
        ticket_id=UUID(int=1),
        number="1",
        type=TicketType.WORK_1,
        task="检修",
        station="35kV柳塬变",
        asset_ids=(),
        team_id=TeamId("t"),
        leader=PersonId("p"),
        from_us=10,
        to_us=20,
        created_by="x",
    )
    ended = replace(ticket, ticket_id=UUID(int=2), number="2", state=TicketState.ENDED)
    void = replace(ticket, ticket_id=UUID(int=3), number="3", state=TicketState.VOID)
    reads = commit(engine, tickets=[ticket, ended, void])
    assert [each.number for each in reads.tickets_at("35kV柳塬变", 10)] == ["1", "2"]
    assert reads.tickets_at("35kV柳塬变", 20) == []
    assert reads.tickets_at("35kV沟岔变", 10) == []
