"""What a camera proposes, rule by rule, without a net: subjects and tickets in, proposals out."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np
import pytest

from detectors.violations.boxes import Detections
from detectors.violations.ground import Ground, LivePart, UnusableGround
from detectors.violations.subjects import HeadState, Subject, Sureness, subjects_of
from detectors.violations.vest import wears_vest
from detectors.violations.watch import CameraWatch, WatchConfig
from detectors.violations.zones import UnusableZone, Zone
from domain.distances import Distances, UnusableDistances
from domain.ids import AssetId, PersonId, TeamId
from domain.paperwork import Ticket, TicketState, TicketType
from domain.violations import (
    Code,
    Place,
    Proposal,
    TicketAnswer,
    TicketFinding,
    Tickets,
    answer_from,
)
from service.vision.distances import read_distances

HALF_SECOND = 500_000
BAY, OTHER = AssetId("bay-1"), AssetId("bay-2")
HERE = Place(station="liuyuan", asset_id=BAY)
SQUARE = ((100.0, 100.0), (300.0, 100.0), (300.0, 300.0), (100.0, 300.0))
INSIDE, OUTSIDE = (200.0, 250.0), (400.0, 250.0)
EVERY_ANSWER = list(TicketFinding)


@dataclass
class SayingTickets:
    finding: TicketFinding = TicketFinding.NONE
    lone_work: bool = False

    def answer(self, place: Place, at_us: int, team_id: TeamId | None = None) -> TicketAnswer:
        return TicketAnswer(finding=self.finding, lone_work=self.lone_work)


def standing(
    foot: tuple[float, float], head: HeadState = HeadState.UNKNOWN, height: float = 160.0
) -> Subject:
    x, y = foot
    box = (x - 30, y - height, x + 30, y)
    seen = None if head is HeadState.UNKNOWN else (x - 12, y - height, x + 12, y - height + 26)
    return Subject(box=box, score=0.9, head=seen, head_state=head, head_score=0.8)


def zone(*rules: Code, dwell_us: int = 1_000_000) -> Zone:
    return Zone(name="bay", polygon=SQUARE, place=HERE, rules=frozenset(rules), dwell_us=dwell_us)


def watch(tickets: Tickets, **chosen: object) -> CameraWatch:
    plain = WatchConfig(camera="gate", place=HERE, everywhere=frozenset())
    return CameraWatch(replace(plain, **chosen), tickets)  # type: ignore[arg-type]


def looked(camera: CameraWatch, frames: list[list[Subject]]) -> list[Proposal]:
    return [
        change
        for row, subjects in enumerate(frames)
        for change in camera.look_at(row * HALF_SECOND, subjects)
    ]


def codes(changes: list[Proposal]) -> list[Code]:
    return [each.code for each in changes if each.is_open]


HEADS = {"b": HeadState.BARE, "h": HeadState.HELMET, "-": HeadState.UNKNOWN}


@pytest.mark.parametrize(
    ("states", "proposed"),
    [
        pytest.param("bb", 0, id="two-frames-are-too-few"),
        pytest.param("bbb", 1, id="three-of-five"),
        pytest.param("b-b-b", 1, id="unknown-between-changes-nothing"),
        pytest.param("b--b--b", 0, id="three-of-seven-are-too-few"),
        pytest.param("----------", 0, id="a-head-never-seen-is-no-violation"),
        pytest.param("hhhhhhhh", 0, id="helmet-on"),
        pytest.param("bbbbbbbbbbbb", 1, id="one-open-violation-per-track"),
        pytest.param("bbb" + "-" * 5 + "bbb", 1, id="turned-away-for-a-moment-is-the-same-one"),
        pytest.param("bbb" + "h" * 16 + "bbb", 1, id="silent-for-a-while-after-it-ended"),
        pytest.param("bbb" + "h" * 80 + "bbb", 2, id="taken-off-again-much-later"),
    ],
)
def test_a_bare_head_must_be_seen_in_several_frames(states: str, proposed: int) -> None:
    camera = watch(SayingTickets(), everywhere=frozenset({Code.NO_HELMET}))
    changes = looked(camera, [[standing(OUTSIDE, HEADS[each])] for each in states])
    assert codes(changes) == [Code.NO_HELMET] * proposed


@pytest.mark.parametrize("finding", EVERY_ANSWER)
def test_no_ticket_permits_a_bare_head(finding: TicketFinding) -> None:
    camera = watch(SayingTickets(finding), everywhere=frozenset({Code.NO_HELMET}))
    (proposal,) = looked(camera, [[standing(OUTSIDE, HeadState.BARE)]] * 3)
    assert proposal.ticket.finding is finding
    assert proposal.certain
    assert not proposal.speaks


@pytest.mark.parametrize(
    ("finding", "proposed", "speaks"),
    [
        pytest.param(TicketFinding.VALID, False, False, id="valid"),
        pytest.param(TicketFinding.NONE, True, True, id="none"),
        pytest.param(TicketFinding.EXPIRED, True, True, id="expired"),
        pytest.param(TicketFinding.WRONG_PLACE, True, True, id="wrong-place"),
        pytest.param(TicketFinding.WRONG_CREW, True, True, id="wrong-crew"),
        pytest.param(
            TicketFinding.QUESTIONABLE, True, False, id="questionable-data-does-not-shout"
        ),
    ],
)
@pytest.mark.parametrize("code", [Code.IN_ZONE, Code.NO_PLAN])
def test_a_ticket_makes_presence_legal(
    code: Code, finding: TicketFinding, proposed: bool, speaks: bool
) -> None:
    everywhere = frozenset({Code.NO_PLAN} if code is Code.NO_PLAN else ())
    zones = (zone(Code.IN_ZONE),) if code is Code.IN_ZONE else ()
    camera = watch(SayingTickets(finding), everywhere=everywhere, zones=zones)
    changes = looked(camera, [[standing(INSIDE)]] * 8)
    assert codes(changes) == ([code] if proposed else [])
    assert [each.speaks for each in changes] == ([speaks] if proposed else [])


@pytest.mark.parametrize(
    ("finding", "lone_work", "proposed", "certain"),
    [
        pytest.param(TicketFinding.VALID, False, True, True, id="valid-needs-a-guardian"),
        pytest.param(TicketFinding.VALID, True, False, True, id="valid-for-one-person"),
        pytest.param(TicketFinding.NONE, True, True, True, id="none"),
        pytest.param(TicketFinding.EXPIRED, True, True, True, id="expired"),
        pytest.param(TicketFinding.WRONG_PLACE, True, True, True, id="wrong-place"),
        pytest.param(TicketFinding.WRONG_CREW, True, True, True, id="wrong-crew"),
        pytest.param(TicketFinding.QUESTIONABLE, True, True, False, id="questionable-data"),
    ],
)
def test_one_person_alone_where_two_must_be(
    finding: TicketFinding, lone_work: bool, proposed: bool, certain: bool
) -> None:
    tickets = SayingTickets(finding, lone_work)
    camera = watch(tickets, zones=(zone(Code.ALONE),), alone_us=2_000_000)
    changes = looked(camera, [[standing(INSIDE)]] * 6)
    assert codes(changes) == ([Code.ALONE] if proposed else [])
    assert all(each.certain is certain for each in changes)


def test_a_guardian_beside_him_or_only_just_hidden_is_company() -> None:
    pair = [standing((150.0, 250.0)), standing((250.0, 250.0))]
    hidden = pair[:1]
    camera = watch(SayingTickets(), zones=(zone(Code.ALONE),), alone_us=1_000_000)
    assert looked(camera, [pair] * 4 + [hidden] * 3 + [pair] * 4) == []


def test_a_zone_ends_with_the_time_that_was_spent_in_it() -> None:
    camera = watch(SayingTickets(), zones=(zone(Code.IN_ZONE),))
    walk = [[standing(INSIDE)]] * 10 + [[standing((330.0, 250.0))]] * 14
    begun, ended = looked(camera, walk)
    assert begun.is_open
    assert (ended.began_at_us, ended.last_seen_us) == (0, 9 * HALF_SECOND)
    assert ended.dwell_us == 9 * HALF_SECOND
    assert ended.version == 2


def test_who_stands_on_the_line_does_not_come_and_go() -> None:
    camera = watch(SayingTickets(), zones=(zone(Code.IN_ZONE),))
    on_the_line = [[standing((298.0 + 4 * (row % 2), 250.0))] for row in range(40)]
    assert codes(looked(camera, on_the_line)) == [Code.IN_ZONE]


def test_passing_through_is_shorter_than_the_dwell() -> None:
    camera = watch(SayingTickets(), zones=(zone(Code.IN_ZONE, dwell_us=3_000_000),))
    assert looked(camera, [[standing(INSIDE)]] * 4 + [[standing((330.0, 250.0))]] * 4) == []


def test_a_ticket_that_runs_out_inside_proposes_then() -> None:
    tickets = SayingTickets(TicketFinding.VALID)
    camera = watch(tickets, zones=(zone(Code.IN_ZONE),))
    assert looked(camera, [[standing(INSIDE)]] * 5) == []
    tickets.finding = TicketFinding.EXPIRED
    later = [
        change
        for row in range(5, 10)
        for change in camera.look_at(row * HALF_SECOND, [standing(INSIDE)])
    ]
    assert [each.ticket.finding for each in later] == [TicketFinding.EXPIRED]


def test_the_same_film_gives_the_same_ids() -> None:
    def ids() -> list[UUID]:
        camera = watch(SayingTickets(), zones=(zone(Code.IN_ZONE),))
        return [each.proposal_id for each in looked(camera, [[standing(INSIDE)]] * 6)]

    assert ids() == ids() != []


def ground() -> Ground:
    """100 pixels a metre."""
    pixels = [(0.0, 0.0), (1000.0, 0.0), (1000.0, 1000.0), (0.0, 1000.0)]
    return Ground.from_points(pixels, [(x / 100, y / 100) for x, y in pixels])


@pytest.mark.parametrize(
    ("finding", "metres", "proposed", "certain"),
    [
        # 10 kV: 0.70 m beside, 0.35 m at work; the error here is 0.03 m
        pytest.param(TicketFinding.NONE, 0.80, False, True, id="none-far-enough"),
        pytest.param(TicketFinding.NONE, 0.72, True, False, id="none-within-the-error"),
        pytest.param(TicketFinding.NONE, 0.60, True, True, id="none-too-near"),
        pytest.param(TicketFinding.EXPIRED, 0.60, True, True, id="expired"),
        pytest.param(TicketFinding.WRONG_PLACE, 0.60, True, True, id="wrong-place"),
        pytest.param(TicketFinding.WRONG_CREW, 0.60, True, True, id="wrong-crew"),
        pytest.param(TicketFinding.QUESTIONABLE, 0.60, True, False, id="questionable-data"),
        pytest.param(TicketFinding.VALID, 0.60, False, True, id="valid-may-be-nearer"),
        pytest.param(TicketFinding.VALID, 0.30, True, True, id="valid-and-still-too-near"),
    ],
)
def test_a_distance_counts_with_its_error(
    finding: TicketFinding, metres: float, proposed: bool, certain: bool
) -> None:
    busbar = LivePart(name="busbar", kv=10, outline=((0.0, 3.0), (10.0, 3.0)))
    camera = watch(
        SayingTickets(finding), ground=ground(), live_parts=(busbar,), distances=read_distances()
    )
    changes = looked(camera, [[standing((500.0, 300.0 + metres * 100))]] * 4)
    assert codes(changes) == ([Code.TOO_NEAR] if proposed else [])
    assert all(each.certain is certain for each in changes)
    assert all(each.clearance_m == pytest.approx(metres, abs=1e-6) for each in changes)


def test_a_tilted_camera_measures_metres_on_the_ground() -> None:
    metres = [(0.0, 0.0), (4.0, 0.0), (4.0, 6.0), (0.0, 6.0), (2.0, 3.0)]

    def seen(x: float, y: float) -> tuple[float, float]:
        depth = 1 + 0.1 * y
        return (300 + 60 * x / depth, 400 - 40 * y / depth)

    plane = Ground.from_points([seen(*each) for each in metres], metres)
    assert plane.metres(seen(1.0, 5.0)) == pytest.approx((1.0, 5.0), abs=1e-6)
    assert plane.residual_m == pytest.approx(0.0, abs=1e-6)
    assert plane.error_m(seen(2.0, 6.0)) > plane.error_m(seen(2.0, 0.5))
    assert plane.metres((300.0, -500.0)) is None


@pytest.mark.parametrize(
    ("pixels", "what"),
    [
        pytest.param([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)], "four points", id="three-points"),
        pytest.param([(0.0, 0.0), (1.0, 0.0), (2.0, 0.0), (3.0, 0.0)], "line", id="on-a-line"),
        pytest.param([(1.0, 1.0)] * 4, "one point", id="one-point"),
    ],
)
def test_calibration_points_without_a_plane_are_refused(
    pixels: list[tuple[float, float]], what: str
) -> None:
    metres = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)][: len(pixels)]
    with pytest.raises(UnusableGround, match=what):
        Ground.from_points(pixels, metres)


@pytest.mark.parametrize(
    "break_it",
    [
        pytest.param(lambda: Zone(name="z", polygon=SQUARE[:2], place=HERE), id="two-corners"),
        pytest.param(lambda: Zone(name="z", polygon=(SQUARE[0],) * 3, place=HERE), id="no-area"),
        pytest.param(lambda: zone(dwell_us=-1), id="time-backwards"),
    ],
)
def test_a_zone_that_encloses_nothing_is_refused(break_it: Callable[[], Zone]) -> None:
    with pytest.raises(UnusableZone):
        break_it()


def test_the_table_of_distances_knows_its_marks_and_never_guesses() -> None:
    table = read_distances()
    assert [table.at(kv).near_m for kv in (6, 10, 35, 110, 220)] == [0.7, 0.7, 1.0, 1.5, 3.0]
    assert {row.working_from.mark for row in table.rows} == {"U", "V"}
    with pytest.raises(UnusableDistances, match="1000 kV"):
        table.at(1000)
    with pytest.raises(UnusableDistances, match="rise"):
        Distances(tuple(reversed(table.rows)))


def ticket(**chosen: object) -> Ticket:
    plain = Ticket(
        ticket_id=UUID(int=1),
        number="T-1",
        type=TicketType.WORK_1,
        task="busbar",
        station="liuyuan",
        asset_ids=(BAY,),
        team_id=TeamId("east"),
        leader=PersonId("li"),
        from_us=1_000,
        to_us=2_000,
        created_by="li",
        state=TicketState.WORKING,
    )
    return replace(plain, **chosen)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("held", "at_us", "team", "finding"),
    [
        pytest.param([ticket()], 1_500, None, TicketFinding.VALID, id="valid"),
        pytest.param([], 1_500, None, TicketFinding.NONE, id="none"),
        pytest.param([ticket()], 2_000, None, TicketFinding.EXPIRED, id="expired"),
        pytest.param([ticket()], 500, None, TicketFinding.NONE, id="not-begun"),
        pytest.param(
            [ticket(asset_ids=(OTHER,))], 1_500, None, TicketFinding.WRONG_PLACE, id="wrong-place"
        ),
        pytest.param(
            [ticket(station="other")], 1_500, None, TicketFinding.NONE, id="another-station"
        ),
        pytest.param([ticket(asset_ids=())], 1_500, None, TicketFinding.VALID, id="whole-station"),
        pytest.param([ticket()], 1_500, TeamId("west"), TicketFinding.WRONG_CREW, id="wrong-crew"),
        pytest.param([ticket()], 1_500, TeamId("east"), TicketFinding.VALID, id="its-crew"),
        pytest.param(
            [ticket(state=TicketState.INTERRUPTED)],
            1_500,
            None,
            TicketFinding.QUESTIONABLE,
            id="interrupted",
        ),
        pytest.param([ticket(state=TicketState.VOID)], 1_500, None, TicketFinding.NONE, id="void"),
        pytest.param(
            [ticket(asset_ids=(OTHER,)), ticket()], 1_500, None, TicketFinding.VALID, id="one-fits"
        ),
    ],
)
def test_what_the_tickets_say(
    held: list[Ticket], at_us: int, team: TeamId | None, finding: TicketFinding
) -> None:
    assert answer_from(held, HERE, at_us, team).finding is finding


def detections(*rows: tuple[tuple[float, float, float, float], float, int]) -> Detections:
    return Detections(
        np.array([row[0] for row in rows], np.float32).reshape(-1, 4),
        np.array([row[1] for row in rows], np.float32),
        np.array([row[2] for row in rows], np.int64),
    )


@pytest.mark.parametrize(
    ("found", "states"),
    [
        pytest.param([((100, 100, 160, 300), 0.9, 0)], ["unknown"], id="no-head-is-unknown"),
        pytest.param(
            [((100, 100, 160, 300), 0.9, 0), ((115, 100, 145, 130), 0.7, 2)], ["bare"], id="bare"
        ),
        pytest.param(
            [
                ((100, 100, 160, 300), 0.9, 0),
                ((115, 100, 145, 130), 0.6, 2),
                ((114, 100, 146, 131), 0.7, 1),
            ],
            ["helmet"],
            id="the-stronger-of-two-on-one-head",
        ),
        pytest.param([((115, 100, 145, 130), 0.7, 2)], ["bare"], id="a-head-without-a-body"),
        pytest.param(
            [((100, 100, 160, 300), 0.9, 0), ((115, 250, 145, 280), 0.7, 1)],
            ["unknown", "helmet"],
            id="a-helmet-at-the-knee-is-not-his",
        ),
        pytest.param([((115, 100, 145, 130), 0.3, 2)], [], id="too-weak"),
    ],
)
def test_a_head_belongs_to_one_person(
    found: list[tuple[tuple[float, float, float, float], float, int]], states: list[str]
) -> None:
    subjects = subjects_of(detections(*found), Sureness(), (640, 480))
    assert [each.head_state.value for each in subjects] == states


@pytest.mark.parametrize(
    ("colour", "side", "worn"),
    [
        pytest.param((0, 110, 255), 200, True, id="orange"),
        pytest.param((40, 255, 200), 200, True, id="lime"),
        pytest.param((120, 60, 20), 200, False, id="blue-work-clothes"),
        pytest.param((0, 110, 255), 30, None, id="too-far-to-tell"),
    ],
)
def test_a_vest_is_told_by_its_colour(
    colour: tuple[int, int, int], side: int, worn: bool | None
) -> None:
    picture = np.full((400, 400, 3), colour, np.uint8)
    assert wears_vest(picture, (0.0, 0.0, side, side)) is worn


def test_no_vest_is_only_a_hint() -> None:
    camera = watch(SayingTickets(), everywhere=frozenset({Code.NO_VEST}))
    picture = np.full((480, 640, 3), (120, 60, 20), np.uint8)
    changes = [
        change
        for row in range(6)
        for change in camera.look_at(row * HALF_SECOND, [standing(INSIDE)], picture)
    ]
    assert [(each.code, each.is_hint, each.speaks) for each in changes] == [
        (Code.NO_VEST, True, False)
    ]
