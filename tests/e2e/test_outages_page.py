"""The page of outages in a real Chromium: an outage that linkage decided, on both widths."""

import os
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from domain.changes import Changes
from domain.outages import Flag, Outage
from domain.paperwork import Role
from domain.requests import PutUser
from service.broker import LocalBroker
from service.core_client import CoreClient
from service.passwords import hashed
from service.simulate.story import EARTHED
from storage import outages
from storage.engines import sqlite_engine
from tests.support.console import (
    PASSWORD,
    RunningConsole,
    browser,
    choose_password,
    console,
    sign_in,
    too_wide,
    watched,
)
from tests.support.outages import Room
from tests.support.publishing import Gateway
from tests.support.running import until

expect.set_options(timeout=15_000)

pytestmark = [pytest.mark.chromium, pytest.mark.mosquitto]


@pytest.fixture
def running(
    tmp_path_factory: pytest.TempPathFactory, needs_mosquitto: None
) -> Iterator[RunningConsole]:
    folder = tmp_path_factory.mktemp("outages")
    with LocalBroker(folder / "broker") as broker, console(broker, folder) as started:
        with Gateway(broker.port, "changqing-like", "liuyuan") as gateway:
            gateway.say({str(point): value for point, value in EARTHED.items()})
            until(lambda: gateway.unacknowledged == 0, "the broker took it")
        yield started


def test_an_outage_is_read_with_its_proposal_and_a_move_that_core_does_not_know_is_refused(
    chromium: str, running: RunningConsole
) -> None:
    with browser(chromium) as opened:
        context = opened.new_context(viewport={"width": 1280, "height": 900})
        page = watched(context).page
        sign_in(page, running.url, "admin", running.first_password)
        choose_password(page)
        page.goto(f"{running.url}/outages")
        expect(page.get_by_text("当前无停电")).to_be_visible()

        room = Room()
        room.until(5)
        room.trip("S1", "S2")
        room.until(40)
        _write(running, room.outage)
        page.reload()
        card = page.locator(".gw-card", has_text="未复电区段").first
        expect(card).to_contain_text("113, S1, S2, S3, S4")
        expect(card).to_contain_text("S2 故障指示动作")
        expect(card).to_contain_text("建议步骤")
        assert too_wide(page) == 0
        card.get_by_role("button", name="派 ").first.click()
        expect(page.locator(".q-notification")).to_be_visible()
        _what_is_typed_outlives_a_change(page, running)
        _the_page_of_one(page, running, room)
        _an_earth_fault_is_searched(page, running)
        _a_portable_earth_is_handed_over(page, running)
        _who_may_not_act_only_reads(opened, running, room)
        page.goto(f"{running.url}/outages")
        page.set_viewport_size({"width": 360, "height": 740})
        expect(card).to_be_visible()
        assert too_wide(page) == 0


def _write(running: RunningConsole, outage: Outage) -> None:
    engine = sqlite_engine(running.data / "records.db", busy_ms=1_000)
    with engine.begin() as connection:
        outages.write(connection, Changes(outages=[outage]))


def in_the_example(outage: Outage) -> Outage:
    """On the feeder of the example that has two sections."""
    dark = tuple(
        replace(each, section_id=name)
        for each, name in zip(outage.sections, ("113", "L1"), strict=False)
    )
    return outage.next(
        feeder_id="LY-113", sections=dark, flags=(("L1", Flag.SET),), faulted=("L1",)
    )


def _what_is_typed_outlives_a_change(page: Page, running: RunningConsole) -> None:
    """Two outages are announced at once; while the second one is written, the first one comes in. What did
    not change meanwhile stays the same element: a press on it would not be lost."""
    unchanged = page.locator(".gw-card", has_text="未复电区段")
    unchanged.evaluate("card => card.dataset.kept = 'yes'")
    page.get_by_role("button", name="公告计划停电").click()
    writing = page.get_by_role("dialog")
    _choose_sections(page, writing)
    writing.get_by_label("原因", exact=True).fill("更换柱上开关")
    page.context.new_page().goto(f"{running.url}/planned-outages")
    other = page.context.pages[-1]
    other.get_by_role("button", name="公告计划停电").click()
    first = other.get_by_role("dialog")
    first.get_by_label("线路").click()
    other.get_by_role("option", name="石沟").click()
    _choose_sections(other, first)
    first.get_by_label("原因", exact=True).fill("清扫绝缘子")
    first.get_by_role("button", name="确定").click()
    expect(first).to_be_hidden()
    other.close()
    expect(page.locator(".gw-card", has_text="清扫绝缘子")).to_be_visible()
    expect(unchanged).to_have_attribute("data-kept", "yes")
    expect(writing.get_by_label("原因", exact=True)).to_have_value("更换柱上开关")
    writing.get_by_role("button", name="确定").click()
    expect(writing).to_be_hidden()
    announced = page.locator(".gw-card", has_text="更换柱上开关")
    announced.get_by_role("button", name="变更").click()
    changing = page.get_by_role("dialog")
    changing.get_by_label("原因", exact=True).fill("更换避雷器")
    changing.get_by_role("button", name="确定").click()
    expect(changing).to_be_hidden()
    changed = page.locator(".gw-card", has_text="更换避雷器")
    changed.get_by_role("button", name="取消", exact=True).click()
    withdrawing = page.get_by_role("dialog")
    withdrawing.get_by_label("取消原因").fill("保供电")
    withdrawing.get_by_role("button", name="确定").click()
    expect(changed).to_be_hidden()


