"""The page of outages in a real Chromium: an outage that linkage decided, on both widths."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from domain.changes import Changes
from service.broker import LocalBroker
from storage import outages
from storage.engines import sqlite_engine
from tests.support.console import (
    RunningConsole,
    browser,
    choose_password,
    console,
    sign_in,
    too_wide,
    watched,
)
from tests.support.outages import Room

expect.set_options(timeout=15_000)

pytestmark = [pytest.mark.chromium, pytest.mark.mosquitto]


@pytest.fixture
def running(
    tmp_path_factory: pytest.TempPathFactory, needs_mosquitto: None
) -> Iterator[RunningConsole]:
    folder = tmp_path_factory.mktemp("outages")
    with LocalBroker(folder / "broker") as broker, console(broker, folder) as started:
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
        engine = sqlite_engine(running.data / "records.db", busy_ms=1_000)
        with engine.begin() as connection:
            outages.write(connection, Changes(outages=[room.outage]))
        page.reload()
        card = page.locator(".gw-card", has_text="未复电区段").first
        expect(card).to_contain_text("113, S1, S2, S3, S4")
        expect(card).to_contain_text("S2 故障指示动作")
        expect(card).to_contain_text("建议步骤")
        assert too_wide(page) == 0
        card.get_by_role("button", name="派 ").first.click()
        expect(page.locator(".q-notification")).to_be_visible()
        page.set_viewport_size({"width": 360, "height": 740})
        expect(card).to_be_visible()
        assert too_wide(page) == 0
