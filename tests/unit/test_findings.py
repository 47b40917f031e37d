"""Findings in the core: raised and cleared as alarms, stored in their newest version, settled by people."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from detectors.evaluate import DetectorState, evaluate
from domain.access import JUDGE, LOCAL_OPERATOR
from domain.assets import Priority
from domain.changes import Changes
from domain.events import AlarmCleared, AlarmRaised, Event
from domain.findings import AlarmMove, Cause, Drawing, Finding, Input, Opinion, Stance, Verdict
from domain.paperwork import Role, User
from domain.reasons import reason_text
from domain.records import Requested
from domain.requests import AnswerConsultation, ReportFinding, Request
from domain.responsibility import Reason
from linkage.desk import Held
from linkage.linkage import Linkage
from storage.console_reads import ConsoleReads
from storage.engines import sqlite_engine
from storage.migrate import upgrade
from storage.records import SqlRecords
from storage.request_codec import audited, named, request_of
from tests.support.alarms import TEN_US, TRANSFORMER, URGENT_SOUNDS, plan_with

DUTY = User(name="duty", password="x", roles=frozenset({Role.DUTY}))
VIEWER = User(name="viewer", password="x", roles=frozenset({Role.VIEWER}))
HOT = Finding(
    finding_id=UUID(int=7),
    asset_id=TRANSFORMER.asset_id,
    cause=Cause.OVERHEATING,
    verdict=Verdict.FIRM,
    confidence=0.9,
    degraded=False,
    priority=Priority.MINOR,
    began_at_us=TEN_US - 1_000_000,
    told_at_us=TEN_US,
    signature="hot",
    opinions=(
        Opinion(
            expert="thermal/1",
            cause=Cause.OVERHEATING,
            stance=Stance.AGREES,
            confidence=0.9,
            measured=78.0,
            inputs=(Input(point="N/1T/oil", value=None, good=False),),
            why=Reason.of("oil_against_model", measured="78", expected="60"),
            drawing=Drawing(kind="series", times_us=(1, 2), measured=(1.0, None)),
        ),
    ),
)
STRANGE = replace(
    HOT,
    finding_id=UUID(int=8),
    cause=Cause.UNUSUAL,
    verdict=Verdict.CANNOT_TELL,
    priority=Priority.NOTICE,
    signature="strange",
)


def report(finding: Finding, alarm: AlarmMove = AlarmMove.NONE) -> ReportFinding:
    return ReportFinding(finding=finding, alarm=alarm, signal="异常发热")


def events_of(request: Request, actor: str = JUDGE) -> list[Event]:
    asked = Requested(at_us=TEN_US, request_id=uuid4(), actor=actor, request=request)
    return evaluate(DetectorState.initial(), asked)[1]


def test_a_finding_is_raised_and_cleared_under_one_id_and_sounds_nothing() -> None:
    (raised,) = events_of(report(HOT, AlarmMove.RAISE))
    over = replace(HOT, ended_at_us=TEN_US)
    (cleared,) = events_of(report(over, AlarmMove.CLEAR))
    assert isinstance(raised, AlarmRaised)
    assert isinstance(cleared, AlarmCleared)
    assert raised.event_id == cleared.event_id
    assert raised.signal == "异常发热"
    assert raised.value == 90.0
    assert not raised.output_allowed
    assert Linkage(plan_with(URGENT_SOUNDS)).commands_for(raised) == []


def test_nobody_but_the_judge_raises_one() -> None:
    assert events_of(report(HOT, AlarmMove.RAISE), LOCAL_OPERATOR) == []
    assert events_of(report(HOT, AlarmMove.RAISE), "duty") == []


class Desk:
    def __init__(self, *findings: Finding) -> None:
        held = Held(users=(DUTY, VIEWER), findings=findings)
        self.linkage = Linkage(plan_with(URGENT_SOUNDS), held=held)

    def ask(self, request: Request, actor: str) -> Changes:
        asked = Requested(at_us=TEN_US, request_id=uuid4(), actor=actor, request=request)
        return self.linkage.decide(asked, [])


def refusal(changes: Changes) -> str:
    (handled,) = changes.handled
    assert handled.why is not None
    assert reason_text(handled.why, "en") != handled.why.code, "it has words"
    return handled.why.code


@pytest.mark.parametrize("actor", ["duty", LOCAL_OPERATOR])
def test_a_person_cannot_report_a_finding(actor: str) -> None:
    assert refusal(Desk().ask(report(HOT), actor)) == "not_allowed"


def test_the_judge_can_do_nothing_else() -> None:
    answer = AnswerConsultation(finding_id=STRANGE.finding_id, cause=Cause.OVERLOAD, words="x")
    assert refusal(Desk(STRANGE).ask(answer, JUDGE)) == "unknown_user"


def test_an_answer_becomes_a_case_and_stays_with_later_versions() -> None:
    desk = Desk()
    desk.ask(report(STRANGE), JUDGE)
    answer = AnswerConsultation(
        finding_id=STRANGE.finding_id, cause=Cause.OVERLOAD, words=" 检修后恢复 "
    )
    changes = desk.ask(answer, "duty")
    (case,) = changes.cases
    assert (case.signature, case.cause, case.words, case.by) == (
        "strange",
        Cause.OVERLOAD,
        "检修后恢复",
        "duty",
    )
    (answered,) = changes.findings
    later = desk.ask(report(replace(STRANGE, confidence=0.3)), JUDGE)
    (again,) = later.findings
    assert again.answered_by == "duty"
    assert again.version > answered.version > STRANGE.version


@pytest.mark.parametrize(
    ("words", "actor", "code"),
    [("", "duty", "words_needed"), ("x", "viewer", "not_allowed"), ("x", "ghost", "unknown_user")],
)
def test_what_is_no_answer_is_refused(words: str, actor: str, code: str) -> None:
    answer = AnswerConsultation(finding_id=STRANGE.finding_id, cause=Cause.OVERLOAD, words=words)
    assert refusal(Desk(STRANGE).ask(answer, actor)) == code


def test_a_finding_is_settled_once_and_an_unknown_one_not_at_all() -> None:
    desk = Desk(STRANGE)
    answer = AnswerConsultation(finding_id=STRANGE.finding_id, cause=Cause.OVERLOAD, words="x")
    desk.ask(answer, "duty")
    assert refusal(desk.ask(answer, "duty")) == "already_answered"
    unknown = AnswerConsultation(finding_id=uuid4(), cause=Cause.OVERLOAD, words="x")
    assert refusal(desk.ask(unknown, "duty")) == "no_such_finding"


def test_a_report_comes_back_from_the_journal_and_its_audit_is_short() -> None:
    request = report(HOT, AlarmMove.RAISE)
    assert request_of(named(request)) == request
    assert "oil_against_model" not in audited(request)


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[tuple[SqlRecords, ConsoleReads]]:
    engine = sqlite_engine(tmp_path / "records.db")
    upgrade(engine)
    yield SqlRecords(engine), ConsoleReads(engine)
    engine.dispose()


def test_findings_are_kept_in_their_newest_version(
    stores: tuple[SqlRecords, ConsoleReads],
) -> None:
    records, reads = stores
    records.commit(Changes(findings=[replace(HOT, version=2, confidence=0.5)]), 1)
    records.commit(Changes(findings=[HOT, STRANGE]), 2)
    assert reads.finding(HOT.finding_id) == replace(HOT, version=2, confidence=0.5)
    assert {each.finding_id for each in reads.findings(standing=True)} == {
        HOT.finding_id,
        STRANGE.finding_id,
    }
    over = replace(STRANGE, version=2, ended_at_us=TEN_US)
    records.commit(Changes(findings=[over]), 3)
    assert [each.finding_id for each in reads.findings(standing=True)] == [HOT.finding_id]
    assert over in records.open_findings(), "it still waits for a consultation"


def test_cases_are_found_by_their_signature(stores: tuple[SqlRecords, ConsoleReads]) -> None:
    records, reads = stores
    desk = Desk(STRANGE)
    answer = AnswerConsultation(finding_id=STRANGE.finding_id, cause=Cause.OVERLOAD, words="x")
    records.commit(desk.ask(answer, "duty"), 1)
    assert [case.by for case in reads.cases_like("strange")] == ["duty"]
    assert reads.cases_like("hot") == []
