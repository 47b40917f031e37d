"""The console in a real Chromium, before a real core and a real broker."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from service.broker import LocalBroker
from tests.support.console import (
    PASSWORD,
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
from web.shell import NAVIGATION

expect.set_options(timeout=15_000)  # a machine that does much else draws a page slowly

pytestmark = [pytest.mark.chromium, pytest.mark.mosquitto]

PAGES = (
    *(target for places in NAVIGATION.values() for target, _, _ in places),
    *("/station/35kV柳塬变", "/member/yw-j1", "/equipment/LY/1T", "/annunciator/35kV柳塬变"),
    "/limit?point=LY/1T/top_oil_temp&condition=H",
)


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, needs_mosquitto: None
) -> Iterator[tuple[RunningConsole, LocalBroker]]:
    folder = tmp_path_factory.mktemp("console")
    with LocalBroker(folder / "broker") as broker, console(broker, folder) as started:
        yield started, broker


@pytest.fixture(scope="module")
def opened(chromium: str) -> Iterator[Browser]:
    with browser(chromium) as started:
        yield started


@pytest.fixture(scope="module")
def first(opened: Browser, running: tuple[RunningConsole, LocalBroker]) -> Iterator[Watched]:
    """The first user, who had to choose a password of his own."""
    context = opened.new_context(viewport={"width": 1280, "height": 800})
    page = watched(context)
    started, _ = running
    sign_in(page.page, started.url, "admin", started.first_password)
    choose_password(page.page)
    yield page
    context.close()


def publish(broker: LocalBroker, point: str, value: float) -> None:
    with Gateway(broker.port, "changqing-like", "liuyuan") as gateway:
        gateway.say({point: value})
        until(lambda: gateway.unacknowledged == 0, "the broker took it")


def test_the_first_password_does_not_open_a_second_time(
    first: Watched, opened: Browser, running: tuple[RunningConsole, LocalBroker]
) -> None:
    started, _ = running
    context = opened.new_context()
    page = context.new_page()
    page.goto(f"{started.url}/users")
    page.wait_for_url("**/login")
    page.get_by_label("用户名").fill("admin")
    page.get_by_label("密码", exact=True).first.fill(started.first_password)
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_text("用户名或密码不正确")).to_be_visible()
    context.close()


def test_an_alarm_appears_within_a_second_and_its_acknowledgement_in_another_browser(
    first: Watched, opened: Browser, running: tuple[RunningConsole, LocalBroker]
) -> None:
    started, broker = running
    other_context = opened.new_context(viewport={"width": 1280, "height": 800})
    other = watched(other_context)
    sign_in(other.page, started.url, "admin", PASSWORD)
    for page in (first.page, other.page):
        page.goto(f"{started.url}/")
        expect(page.get_by_text("现在没有告警事件").first).to_be_visible()

    publish(broker, "LY/1T/top_oil_temp", 96.5)

    row = first.page.locator("tbody tr", has_text="油温 越上上限 96.5℃")
    expect(row).to_be_visible(timeout=1_000)  # the promise itself, not a guess
    expect(row).to_contain_text("柳塬变责任区")
    row.get_by_role("button", name="确认").click()
    elsewhere = other.page.locator("tbody tr", has_text="油温")
    expect(elsewhere.get_by_text("已确认", exact=True)).to_be_visible()
    expect(elsewhere.get_by_role("button", name="确认")).to_have_count(0)
    assert first.errors == []
    assert other.errors == []
    other_context.close()


def test_an_alarm_that_comes_before_a_page_is_connected_is_shown_once_it_is(
    first: Watched, opened: Browser, running: tuple[RunningConsole, LocalBroker]
) -> None:
    started, broker = running
    context = opened.new_context(viewport={"width": 1280, "height": 800})
    late = context.new_page()
    sign_in(late, started.url, "admin", PASSWORD)
    held: list[Route] = []

    def hold(route: Route) -> None:  # Playwright cannot mark a method of a list
        held.append(route)

    late.route(re.compile(r"/socket\.io[^/]*\.js"), hold)  # without it a page cannot connect
    late.goto(f"{started.url}/", wait_until="commit")
    while not held:
        late.wait_for_timeout(20)  # lets the page's own events through

    first.page.goto(f"{started.url}/")
    publish(broker, "LY/2T/top_oil_temp", 96.5)
    alarm = "2号主变 油温 越上上限"
    expect(first.page.locator("tbody tr", has_text=alarm)).to_be_visible()
    expect(late.locator("tbody tr", has_text=alarm)).to_have_count(0)

    for route in held:
        route.continue_()
    expect(late.locator("tbody tr", has_text=alarm)).to_be_visible()
    context.close()


def test_an_incident_says_who_and_why_and_shows_trend_and_commands(
    first: Watched, running: tuple[RunningConsole, LocalBroker]
) -> None:
    started, _ = running
    first.page.goto(f"{started.url}/")
    first.page.locator("tbody tr", has_text="1号主变 油温").click()
    first.page.wait_for_url("**/incident/**")
    expect(first.page.locator(".gw-head", has_text="为什么是此人")).to_be_visible()
    expect(first.page.locator("ol li", has_text="属责任区 柳塬变责任区")).to_be_visible()
    expect(first.page.locator("canvas")).to_be_visible()
    expect(first.page.get_by_text("柳塬变1号主变声光报警器").first).to_be_visible()
    first.page.get_by_role("button", name="消音").click()
    expect(first.page.locator(".q-timeline", has_text="消音")).to_be_visible()


def test_a_violation_is_proposed_judged_and_its_deduction_waits_for_another_judgement(
    first: Watched, running: tuple[RunningConsole, LocalBroker]
) -> None:
    started, broker = running
    page = first.page
    page.goto(f"{started.url}/reviews")
    publish(broker, "LY/WF/unlock", 1)
    expect(page.get_by_text("无工作票取用五防解锁钥匙").first).to_be_visible()

    page.keyboard.press("c")
    dialog = page.locator(".q-dialog")
    expect(dialog.get_by_text("0. 承包商, 姓名不详")).to_be_visible()
    page.keyboard.press("Alt+Digit0")
    dialog.get_by_label("理由").fill("录像与钥匙柜记录一致")
    dialog.get_by_role("button", name="确定").click()

    expect(page.get_by_text("责任区内发生严重违章").first).to_be_visible()
    expect(page.get_by_text("不计分").first).to_be_visible()
    page.goto(f"{started.url}/member/yw-j1")
    expect(
        page.get_by_text("还没有积分记录")
    ).to_be_visible()  # nothing counts before it is confirmed
    page.goto(f"{started.url}/audit")
    expect(page.locator("tbody tr", has_text="审核").first).to_contain_text("完成")


def test_switches_change_their_colour_when_they_move(
    first: Watched, running: tuple[RunningConsole, LocalBroker]
) -> None:
    started, broker = running
    first.page.goto(f"{started.url}/station/35kV柳塬变")
    breaker = first.page.locator("svg rect:has(title)", has_text="113 ").first
    for position, colour in ((2, "#c62828"), (1, "#fff")):
        publish(broker, "LY/113/position", position)
        expect(breaker).to_have_attribute("fill", colour)


def test_an_alarm_is_acknowledged_by_key_and_shelved_with_a_reason(
    first: Watched, running: tuple[RunningConsole, LocalBroker]
) -> None:
    started, broker = running
    page = first.page
    page.goto(f"{started.url}/alarms?asset=LY/114")
    publish(broker, "LY/114/spring_not_charged", 1)
    row = page.locator("tbody tr", has_text="弹簧未储能 动作")
    expect(row).to_be_visible()
    page.keyboard.press("a")
    expect(row.get_by_text("已确认", exact=True)).to_be_visible()

    page.keyboard.press("h")
    dialog = page.locator(".q-dialog")
    dialog.get_by_role("button", name="确定").click()
    expect(page.get_by_text("请写明理由")).to_be_visible()  # the reason is not a formality
    dialog.get_by_label("原因").fill("等待备件")
    dialog.get_by_role("button", name="确定").click()
    expect(row).to_have_count(0)

    page.get_by_role("button", name="屏蔽 1").click()
    expect(row.get_by_text("定时屏蔽", exact=True).first).to_be_visible()
    shelf = page.locator("tbody tr", has_text="等待备件")
    shelf.get_by_role("button", name="解除").click()
    expect(shelf).to_have_count(0)
    page.get_by_role("button", name="当前").click()
    expect(row.get_by_text("未确认", exact=True)).to_be_visible()


def test_what_is_tagged_and_what_a_rule_suppresses_have_lists_of_their_own(
    first: Watched, running: tuple[RunningConsole, LocalBroker]
) -> None:
    started, broker = running
    page = first.page
    page.goto(f"{started.url}/paper")
    page.get_by_role("button", name="挂牌").click()
    dialog = page.locator(".q-dialog")
    dialog.get_by_label("设备").fill("113井区八线")
    page.locator(".q-menu").get_by_text("113井区八线").first.click()
    dialog.get_by_role("button", name="确定").click()
    expect(dialog).to_have_count(0)
    publish(broker, "GC/113/control_circuit_broken", 1)
    page.goto(f"{started.url}/alarms?view=tagged")
    kept = page.locator("tbody tr", has_text="控制回路断线 动作")
    expect(kept).to_be_visible()
    expect(kept).to_contain_text("挂牌: 检修")
    expect(page.get_by_role("button", name="挂牌 1")).to_be_visible()
    page.get_by_role("button", name="摘牌").click()
    expect(kept).to_have_count(0)
    publish(broker, "GC/113/control_circuit_broken", 0)

    publish(broker, "GC/112/position", 1)
    page.goto(f"{started.url}/alarms?view=suppressed")
    rule = page.locator("tbody tr", has_text="断路器在分位, 线路欠压是其后果")
    expect(rule.first).to_contain_text("GC/112/open")
    publish(broker, "GC/112/position", 2)
    assert first.errors == []


def test_a_window_of_the_annunciator_lights_and_goes_out(
    first: Watched, running: tuple[RunningConsole, LocalBroker]
) -> None:
    started, broker = running
    first.page.goto(f"{started.url}/annunciator/35kV柳塬变")
    window = first.page.locator(".gw-tile", has_text="123井区三线 控制回路断线")
    expect(window).to_be_visible()
    publish(broker, "LY/123/control_circuit_broken", 1)
    expect(window).to_have_class(re.compile("gw-lit-2 gw-flash"))
    publish(broker, "LY/123/control_circuit_broken", 0)
    expect(window).to_have_class(re.compile("gw-flash"))  # returned, and nobody knows yet
    window.click()
    first.page.wait_for_url("**/alarm/**")
    first.page.get_by_role("button", name="确认").click()
    expect(first.page.locator(".q-timeline", has_text="admin 确认")).to_be_visible()
    first.page.goto(f"{started.url}/annunciator/35kV柳塬变")
    expect(window).not_to_have_class(re.compile("gw-lit"))


def test_the_list_is_searched_by_number_name_and_initials_and_grouped(
    first: Watched, running: tuple[RunningConsole, LocalBroker]
) -> None:
    started, broker = running
    page = first.page
    publish(broker, "LY/121/spring_not_charged", 1)
    publish(broker, "LY/122/spring_not_charged", 1)
    page.goto(f"{started.url}/alarms")
    ours = page.locator("tbody tr", has_text="121井区二线")
    other = page.locator("tbody tr", has_text="122联合站备用线")
    expect(ours).to_be_visible()
    expect(other).to_be_visible()
    search = page.get_by_label("搜索")
    for words in ("121", "井区二线", "jqex"):
        search.fill(words)
        expect(other).to_have_count(0)
        expect(ours).to_be_visible()
        search.fill("")
        expect(other).to_be_visible()
    page.get_by_role("combobox", name="分组").click()
    page.get_by_role("option", name="设备").click()
    group = page.locator("tbody tr", has_text="35kV柳塬变 122联合站备用线间隔")
    group.click()
    expect(ours).to_have_count(0)
    expect(other).to_be_visible()


def test_a_limit_is_tried_on_history_and_its_change_waits_for_a_second_person(
    first: Watched, running: tuple[RunningConsole, LocalBroker]
) -> None:
    started, broker = running
    page = first.page
    for value in (60.0, 70.0, 60.0):
        publish(broker, "LY/2T/winding_temp", value)
    page.goto(f"{started.url}/limit?point=LY/2T/winding_temp&condition=H")
    page.get_by_label("限值").first.fill("65")
    page.get_by_label("动作延时").fill("0s")
    page.get_by_role("button", name="用历史数据试算").click()
    expect(page.get_by_text("新增 1 条")).to_be_visible(timeout=60_000)
    expect(page.locator("canvas")).to_be_visible()  # the example, drawn
    page.get_by_label("原因(必填)").fill("冷却器检修期间")
    page.get_by_role("button", name="提出修改").click()
    page.goto(f"{started.url}/approvals")
    card = page.locator(".gw-card", has_text="2号主变 绕组温度 越上限: 95℃ -> 65℃")
    expect(card).to_be_visible()
    expect(card.get_by_text("须由提出人以外的第二人批准")).to_be_visible()
    assert first.errors == []


def test_why_an_alarm_is_there_is_written_and_shown_at_it(
    first: Watched, running: tuple[RunningConsole, LocalBroker]
) -> None:
    started, broker = running
    page = first.page
    page.goto(f"{started.url}/limit?point=LY/115/spring_not_charged&condition=H")
    page.get_by_label("原因", exact=True).fill("储能电机失电")
    page.get_by_label("处置措施").fill("检查储能电源空开")
    page.get_by_label("响应时限").fill("soon")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_text("请填写数字")).to_be_visible()
    page.get_by_label("响应时限").fill("30")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_text("已完成")).to_be_visible()
    publish(broker, "LY/115/spring_not_charged", 1)
    page.goto(f"{started.url}/alarms?asset=LY/115")
    page.locator("tbody tr", has_text="弹簧未储能").click()
    page.wait_for_url("**/alarm/**")
    expect(page.get_by_text("检查储能电源空开")).to_be_visible()


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (360, 740)], ids=["desk", "phone"])
def test_every_page_fits_in_both_languages_without_an_error_or_a_request_to_elsewhere(
    first: Watched, running: tuple[RunningConsole, LocalBroker], width: int, height: int
) -> None:
    started, _ = running
    page = first.page
    page.set_viewport_size({"width": width, "height": height})
    for other_language in ("English", "中文"):
        for path in PAGES:
            page.goto(f"{started.url}{path}")
            expect(page.get_by_role("button", name=other_language)).to_be_visible()
            assert too_wide(page) == 0, path
        page.get_by_role("button", name=other_language).click()
        expect(page.get_by_role("button", name=other_language)).to_have_count(0)
    assert first.errors == []
    assert first.foreign(started.url) == []


def test_a_console_that_is_killed_comes_back_and_nobody_signs_in_again(
    first: Watched, running: tuple[RunningConsole, LocalBroker], tmp_path: Path
) -> None:
    started, _ = running
    port = started.url.rsplit(":", 1)[1]
    listed = subprocess.run(
        ["pgrep", "-f", f"web.main .*--port {port}"], capture_output=True, text=True, check=True
    )
    for pid in listed.stdout.split():
        os.kill(int(pid), signal.SIGKILL)

    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            first.page.goto(f"{started.url}/devices")
            break
        except Exception:
            first.page.wait_for_timeout(200)
    expect(first.page.locator(".gw-title", has_text="现场装置")).to_be_visible()
    assert started.process.poll() is None
