"""Findings and equipment in a real Chromium: what was found, why, the drawings, and a consultation."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import Browser, expect

from domain.access import JUDGE
from domain.assets import Priority, Provenance
from domain.clock import system_clock
from domain.findings import (
    AlarmMove,
    Cause,
    Drawing,
    Finding,
    Input,
    Opinion,
    Stance,
    Verdict,
)
from domain.ids import AssetId
from domain.judgement_words import cause_word
from domain.requests import ReportFinding
from domain.responsibility import Reason
from service.broker import LocalBroker
from service.core_client import CoreClient
from tests.support.console import (
    RunningConsole,
    Watched,
    browser,
    choose_password,
    console,
    sign_in,
    too_wide,
    watched,
)
from tests.support.publishing import Gateway
from tests.support.running import until

pytestmark = [pytest.mark.chromium, pytest.mark.mosquitto]

MINUTE_US = 60_000_000
T1, T2 = AssetId("LY/1T"), AssetId("LY/2T")


@pytest.fixture(scope="module")
def broker(
    tmp_path_factory: pytest.TempPathFactory, needs_mosquitto: None
) -> Iterator[LocalBroker]:
    with LocalBroker(tmp_path_factory.mktemp("broker")) as started:
        yield started


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, broker: LocalBroker
) -> Iterator[RunningConsole]:
    with console(broker, tmp_path_factory.mktemp("judgement")) as started:
        yield started


@pytest.fixture(scope="module")
def opened(chromium: str) -> Iterator[Browser]:
    with browser(chromium) as started:
        yield started


@pytest.fixture(scope="module")
def page(opened: Browser, running: RunningConsole) -> Iterator[Watched]:
    context = opened.new_context(viewport={"width": 1280, "height": 900})
    watched_page = watched(context)
    sign_in(watched_page.page, running.url, "admin", running.first_password)
    choose_password(watched_page.page)
    yield watched_page
    context.close()


def report(running: RunningConsole, finding: Finding, alarm: AlarmMove) -> UUID:
    client = CoreClient(running.data).start()
    asked = ReportFinding(finding=finding, alarm=alarm, signal=cause_word(finding.cause))
    outcome = client.ask(asked, JUDGE)
    client.stop()
    assert outcome.done, outcome
    return finding.finding_id


def gases_and_oil(asset: AssetId) -> Finding:
    now = system_clock()
    oil = Input(point=f"{asset}/top_oil_temp", value=78.2, unit="degC", at_us=now)
    gas = Input(point=f"{asset}/c2h4", value=400.0, unit="uL/L", at_us=now)
    minutes = range(120)
    series = Drawing(
        kind="series",
        unit="degC",
        times_us=tuple(now - (120 - minute) * MINUTE_US for minute in minutes),
        measured=tuple(round(60 + 0.15 * minute, 1) for minute in minutes),
        expected=tuple(round(60 + 0.03 * minute, 1) for minute in minutes),
    )
    forecast = Drawing(
        kind="forecast",
        unit="degC",
        times_us=tuple(now + minute * MINUTE_US for minute in range(1, 31)),
        measured=tuple(round(78 + 0.2 * minute, 1) for minute in range(1, 31)),
        expected=tuple(round(104 + 0.7 * minute, 1) for minute in range(1, 31)),
        limit=120.0,
    )
    return Finding(
        finding_id=uuid4(),
        asset_id=asset,
        cause=Cause.THERMAL_FAULT,
        verdict=Verdict.FIRM,
        confidence=0.94,
        degraded=False,
        priority=Priority.MINOR,
        began_at_us=now - 60 * MINUTE_US,
        told_at_us=now,
        signature="thermal",
        opinions=(
            Opinion(
                expert="dga/1",
                cause=Cause.THERMAL_FAULT,
                stance=Stance.AGREES,
                confidence=0.85,
                inputs=(gas,),
                why=Reason.of("gases_say", fault="T3", exceeded="THC"),
                would_change=Reason.of("gases_below_attention"),
                provenance=Provenance(standard="DL/T 722", edition="2014", mark="U"),
                drawing=Drawing(kind="triangle", place=(33.2, 0.3, 66.5)),
            ),
            Opinion(
                expert="thermal/1",
                cause=Cause.OVERHEATING,
                stance=Stance.AGREES,
                confidence=0.8,
                measured=78.2,
                expected=63.6,
                limit=10.0,
                unit="degC",
                inputs=(oil,),
                why=Reason.of("oil_against_model", measured="78.2", expected="63.6"),
                would_change=Reason.of("oil_within_model", kelvin="10"),
                provenance=Provenance(standard="", mark="D"),
                drawing=series,
            ),
            Opinion(
                expert="thermal/1",
                cause=Cause.OVERLOAD,
                stance=Stance.AGREES,
                confidence=0.6,
                inputs=(oil,),
                why=Reason.of("hot_spot_will_pass", celsius="125", limit="120"),
                drawing=forecast,
            ),
        ),
    )


def strange(asset: AssetId) -> Finding:
    now = system_clock()
    return Finding(
        finding_id=uuid4(),
        asset_id=asset,
        cause=Cause.UNUSUAL,
        verdict=Verdict.CANNOT_TELL,
        confidence=0.5,
        degraded=False,
        priority=Priority.NOTICE,
        began_at_us=now,
        told_at_us=now,
        signature="strange",
        opinions=(
            Opinion(
                expert="learned/1",
                cause=Cause.UNUSUAL,
                stance=Stance.AGREES,
                confidence=0.5,
                inputs=(Input(point=f"{asset}/load_factor", value=0.2, unit="pu", at_us=now),),
                why=Reason.of("never_seen", rarity="7.9"),
                would_change=Reason.of("usual_again"),
            ),
        ),
    )


def picture(page: Watched, name: str) -> None:
    folder = os.environ.get("GRIDWARDEN_TEST_PICTURES")
    if folder:
        page.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_a_finding_shows_who_says_what_and_draws_it(page: Watched, running: RunningConsole) -> None:
    finding = report(running, gases_and_oil(T1), AlarmMove.RAISE)
    page.page.goto(f"{running.url}/judgement")
    expect(page.page.get_by_text("内部过热").first).to_be_visible()
    picture(page, "judgement")
    page.page.get_by_text("内部过热").first.click()
    page.page.wait_for_url(f"**/finding/{finding}")
    expect(page.page.get_by_role("img", name="大卫三角形 1")).to_be_visible()
    expect(page.page.get_by_role("img", name="实测与应为")).to_be_visible()
    expect(page.page.get_by_role("img", name="30 分钟热点预测")).to_be_visible()
    expect(page.page.get_by_text("顶层油温实测 78.2℃, 按负载与环境温度应为 63.6℃")).to_be_visible()
    expect(page.page.get_by_text("DL/T 722 2014 (U)")).to_be_visible()
    picture(page, "finding")
    assert page.errors == []


def test_a_judged_alarm_stands_in_the_list_of_incidents(
    page: Watched, running: RunningConsole
) -> None:
    page.page.goto(running.url)
    expect(page.page.get_by_text("研判").first).to_be_visible()


def test_what_cannot_be_told_is_settled_by_a_person_and_shown_with_the_next(
    page: Watched, running: RunningConsole
) -> None:
    first = report(running, strange(T1), AlarmMove.NONE)
    page.page.goto(f"{running.url}/finding/{first}")
    page.page.get_by_label("说明").fill("检修后恢复供电")
    page.page.get_by_role("button", name="提交会诊结论").click()
    expect(page.page.get_by_text("admin: 异常, 原因不明. 检修后恢复供电")).to_be_visible()

    second = report(running, strange(T2), AlarmMove.NONE)
    page.page.goto(f"{running.url}/finding/{second}")
    expect(page.page.get_by_text("检修后恢复供电")).to_be_visible()
    picture(page, "consultation")
    assert page.errors == []


def test_equipment_shows_health_and_findings_over_time(
    page: Watched, running: RunningConsole
) -> None:
    page.page.goto(f"{running.url}/equipment")
    expect(page.page.get_by_text("内部过热").first).to_be_visible()
    picture(page, "equipment")
    page.page.get_by_text("内部过热").first.click()
    page.page.wait_for_url("**/equipment/LY/1T")
    expect(page.page.get_by_text("研判历史")).to_be_visible()
    expect(page.page.get_by_text("热模型无法计算")).to_be_visible()
    picture(page, "equipment_one")
    assert page.errors == []


def test_a_transformer_is_drawn_by_its_thermal_model(
    page: Watched, running: RunningConsole, broker: LocalBroker
) -> None:
    now_ms = system_clock() // 1_000
    with (
        Gateway(broker.port, "changqing-like", "liuyuan") as transformer,
        Gateway(broker.port, "changqing-like", "guangfu") as weather,
    ):
        for minute in range(180, 0, -5):
            at_ms = now_ms - minute * 60_000
            oil = 62.0 + 8.0 * (180 - minute) / 180
            transformer.say({f"{T1}/top_oil_temp": oil, f"{T1}/load_factor": 0.8}, at_ms)
            weather.say({"GF/QX/ambient_temp": 24.0}, at_ms)
        until(lambda: transformer.unacknowledged + weather.unacknowledged == 0, "all was taken")

    def drawn() -> bool:
        page.page.goto(f"{running.url}/equipment/{T1}")
        return page.page.get_by_role("img", name="30 分钟热点预测").is_visible()

    until(drawn, "the telemetry is stored", 30)
    expect(page.page.get_by_role("img", name="近 24 小时油温: 实测与应为")).to_be_visible()
    expect(page.page.get_by_text("近 24 小时寿命损失")).to_be_visible()
    picture(page, "equipment-thermal")
    page.page.set_viewport_size({"width": 360, "height": 800})
    page.page.goto(f"{running.url}/equipment/{T1}")
    expect(page.page.get_by_role("img", name="30 分钟热点预测")).to_be_visible()
    picture(page, "equipment-thermal-360")
    assert too_wide(page.page) == 0
    assert page.errors == []


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("path", ["/judgement", "/equipment", "/equipment/LY/1T", "/finding"])
def test_pages_fit_a_telephone_and_a_desk(
    page: Watched, running: RunningConsole, path: str, width: int
) -> None:
    if path == "/finding":
        path = f"/finding/{report(running, gases_and_oil(T2), AlarmMove.NONE)}"
    page.page.set_viewport_size({"width": width, "height": 800})
    page.page.goto(f"{running.url}{path}")
    expect(page.page.locator(".gw-title").first).to_be_visible()
    if path.startswith("/finding"):
        picture(page, f"finding-{width}")
    assert too_wide(page.page) == 0


def test_no_such_finding_or_equipment(page: Watched, running: RunningConsole) -> None:
    for path in (f"/finding/{uuid4()}", "/finding/x", "/equipment/nowhere"):
        page.page.goto(f"{running.url}{path}")
        expect(page.page.get_by_text("没有这一项, 可能已被移走")).to_be_visible()
