"""Notices in a real Chromium: the calls to make, what is said of them, and the link that acknowledges
once."""

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from domain.notice_codes import code_of, token_of
from domain.notices import Notice
from service.broker import LocalBroker
from storage.engines import sqlite_engine
from storage.notices import NoticeFilter, SqlNotices
from tests.support.console import (
    RunningConsole,
    browser,
    choose_password,
    console,
    sign_in,
    too_wide,
    watched,
)
from tests.support.publishing import Gateway
from tests.support.running import until

expect.set_options(timeout=15_000)

pytestmark = [pytest.mark.chromium, pytest.mark.mosquitto]


@pytest.fixture
def running(
    tmp_path_factory: pytest.TempPathFactory, needs_mosquitto: None
) -> Iterator[tuple[RunningConsole, LocalBroker]]:
    folder = tmp_path_factory.mktemp("notices")
    with LocalBroker(folder / "broker") as broker, console(broker, folder) as started:
        yield started, broker


def publish(broker: LocalBroker, point: str, value: float) -> None:
    with Gateway(broker.port, "changqing-like", "liuyuan") as gateway:
        gateway.say({point: value})
        until(lambda: gateway.unacknowledged == 0, "the broker took it")


def test_a_call_is_made_logged_and_read_back_and_a_link_acknowledges_once(
    chromium: str, running: tuple[RunningConsole, LocalBroker]
) -> None:
    started, broker = running
    engine = sqlite_engine(started.data / "records.db", busy_ms=1_000)
    stored = SqlNotices(engine)

    def of_device(name: str) -> Notice:
        until(
            lambda: any(name in each.text for each in stored.find(NoticeFilter())), "it was decided"
        )
        return next(each for each in stored.find(NoticeFilter()) if name in each.text)

    with browser(chromium) as opened:
        context = opened.new_context(viewport={"width": 1280, "height": 900})
        seen = watched(context)
        page = seen.page
        sign_in(page, started.url, "admin", started.first_password)
        choose_password(page)
        page.goto(f"{started.url}/notices")
        expect(page.get_by_text("现在没有要打的电话")).to_be_visible()

        publish(broker, "LY/1T/top_oil_temp", 96.5)
        row = page.locator("tbody tr", has_text="1号主变 油温").first
        expect(row).to_contain_text("1390000010")  # a dispatcher's number, for who calls
        expect(row).to_contain_text("听班人员")
        first = of_device("1号主变 油温")
        row.get_by_role("button", name="未接通").click()
        again = page.locator("tbody tr", has_text="1390000030")  # the next step need not wait
        expect(again).to_be_visible()
        assert too_wide(page) == 0
        again.get_by_role("button", name="复诵并处理").click()
        expect(page.get_by_text("现在没有要打的电话")).to_be_visible()

        page.goto(f"{started.url}/incident/{first.incident_id}")
        expect(page.get_by_text("升级已停止: 已确认")).to_be_visible()
        expect(page.locator("tbody tr", has_text="未送达")).to_be_visible()

        publish(broker, "LY/2T/top_oil_temp", 96.5)
        second = of_device("2号主变 油温")
        key = stored.known_key()
        assert key is not None
        page.goto(f"{started.url}/notices")
        page.get_by_label("通知号").fill(second.short_id)
        page.get_by_label("确认码").fill(
            "000000" if code_of(key, second.notice_id) != "000000" else "1"
        )
        page.get_by_role("button", name="凭码确认").click()
        expect(page.get_by_text("通知号或确认码不对")).to_be_visible()

        token = token_of(key, second.notice_id, int(time.time()) + 600)
        phone = opened.new_context(viewport={"width": 360, "height": 740})
        link = watched(phone)
        link.page.goto(f"{started.url}/n/{token}")
        expect(link.page.get_by_text(second.person)).to_be_visible()
        assert too_wide(link.page) == 0
        link.page.get_by_role("button", name="我来处理").click()
        expect(link.page.get_by_text("已确认, 谢谢")).to_be_visible()
        link.page.goto(f"{started.url}/n/{token}")
        expect(link.page.get_by_text("已经有人确认或已结束")).to_be_visible()
        link.page.goto(f"{started.url}/n/{token[:-2]}")
        expect(link.page.get_by_text("链接不完整")).to_be_visible()
        old = token_of(key, second.notice_id, int(time.time()) - 1)
        link.page.goto(f"{started.url}/n/{old}")
        expect(link.page.get_by_text("链接已过期")).to_be_visible()

        narrow(opened, started)
        assert seen.errors == []
        assert link.errors == []
        phone.close()
        context.close()
    engine.dispose()


def narrow(opened: Browser, started: RunningConsole) -> None:
    """The page of notices on a telephone, in English too."""
    context = opened.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    sign_in(page, started.url, "admin", "eine-lange-leitung")
    page.goto(f"{started.url}/notices")
    expect(page.get_by_text("已确认").first).to_be_visible()
    assert too_wide(page) == 0
    page.get_by_role("button", name="English").click()
    expect(page.get_by_text("Calls to make")).to_be_visible()
    assert too_wide(page) == 0
    context.close()
