"""Log, hand-over and daily report in a real Chromium, at a dispatch room whose shift ends in half an hour."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from domain.clock import MINUTE_US
from domain.handover import Watch
from domain.ids import PersonId
from domain.paperwork import Role
from domain.requests import PutUser
from linkage.rosters import duties
from service.beginning import stored_records
from service.broker import LocalBroker
from service.core_client import CoreClient
from service.passwords import hashed
from service.site.load import load
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
from tests.support.running import until
from tests.support.shifts import site_whose_shift_ends_soon

pytestmark = [pytest.mark.chromium, pytest.mark.mosquitto]

PASSWORD = "wer-uebergibt-wem"


@dataclass(frozen=True, slots=True)
class Shift:
    """The watch at the dispatch room; users of its crew and of the next one are "out" and "in"."""

    site: Path
    watch: Watch


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return site_whose_shift_ends_soon(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def running(
    tmp_path_factory: pytest.TempPathFactory, needs_mosquitto: None, site: Path
) -> Iterator[RunningConsole]:
    folder = tmp_path_factory.mktemp("handover")
    with LocalBroker(folder / "broker") as broker, console(broker, folder, site) as started:
        yield started


@pytest.fixture(scope="module")
def opened(chromium: str) -> Iterator[Browser]:
    with browser(chromium) as started:
        yield started


@pytest.fixture(scope="module")
def shift(running: RunningConsole, site: Path) -> Shift:
    records = stored_records(running.data)
    until(lambda: len(records.logbook.open_watches()) == 2, "both watches have begun")
    (watch,) = [each for each in records.logbook.open_watches() if each.post_id == "dd"]
    known = load(site)
    (roster,) = [each for each in known.organisation.rosters if each.roster_id == "dd"]
    (after,) = duties(roster, watch.ends_us + MINUTE_US, known.zone)
    client = CoreClient(running.data).start()
    for name, person in (("out", watch.persons[0]), ("in", after.crew.persons[0])):
        asked = PutUser(
            name=name,
            password=hashed(PASSWORD),
            roles=frozenset({Role.DISPATCHER}),
            person_id=PersonId(person),
        )
        outcome = client.ask(asked, "local")
        assert outcome.done, outcome.why
    client.stop()
    return Shift(site, watch)


@pytest.fixture(scope="module")
def outgoing(opened: Browser, running: RunningConsole, shift: Shift) -> Iterator[Watched]:
    context = opened.new_context(viewport={"width": 1280, "height": 900})
    page = watched(context)
    sign_in(page.page, running.url, "out", PASSWORD)
    yield page
    context.close()


def picture(page: Page, name: str) -> None:
    folder = os.environ.get("GRIDWARDEN_TEST_PICTURES")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_a_shift_writes_its_log_and_hands_over_by_two_signatures(
    outgoing: Watched, running: RunningConsole, shift: Shift
) -> None:
    page = outgoing.page
    _writes_the_log(page, running.url)

    page.goto(f"{running.url}/handover")
    expect(page.get_by_text("待交班人签字").first).to_be_visible()
    page.get_by_label("交班备注").fill("2号主变风扇待修")
    page.get_by_role("button", name="交班签字").click()
    expect(page.get_by_text("交班人已签字, 待接班人签字").first).to_be_visible()
    expect(page.get_by_text("113开关由运行转热备用").first).to_be_visible()
    picture(page, "handover-signed")
    page.get_by_role("button", name="我接班").click()
    expect(page.get_by_text("的人员或其上级签字").first).to_be_visible()

    page.get_by_label("用户名").fill("in")
    page.get_by_label("密码", exact=True).fill("falsch")
    page.get_by_role("button", name="接班签字").click()
    expect(page.get_by_text("用户名或密码不正确")).to_be_visible()
    page.get_by_label("密码", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="接班签字").click()
    expect(page.get_by_text("待交班人签字").first).to_be_visible()

    records = stored_records(running.data).logbook
    over = records.watch(shift.watch.watch_id)
    assert over
    assert (over.signed_by, over.taken_by, over.notes) == ("out", "in", "2号主变风扇待修")
    page.get_by_text(f"{over.crew} {over.duty_date} {over.shift}").last.click()
    page.wait_for_url(f"**/handover/{over.watch_id}")
    expect(page.get_by_text(f"与签字时一致 (sha256 {over.page})")).to_be_visible()
    expect(page.get_by_text("2号主变风扇待修").first).to_be_visible()
    picture(page, "handover-past")

    page.goto(f"{running.url}/report")
    page.get_by_role("button", name="今天").click()
    row = page.locator("tr", has_text="发令").first
    expect(page.get_by_text("kind = 'order_received'").first).to_be_visible()
    expect(row).to_be_visible()
    picture(page, "report")
    assert outgoing.errors == []


def _writes_the_log(page: Page, url: str) -> None:
    page.goto(f"{url}/log")
    words = page.get_by_label("内容, 回车记录")
    words.fill("巡视主控室正常")
    words.press("Enter")
    expect(page.get_by_text("巡视主控室正常")).to_be_visible()
    page.get_by_role("button", name="受令").first.click()
    page.get_by_label("发令人").fill("地调 张")
    page.get_by_label("受令人").fill("甲值正值")
    page.get_by_text("已复诵无误").click()
    words.fill("113开关由运行转热备用")
    words.press("Enter")
    expect(page.get_by_text("地调 张 令 甲值正值").first).to_be_visible()
    page.get_by_role("button", name="执行完毕").first.click()
    expect(page.get_by_text("由 out 于").or_(page.get_by_text("out 于")).first).to_be_visible()
    picture(page, "log")


def test_the_pages_fit_a_telephone_and_a_desk_in_both_languages(
    opened: Browser, running: RunningConsole, shift: Shift
) -> None:
    context = opened.new_context(viewport={"width": 1280, "height": 900})
    seen = watched(context)
    page = seen.page
    sign_in(page, running.url, "admin", running.first_password)
    choose_password(page)
    paths = ("/log", "/handover", "/report", f"/handover/{shift.watch.watch_id}", "/handover/x")
    for language in ("zh-CN", "en"):
        for width in (360, 1280) if language == "zh-CN" else (360,):
            page.set_viewport_size({"width": width, "height": 900})
            for path in paths:
                page.goto(f"{running.url}{path}")
                expect(page.locator(".gw-title, .gw-card").first).to_be_visible()
                assert too_wide(page) == 0, (path, width)
                picture(page, f"{path.strip('/').replace('/', '-')[:20]}-{language}-{width}")
        if language == "zh-CN":
            page.get_by_role("button", name="English").click()
            expect(page.get_by_role("button", name="中文")).to_be_visible()
    assert seen.errors == []
    assert seen.foreign(running.url) == []
    context.close()
