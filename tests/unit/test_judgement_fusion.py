"""One finding per problem: how opinions are put together, and when they are told."""

from dataclasses import replace

import pytest

from detectors.judgement.fusion import Fusion
from domain.assets import Priority
from domain.findings import Cause, Finding, Input, Opinion, Stance, Verdict
from domain.ids import AssetId

T1 = AssetId("N/1T")


def opinion(
    cause: Cause,
    confidence: float = 0.9,
    stance: Stance = Stance.AGREES,
    *,
    expert: str = "thermal/1",
    good: bool = True,
    point: str = "N/1T/top_oil_temp",
    missing: tuple[str, ...] = (),
) -> Opinion:
    return Opinion(
        expert=expert,
        cause=cause,
        stance=stance,
        confidence=confidence,
        inputs=(Input(point=point, value=1.0, good=good),),
        missing=missing,
    )


HOT = opinion(Cause.OVERHEATING, 0.8)
GASES = opinion(Cause.THERMAL_FAULT, 0.85, expert="dga/1", point="N/1T/h2")
WELL = opinion(Cause.OVERHEATING, 0.3, Stance.CONTRADICTS)
STRANGE = opinion(Cause.UNUSUAL, 0.6, expert="learned/1")
SENSOR = opinion(Cause.MEASUREMENT, 0.8, expert="sensor/1")


def told(*said: Opinion, looks: int = 1) -> list[Finding]:
    return Fusion(looks=looks).look({T1: said}, 1_000)


def test_experts_that_agree_on_one_problem_give_one_surer_finding() -> None:
    (finding,) = told(HOT, GASES, STRANGE)
    assert finding.cause is Cause.THERMAL_FAULT, "the surest cause names it"
    assert finding.confidence == pytest.approx(1 - 0.2 * 0.15 * 0.4, abs=0.001)
    assert finding.verdict is Verdict.FIRM
    assert len(finding.of_stance(Stance.AGREES)) == 3


def test_two_problems_are_two_findings() -> None:
    found = told(HOT, opinion(Cause.UNBALANCE, expert="unbalance/1"))
    assert {each.cause for each in found} == {Cause.OVERHEATING, Cause.UNBALANCE}


def test_who_contradicts_makes_it_less_sure() -> None:
    (finding,) = told(GASES, WELL)
    assert finding.confidence == pytest.approx(0.85 * 0.7, abs=0.001)
    assert finding.verdict is Verdict.LIKELY
    assert finding.of_stance(Stance.CONTRADICTS) == (WELL,)


def test_contradiction_alone_is_no_finding() -> None:
    assert told(WELL) == []


def test_degraded_data_never_yields_a_firm_verdict() -> None:
    bad = [replace(each, inputs=(replace(each.inputs[0], good=False),)) for each in (HOT, GASES)]
    (finding,) = told(*bad)
    assert finding.degraded
    assert finding.verdict is Verdict.LIKELY


def test_a_suspect_measurement_speaks_against_what_goes_by_it() -> None:
    found = {each.cause: each for each in told(HOT, SENSOR)}
    assert found[Cause.MEASUREMENT].verdict is Verdict.FIRM
    hot = found[Cause.OVERHEATING]
    assert [each.expert for each in hot.of_stance(Stance.CONTRADICTS)] == ["sensor/1"]
    assert hot.verdict is Verdict.CANNOT_TELL


def test_what_is_only_unusual_opens_a_consultation() -> None:
    (finding,) = told(STRANGE)
    assert finding.verdict is Verdict.CANNOT_TELL
    assert finding.wants_consultation
    assert not finding.alarms
    assert finding.priority is Priority.NOTICE


def test_what_is_missing_is_said() -> None:
    silent = opinion(Cause.OVERHEATING, 0, Stance.CANNOT_TELL, missing=("load_factor",))
    (finding,) = told(GASES, silent)
    assert finding.missing == ("load_factor",)


def test_a_problem_is_told_after_three_looks_and_once() -> None:
    fusion = Fusion()
    found = [fusion.look({T1: [HOT]}, at_us) for at_us in range(10, 60, 10)]
    assert [len(each) for each in found] == [0, 0, 1, 0, 0]
    assert found[2][0].began_at_us == 10


def test_a_problem_is_over_after_three_looks_without_it() -> None:
    fusion = Fusion(looks=1)
    (first,) = fusion.look({T1: [HOT]}, 10)
    fusion = Fusion([first])
    said = [fusion.look({T1: []}, at_us) for at_us in (20, 30, 40, 50)]
    assert [len(each) for each in said] == [0, 0, 1, 0]
    (over,) = said[2]
    assert (over.finding_id, over.ended_at_us) == (first.finding_id, 40)
    assert over.version == first.version + 1


def test_a_flicker_is_never_told() -> None:
    fusion = Fusion()
    looks = [[HOT], [HOT], [], [HOT], [HOT], []]
    assert [fusion.look({T1: said}, row) for row, said in enumerate(looks)] == [[]] * 6


def test_an_asset_that_was_not_looked_at_keeps_its_findings() -> None:
    fusion = Fusion(looks=1)
    fusion.look({T1: [HOT]}, 10)
    assert [fusion.look({}, at_us) for at_us in (20, 30, 40, 50)] == [[]] * 4
    assert len(fusion.standing) == 1


def test_news_is_a_new_version_of_the_same_finding() -> None:
    fusion = Fusion(looks=1)
    (first,) = fusion.look({T1: [HOT]}, 10)
    (second,) = fusion.look({T1: [HOT, GASES]}, 20)
    assert second.finding_id == first.finding_id
    assert (second.version, second.began_at_us) == (2, 10)


def test_like_findings_have_one_signature_whatever_the_asset() -> None:
    (here,) = told(HOT, WELL)
    (there,) = Fusion(looks=1).look({AssetId("M/2T"): [HOT, WELL]}, 5)
    (other,) = told(GASES)
    assert here.signature == there.signature != other.signature
