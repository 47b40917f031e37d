"""Arrangements and rosters in a real Chromium: a leave is registered, seen in the month and undone."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Browser, expect

from service.broker import LocalBroker
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

pytestmark = [pytest.mark.chromium, pytest.mark.mosquitto]


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, needs_mosquitto: None
) -> Iterator[RunningConsole]:
    folder = tmp_path_factory.mktemp("people")
    with LocalBroker(folder / "broker") as broker, console(broker, folder) as started:
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


def picture(page: Watched, name: str) -> None:
    """For whoever wants to look: GRIDWARDEN_TEST_PICTURES names a folder."""
    folder = os.environ.get("GRIDWARDEN_TEST_PICTURES")
    if folder:
        page.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_a_leave_is_registered_shown_in_the_month_and_undone(
    page: Watched, running: RunningConsole
) -> None:
    at = page.page
    at.goto(f"{running.url}/arrangements")
    expect(at.get_by_text("还没有安排")).to_be_visible()
    at.get_by_role("button", name="请假").click()
    dialog = at.get_by_role("dialog")
    person = dialog.get_by_label("人员", exact=True)
    person.click()
    person.fill("调度甲值调度长")
    at.get_by_role("option", name="调度甲值调度长").click()
    dialog.get_by_label("事由").fill("家事")
    for label, value in (("开始", "2026-01-01 00:00"), ("结束", "2099-01-01 00:00")):
        dialog.get_by_label(label).fill(value)
    picture(page, "leave")
    dialog.get_by_role("button", name="确定").click()
    row = at.get_by_role("row").filter(has_text="请假")
    expect(row).to_contain_text("调度甲值调度长")
    expect(row).to_contain_text("家事")  # whoever wrote it down may read it
    picture(page, "arrangements")
    at.goto(f"{running.url}/rosters")
    expect(at.locator(".gw-month td.gw-away-day").first).to_be_visible()
    expect(at.locator(".gw-month th.gw-today")).to_be_in_viewport()
    picture(page, "rosters")
    at.get_by_text("按责任区").click()
    expect(at.locator(".gw-month").get_by_text("柳塬变责任区")).to_be_visible()
    picture(page, "zones")
    at.goto(f"{running.url}/arrangements")
    at.get_by_role("button", name="撤销").click()
    expect(at.get_by_role("row").filter(has_text="admin 撤销")).to_be_visible()
    assert page.errors == []
    assert page.foreign(running.url) == []


def test_a_month_goes_out_as_excel_and_comes_in_edited(
    page: Watched, running: RunningConsole, tmp_path: Path
) -> None:
    at = page.page
    at.goto(f"{running.url}/rosters")
    at.get_by_role("button", name="下一月").click()
    with at.expect_download() as downloading:
        at.get_by_role("button", name="导出 Excel").click()
    sheet = tmp_path / "roster.xlsx"
    downloading.value.save_as(sheet)
    workbook = load_workbook(sheet)
    first = workbook.worksheets[0]
    first["C2"] = "休" if first["C2"].value != "休" else "早班"
    workbook.save(sheet)
    at.locator("input[type=file]").set_input_files(sheet)
    expect(at.get_by_text("已调整 1 人日")).to_be_visible()
    expect(at.locator(".gw-month").get_by_text("*")).to_be_visible()
    first["C2"] = "晚班"
    workbook.save(sheet)
    at.locator("input[type=file]").set_input_files(sheet)
    expect(at.get_by_text("未导入: C2: 没有班次 晚班")).to_be_visible()
    assert page.errors == []


def test_what_would_be_if_somebody_were_away_and_every_width(
    page: Watched, running: RunningConsole
) -> None:
    at = page.page
    at.goto(f"{running.url}/organisation")
    at.get_by_label("设备、编号").fill("sp-j1")
    at.get_by_role("button", name="查询").click()
    expect(at.get_by_text("(sp-j1)")).to_be_visible()
    owner = "石坪变乙值正值"
    expect(at.get_by_text(f"处理人: {owner}")).to_be_visible()
    at.get_by_label("假设这些人请假").click()
    at.get_by_label("假设这些人请假").fill(owner)
    at.get_by_role("option", name=owner).click()
    at.keyboard.press("Escape")
    at.get_by_role("button", name="查询").click()
    expect(at.get_by_text("处理人: 石坪变甲值正值")).to_be_visible()
    for width in (1280, 360):
        at.set_viewport_size({"width": width, "height": 800})
        for path in ("arrangements", "rosters", "organisation"):
            at.goto(f"{running.url}/{path}")
            expect(at.locator(".gw-title").first).to_be_visible()
            picture(page, f"{path}-{width}")
            assert too_wide(at) == 0, (path, width)
    expect(at.locator(".gw-title").first).to_be_visible()
    at.goto(f"{running.url}/rosters")
    expect(at.locator(".gw-days .gw-card").first).to_be_visible()
    assert page.errors == []
