"""Who may have been meant: crew, then who was on duty, then a stranger; each once."""

from dataclasses import replace
from uuid import UUID

import pytest

from domain.ids import AssetId, PersonId, TeamId
from domain.judgements import WorkRole
from domain.organisation import Organisation, Person, Placement, Validity
from domain.paperwork import Ticket, TicketState, TicketType
from linkage.candidates import STRANGER, Candidate, Why, candidates

LEADER, FITTER, MOVED, DUTY = map(PersonId, ("leader", "fitter", "moved", "duty"))
CREW, HERE = TeamId("crew"), AssetId("LY/1T")
PEOPLE = Organisation(
    persons=tuple(Person(person_id=each, name=each) for each in (LEADER, FITTER, MOVED, DUTY)),
    placements=(
        Placement(person_id=LEADER, team_id=CREW),
        Placement(person_id=FITTER, team_id=CREW),
        Placement(person_id=MOVED, team_id=CREW, validity=Validity(until_us=50)),
    ),
)
TICKET = Ticket(
    ticket_id=UUID(int=1),
    number="003",
    type=TicketType.WORK_1,
    task="检修",
    station="35kV柳塬变",
    asset_ids=(HERE,),
    team_id=CREW,
    leader=LEADER,
    from_us=0,
    to_us=200,
    created_by="x",
    state=TicketState.ENDED,
)
CREWS = [
    Candidate(person_id=LEADER, why=Why.CREW, role=WorkRole.WORK_LEADER, ticket="003"),
    Candidate(person_id=FITTER, why=Why.CREW, ticket="003"),
]
ON_DUTY = Candidate(person_id=DUTY, why=Why.ON_DUTY)


@pytest.mark.parametrize(
    ("ticket", "duty", "found"),
    [
        pytest.param(TICKET, [DUTY], [*CREWS, ON_DUTY], id="crew-duty-stranger"),
        pytest.param(TICKET, [FITTER, DUTY], [*CREWS, ON_DUTY], id="each-once"),
        pytest.param(replace(TICKET, asset_ids=()), [], CREWS, id="for-the-whole-station"),
        pytest.param(
            replace(TICKET, asset_ids=(AssetId("LY/2T"),)), [DUTY], [ON_DUTY], id="another-bay"
        ),
        pytest.param(replace(TICKET, from_us=101), [DUTY], [ON_DUTY], id="later"),
        pytest.param(replace(TICKET, to_us=100), [DUTY], [ON_DUTY], id="over"),
    ],
)
def test_the_crew_then_the_watch_then_a_stranger(
    ticket: Ticket, duty: list[PersonId], found: list[Candidate]
) -> None:
    assert list(candidates(PEOPLE, [ticket], duty, HERE, 100)) == [*found, STRANGER]
