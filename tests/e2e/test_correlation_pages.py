"""A trip and what it took with it, devices by hand, and the linkage table, in a real Chromium."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from domain.topology import SwitchState
from service.broker import LocalBroker
from service.simulate.siren import SimulatedSiren
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
from tests.support.switches import as_usual

expect.set_options(timeout=15_000)

pytestmark = [pytest.mark.chromium, pytest.mark.mosquitto]

_STANDS = {SwitchState.OPEN: 1.0, SwitchState.CLOSED: 2.0}


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, needs_mosquitto: None
) -> Iterator[tuple[RunningConsole, LocalBroker]]:
    folder = tmp_path_factory.mktemp("correlation")
    with LocalBroker(folder / "broker") as broker, console(broker, folder) as started:
        yield started, broker


@pytest.fixture(scope="module")
def opened(chromium: str) -> Iterator[Browser]:
    with browser(chromium) as started:
        yield started


@pytest.fixture(scope="module")
def page(opened: Browser, running: tuple[RunningConsole, LocalBroker]) -> Iterator[Watched]:
    context = opened.new_context(viewport={"width": 1280, "height": 900})
    made = watched(context)
    sign_in(made.page, running[0].url, "admin", running[0].first_password)
    choose_password(made.page)
    yield made
    context.close()


def say(broker: LocalBroker, values: dict[str, float]) -> None:
    with Gateway(broker.port, "changqing-like", "liuyuan") as gateway:
        gateway.say(values)
        until(lambda: gateway.unacknowledged == 0, "the broker took it")


def keep(page: Watched, name: str) -> None:
    """A picture for who wants to look, where a folder is named."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        page.page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)


def narrow_and_back(page: Watched, name: str) -> None:
    keep(page, f"{name}-1280")
    assert too_wide(page.page) == 0
    page.page.set_viewport_size({"width": 360, "height": 800})
    until(lambda: too_wide(page.page) == 0, "it fits a telephone")
    keep(page, f"{name}-360")
    page.page.set_viewport_size({"width": 1280, "height": 900})
    page.page.reload()  # else the telephone's drawer may still lie over the page


def test_a_trip_lists_what_it_took_beneath_it_and_a_person_may_say_otherwise(
    page: Watched, running: tuple[RunningConsole, LocalBroker]
) -> None:
    started, broker = running
    say(broker, {point: _STANDS[state] for point, state in as_usual().items()})
    say(broker, {"SP/311/quick_break": 0.0, "LY/113/control_circuit_broken": 0.0})
    say(broker, {"LY/113/control_circuit_broken": 1.0})
    say(broker, {"SP/311/position": 1.0, "SP/311/quick_break": 1.0})

    page.page.goto(f"{started.url}/")
    cause = page.page.locator("tbody tr", has_text="311石柳Ⅰ线 速断保护")
    expect(cause).to_contain_text("1 个后果")
    expect(page.page.locator("tbody tr", has_text="控制回路断线")).to_have_count(0)
    cause.click()
    page.page.wait_for_url("**/incident/**")
    beneath = page.page.locator("tbody tr", has_text="经站间线路供电")
    expect(beneath).to_contain_text("113联合站线")
    expect(beneath).not_to_contain_text("位置未知")
    expect(page.page.get_by_text("311石柳Ⅰ线 - 35kVⅠ母 - 10kVⅠ段母线")).to_be_visible()
    narrow_and_back(page, "cause")

    beneath.click()
    expect(page.page.get_by_text("归并在该事件之下")).to_be_visible()
    narrow_and_back(page, "consequence")
    page.page.get_by_role("button", name="拆分出来").click()
    page.page.get_by_label("理由").fill("另有原因")
    page.page.get_by_role("button", name="拆分出来").last.click()
    expect(page.page.get_by_text("admin 拆分: 另有原因")).to_be_visible()
    expect(page.page.get_by_text("拆分事件 (admin)")).to_be_visible()
    page.page.get_by_role("button", name="撤销人工归并").click()
    expect(page.page.get_by_text("归并在该事件之下")).to_be_visible()

    # what is being written stays while the page goes on
    page.page.get_by_role("button", name="关闭事件").click()
    note = page.page.get_by_label("关闭原因")
    note.fill("已派人检查")
    standing = page.page.locator("tbody tr", has_text="控制回路断线 动作").locator(
        "td", has_text="未复归"
    )
    expect(standing).to_have_count(1)
    say(broker, {"LY/113/control_circuit_broken": 0.0})
    expect(standing).to_have_count(0)
    expect(note).to_have_value("已派人检查")
    page.page.get_by_role("button", name="取消").click()
    assert page.errors == []


def test_a_device_is_called_and_tested_and_the_command_says_why_and_why_not(
    page: Watched, running: tuple[RunningConsole, LocalBroker]
) -> None:
    started, broker = running
    siren = SimulatedSiren("changqing-like", "siren-GC").start(broker.host, broker.port)
    try:
        assert siren.ready.wait(10)
        page.page.goto(f"{started.url}/devices")
        row = page.page.locator("tbody tr", has_text="沟岔变声光报警器").first
        row.get_by_role("button", name="试验").click()
        expect(row).to_contain_text("admin")
        expect(row).to_contain_text("已确认动作")
        narrow_and_back(page, "devices")
        gate = page.page.locator("tbody tr", has_text="柳塬变大门声光报警器").first
        gate.get_by_role("button", name="手动启动").click()
        expect(page.page.get_by_text("须第二人同意")).to_be_visible()
        page.page.get_by_label("内容").fill("演习")
        page.page.get_by_role("button", name="手动启动").last.click()
        commands = page.page.locator("tbody tr", has_text="等待第二人同意")
        expect(commands).to_be_visible()
        tripped = page.page.locator("tbody tr", has_text="速断保护 动作").first
        tripped.click()
        page.page.wait_for_url("**/devices/command/**")
        expect(page.page.get_by_text("依据联动规则 SP-urgent-bell")).to_be_visible()
        expect(page.page.locator("tbody tr", has_text="SP-10kV-voice")).to_contain_text("这个地点")
        narrow_and_back(page, "command")
    finally:
        siren.stop()
    page.page.goto(f"{started.url}/linkage")
    page.page.get_by_role("button", name="试运行").last.click()
    expect(page.page.locator("tbody tr", has_text="依据联动规则")).not_to_have_count(0)
    text = page.page.locator("textarea").first
    written = text.input_value()
    extra = (
        "rules:\n  - {id: gate-light, device: light-FD, action: light, at_least: urgent, "
        "stations: [110kV石坪变]}"
    )
    text.fill(written.replace("rules:", extra, 1))
    page.page.get_by_role("button", name="对最近 24 小时的告警试运行").click()
    expect(page.page.get_by_text(re.compile("将动作: 风电场升压台警灯")).first).to_be_visible()
    narrow_and_back(page, "linkage")
    text.fill(written.replace("device: siren-SP,", "device: siren-XX,", 1))
    page.page.get_by_role("button", name="检查").click()
    expect(page.page.get_by_text(re.compile(r"linkage\.yaml:\d+: .*siren-XX"))).to_be_visible()
    text.fill(written.replace("rules:", extra, 1))
    page.page.get_by_role("button", name="提出变更").click()
    expect(page.page.get_by_text("等待第二人在审批页面批准")).to_be_visible()
    assert page.errors == []