def _choose_sections(page: Page, dialog: Locator) -> None:
    dialog.get_by_label("区段").click()
    page.get_by_role("option").first.click()
    page.keyboard.press("Escape")


def _the_page_of_one(page: Page, running: RunningConsole, room: Room) -> None:
    _write(running, in_the_example(room.outage))
    page.goto(f"{running.url}/outage/{room.outage.outage_id}")
    for words in ("故障区段", "抢修队伍", "时限", "影响", "遥测复电"):
        expect(page.get_by_text(words, exact=True).first).to_be_visible()
    expect(page.locator("svg[aria-label=故障区段]")).to_be_visible()
    page.get_by_role("button", name="指定故障区段").click()
    expect(page.get_by_role("dialog").get_by_label("依据")).to_be_visible()
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        assert too_wide(page) == 0
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{running.url}/outage/no-such-outage")
    expect(page.get_by_text("没有这一项")).to_be_visible()


def _an_earth_fault_is_searched(page: Page, running: RunningConsole) -> None:
    """It began when the console did, by a real voltage; which line it was is ticked by hand."""
    page.goto(f"{running.url}/outages")
    page.get_by_role("link", name="10kVⅠ段母线 A相单相接地").click()
    page.wait_for_url("**/earth/**")
    lines = page.locator("tbody tr")
    expect(lines.first).to_contain_text("115 井区一线")
    expect(lines.first).to_contain_text("零序电流最大 (7.8 A)")
    expect(page.get_by_text("可带接地运行 120 分钟")).to_be_visible()
    lines.first.get_by_role("button", name="接地消失").click()
    expect(lines.first).to_contain_text("admin")
    page.get_by_role("button", name="通报").click()
    page.get_by_role("dialog").get_by_label("进展").fill("巡视 115 线")
    page.get_by_role("dialog").get_by_role("button", name="确定").click()
    expect(page.get_by_text("admin: 巡视 115 线")).to_be_visible()
    expect(page.get_by_text("试拉 115: 接地消失")).to_be_visible()
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        until(lambda: too_wide(page) == 0, "it fits")
        _keep(page, f"earth-{width}")
    page.set_viewport_size({"width": 1280, "height": 900})


def _a_portable_earth_is_handed_over(page: Page, running: RunningConsole) -> None:
    page.goto(f"{running.url}/paper")
    page.get_by_role("button", name="挂牌").click()
    form = page.get_by_role("dialog")
    expect(form.get_by_label("接地线编号")).to_be_hidden()
    form.get_by_label("牌").first.click()
    page.get_by_role("option", name="接地线").click()
    form.get_by_label("设备").click()
    page.get_by_role("option", name="115井区一线").click()
    form.get_by_label("接地线编号").fill("3号")
    form.get_by_label("挂接位置").fill("115线路侧")
    form.get_by_role("button", name="确定").click()
    expect(page.locator("tbody tr", has_text="接地线 3号")).to_contain_text("admin")
    page.goto(f"{running.url}/handover")
    expect(page.get_by_text("115井区一线 接地线 3号: 115线路侧")).to_be_visible()
    page.goto(f"{running.url}/reliability")
    expect(page.get_by_text("算不出重大事件日的界限")).to_be_visible()
    page.set_viewport_size({"width": 360, "height": 800})
    until(lambda: too_wide(page) == 0, "it fits")
    page.set_viewport_size({"width": 1280, "height": 900})


def _keep(page: Page, name: str) -> None:
    """A picture for who wants to look, where a folder is named."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def _who_may_not_act_only_reads(opened: Browser, running: RunningConsole, room: Room) -> None:
    """A safety manager sees every outage; who belongs to another station sees none of this one."""
    client = CoreClient(running.data).start()
    for name, roles, stations in (
        ("safety", {Role.SAFETY_MANAGER}, set[str]()),
        ("elsewhere", {Role.DUTY}, {"110kV石坪变"}),
    ):
        asked = PutUser(
            name=name,
            password=hashed(PASSWORD),
            roles=frozenset(roles),
            stations=frozenset(stations),
        )
        assert client.ask(asked, "local").done
    client.stop()
    page = opened.new_context(viewport={"width": 1280, "height": 900}).new_page()
    sign_in(page, running.url, "safety", PASSWORD)
    page.goto(f"{running.url}/outage/{room.outage.outage_id}")
    expect(page.get_by_text("时限", exact=True)).to_be_visible()
    for words in ("派 ", "通报", "指定故障区段", "登记复电", "已执行"):
        expect(page.get_by_role("button", name=words)).to_have_count(0)
    page.goto(f"{running.url}/outages")
    expect(page.get_by_text("未复电区段")).to_be_visible()
    expect(page.get_by_role("button", name="公告计划停电")).to_have_count(0)
    page = opened.new_context(viewport={"width": 1280, "height": 900}).new_page()
    sign_in(page, running.url, "elsewhere", PASSWORD)
    page.goto(f"{running.url}/outages")
    expect(page.get_by_role("button", name="公告计划停电")).to_be_visible()
    expect(page.get_by_text("当前无停电")).to_be_visible()
    page.goto(f"{running.url}/outage/{room.outage.outage_id}")
    expect(page.get_by_text("没有这一项")).to_be_visible()
