"""What the console says while a neighbour is gone, in a real Chromium before a real core and broker."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, Page, expect

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
from tests.support.publishing import Gateway
from tests.support.running import until

pytestmark = [pytest.mark.chromium, pytest.mark.mosquitto]
SOON_MS = 20_000


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, needs_mosquitto: None
) -> Iterator[tuple[RunningConsole, LocalBroker]]:
    folder = tmp_path_factory.mktemp("system")
    with LocalBroker(folder / "broker") as broker, console(broker, folder) as started:
        yield started, broker


@pytest.fixture(scope="module")
def opened(chromium: str) -> Iterator[Browser]:
    with browser(chromium) as started:
        yield started


@pytest.fixture(scope="module")
def first(opened: Browser, running: tuple[RunningConsole, LocalBroker]) -> Iterator[Watched]:
    context = opened.new_context(viewport={"width": 1280, "height": 900})
    page = watched(context)
    started, _ = running
    sign_in(page.page, started.url, "admin", started.first_password)
    choose_password(page.page)
    yield page
    context.close()


def part(page: Page, name: str) -> "str":
    """The state of a part, as its row says it."""
    row = page.locator("tbody tr", has=page.get_by_text(name, exact=True)).first
    return row.locator(".gw-chip").inner_text()


def send(broker: LocalBroker, *, payload: bytes = b"", value: float = 0.0) -> None:
    with Gateway(broker.port, "changqing-like", "liuyuan") as gateway:
        if payload:
            gateway.send(payload)
        else:
            gateway.say({"LY/1T/top_oil_temp": value})
        until(lambda: gateway.unacknowledged == 0, "the broker took it")


def test_while_all_is_well_every_part_says_so_and_no_page_has_a_banner(
    first: Watched, running: tuple[RunningConsole, LocalBroker]
) -> None:
    started, _ = running
    page = first.page
    page.goto(f"{started.url}/system")
    expect(page.locator("tbody tr", has_text="数据源 frontend")).to_contain_text("正常")
    for name in ("日志", "记录库", "历史数据库", "现场装置通道", "告警判断"):
        assert part(page, name) == "正常", name
    expect(page.locator(".gw-banner")).to_be_hidden()
    expect(page.get_by_text("records.db")).to_be_visible()
    expect(page.get_by_text("gridwarden", exact=True)).to_be_visible()
    expect(page.get_by_text("近 7 天没有无法使用的报文")).to_be_visible()


def test_a_message_that_cannot_be_used_appears_with_its_reason_and_its_payload(
    first: Watched, running: tuple[RunningConsole, LocalBroker]
) -> None:
    started, broker = running
    page = first.page
    page.goto(f"{started.url}/system")
    send(broker, payload=b"<xml>no json</xml>")
    row = page.locator("tbody tr", has_text="不是 JSON")
    expect(row).to_be_visible(timeout=SOON_MS)  # without a reload
    expect(row).to_contain_text("frontend")
    row.click()
    page.wait_for_url("**/dead-letters/malformed_json")
    expect(page.locator("tbody tr").first).to_contain_text("<xml>no json</xml>")


def test_a_broker_that_is_gone_is_told_on_every_page_with_what_goes_on_and_what_does_not(
    first: Watched, running: tuple[RunningConsole, LocalBroker]
) -> None:
    started, broker = running
    page = first.page
    page.goto(f"{started.url}/")
    broker.stop()
    banner = page.locator(".gw-banner")
    expect(banner).to_contain_text("数据源 frontend 未连接: 没有新数据", timeout=SOON_MS)
    expect(banner).to_contain_text("现场装置通道中断: 声光装置暂时叫不响", timeout=SOON_MS)
    page.goto(f"{started.url}/organisation")
    expect(banner).to_contain_text("数据源 frontend 未连接")
    banner.click()
    page.wait_for_url("**/system")
    assert part(page, "数据源 frontend") == part(page, "现场装置通道") == "中断"
    page.set_viewport_size({"width": 360, "height": 740})
    for path in ("/", "/system", "/dead-letters/malformed_json"):
        page.goto(f"{started.url}{path}")
        expect(banner).to_be_visible()
        assert too_wide(page) == 0, path
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{started.url}/system")
    broker.start()
    expect(banner).to_be_hidden(timeout=SOON_MS)
    assert part(page, "数据源 frontend") == "正常"


def test_records_that_are_locked_are_told_and_who_is_signed_in_stays_so(
    first: Watched, running: tuple[RunningConsole, LocalBroker]
) -> None:
    started, broker = running
    page = first.page
    page.goto(f"{started.url}/system")
    locked = sqlite3.connect(started.data / "records.db", isolation_level=None)
    with closing(locked):
        locked.execute("begin immediate")
        send(broker, value=96.5)  # an alarm, which must be recorded
        banner = page.locator(".gw-banner")
        expect(banner).to_contain_text("记录库连不上: 告警判断和一级现场命令照常", timeout=SOON_MS)
        assert part(page, "记录库") == "中断"
        page.reload()
        expect(banner).to_contain_text("记录库连不上")
        locked.execute("rollback")
        expect(banner).to_be_hidden(timeout=SOON_MS)
    page.goto(f"{started.url}/")
    expect(page.locator("tbody tr", has_text="油温 越上上限")).to_be_visible()


def test_a_person_whose_records_are_away_is_not_sent_to_sign_in(
    first: Watched, running: tuple[RunningConsole, LocalBroker]
) -> None:
    started, _ = running
    page = first.page
    records = started.data / "records.db"
    away = records.with_name("records.moved")
    page.goto(f"{started.url}/system")
    records.rename(away)
    try:
        page.reload()
        expect(page.locator(".gw-title", has_text="系统")).to_be_visible()
        assert "/login" not in page.url
    finally:
        away.rename(records)
    page.goto(f"{started.url}/")
    expect(page.locator("tbody tr", has_text="油温 越上上限")).to_be_visible(timeout=SOON_MS)


def test_no_page_complained(first: Watched, running: tuple[RunningConsole, LocalBroker]) -> None:
    assert first.errors == []
    assert first.foreign(running[0].url) == []
