"""The review queue in a real Chromium: a proposal with pictures is judged by keyboard, a photo comes from a
telephone, and what was confirmed becomes a notice on paper."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import cv2
import numpy as np
import pytest
from openpyxl import load_workbook
from playwright.sync_api import Browser, Page, expect

from domain.access import LOCAL_OPERATOR, VISION
from domain.assets import Priority
from domain.clock import SECOND_US, system_clock
from domain.credit import ReviewKind
from domain.evidence import Box, EvidenceFile, EvidenceKind
from domain.ids import AssetId, PersonId, TeamId
from domain.paperwork import Role, TicketState, TicketType
from domain.requests import (
    MoveTicket,
    OpenTicket,
    ProposeViolation,
    PutUser,
    Request,
    ViewEvidence,
)
from domain.review_requests import ReportByHand
from domain.violations import Code, Place, Proposal, TicketAnswer, TicketFinding
from service.broker import LocalBroker
from service.core_client import CoreClient
from service.evidence_files import EVIDENCE, blurred_faces
from service.passwords import hashed
from service.records import records_engine
from service.vision.evidence import webm
from storage.console_reads import ConsoleReads
from storage.evidence import EvidenceFiles
from tests.support.console import (
    PASSWORD,
    RunningConsole,
    Watched,
    browser,
    console,
    sign_in,
    too_wide,
    watched,
)
from tests.support.photos import photo_with_place
from tests.support.publishing import Gateway
from tests.support.running import until

pytestmark = [pytest.mark.chromium, pytest.mark.mosquitto]

STATION, T1 = "35kV柳塬变", AssetId("LY/1T")
HOUR_US = 3_600 * SECOND_US


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
    with console(broker, tmp_path_factory.mktemp("reviews")) as started:
        yield started


@pytest.fixture(scope="module")
def page(chromium: str, running: RunningConsole) -> Iterator[Watched]:
    with browser(chromium) as started:
        yield from _safety_manager(started, running)


def _safety_manager(opened: Browser, running: RunningConsole) -> Iterator[Watched]:
    roles = frozenset({Role.SAFETY_MANAGER, Role.DUTY})
    ask(running, PutUser(name="safety", password=hashed(PASSWORD), roles=roles), LOCAL_OPERATOR)
    context = opened.new_context(viewport={"width": 1280, "height": 900})
    watched_page = watched(context)
    sign_in(watched_page.page, running.url, "safety", PASSWORD)
    yield watched_page
    context.close()


def ask(running: RunningConsole, request: Request, actor: str) -> str:
    client = CoreClient(running.data).start()
    outcome = client.ask(request, actor)
    client.stop()
    assert outcome.done, outcome
    return outcome.subject


def frame(step: int) -> bytes:
    """A yard, a transformer, and somebody who walks towards it."""
    picture = np.full((540, 960, 3), (190, 200, 205), np.uint8)
    cv2.rectangle(picture, (0, 300), (960, 540), (120, 140, 150), -1)
    cv2.rectangle(picture, (330, 140), (520, 380), (95, 110, 100), -1)
    x = 180 + 12 * step
    cv2.rectangle(picture, (x, 300), (x + 40, 430), (60, 60, 140), -1)
    cv2.circle(picture, (x + 20, 280), 18, (120, 160, 210), -1)
    return cv2.imencode(".jpg", picture)[1].tobytes()


def evidence(running: RunningConsole, now_us: int) -> tuple[EvidenceFile, ...]:
    """What the cameras' process leaves: before, moment with its boxes, after, and the clip."""
    store = EvidenceFiles(running.data / EVIDENCE)
    x = (180 + 12 * 6) / 960
    boxes = (
        Box(
            left=x, top=0.48, right=x + 0.045, bottom=0.8, what="person", score=0.9, concerned=True
        ),
        Box(left=x, top=0.48, right=x + 0.04, bottom=0.56, what="head", score=0.8),
    )
    found = []
    for step, kind in (
        (0, EvidenceKind.BEFORE),
        (6, EvidenceKind.MOMENT),
        (11, EvidenceKind.AFTER),
    ):
        content = frame(step)
        found.append(
            EvidenceFile(
                sha256=store.put(content),
                media_type="image/jpeg",
                kind=kind,
                at_us=now_us + step * SECOND_US,
                size=len(content),
                boxes=boxes if kind is EvidenceKind.MOMENT else (),
            )
        )
    for kind in (EvidenceKind.CLIP, EvidenceKind.CLIP_BLURRED):
        steps = [frame(step) for step in range(12)]
        hidden = kind is EvidenceKind.CLIP_BLURRED
        clip = webm([blurred_faces(each, boxes) for each in steps] if hidden else steps, 4.0)
        assert clip is not None
        found.append(
            EvidenceFile(
                sha256=store.put(clip),
                media_type="video/webm",
                kind=kind,
                at_us=now_us,
                size=len(clip),
            )
        )
    return tuple(found)


def propose(
    running: RunningConsole, code: Code, level: Priority, files: tuple[EvidenceFile, ...] = ()
) -> UUID:
    now_us = system_clock()
    proposal = Proposal(
        proposal_id=uuid4(),
        camera="LY-yard",
        code=code,
        track=1,
        place=Place(station=STATION, asset_id=T1),
        level=level,
        began_at_us=now_us - 20 * SECOND_US,
        proposed_at_us=now_us - 10 * SECOND_US,
        score=0.91,
        box=(0, 0, 10, 10),
        ticket=TicketAnswer(finding=TicketFinding.NONE),
        zone="1号主变间隔" if code is Code.IN_ZONE else "",
        last_seen_us=now_us,
    )
    told = ProposeViolation(
        proposal=proposal,
        asset_id=T1,
        camera="柳塬变35kV场地摄像机",
        text={Code.IN_ZONE: "无有效工作票进入带电间隔"}.get(code, "未戴安全帽"),
        model="nanodet-m",
        files=files,
    )
    return UUID(ask(running, told, VISION))


def hole(running: RunningConsole) -> UUID:
    told = ReportByHand(
        kind=ReviewKind.HAZARD, station=STATION, text="井盖松动", at_us=system_clock()
    )
    return UUID(ask(running, told, "admin"))


def permit_work(running: RunningConsole) -> None:
    now_us = system_clock()
    opened = OpenTicket(
        number="柳塬变-Ⅰ-2026-11-003",
        type=TicketType.WORK_1,
        task="1号主变检修",
        station=STATION,
        asset_ids=(T1,),
        team_id=TeamId("xs"),
        leader=PersonId("aqy"),
        from_us=now_us - HOUR_US,
        to_us=now_us + HOUR_US,
    )
    ticket = ask(running, opened, LOCAL_OPERATOR)
    move = MoveTicket(ticket_id=UUID(ticket), state=TicketState.PERMITTED)
    ask(running, move, LOCAL_OPERATOR)


def picture(page: Page, name: str) -> None:
    folder = os.environ.get("GRIDWARDEN_TEST_PICTURES")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def in_english(page: Page, name: str) -> None:
    """The same page in the other language, and back; as narrow as a telephone too."""
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 900})
        page.reload()
        expect(page.get_by_role("button", name="English")).to_be_visible()
        picture(page, f"{name}-zh-{width}")
        assert too_wide(page) == 0, (name, width)
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("button", name="中文")).to_be_visible()
    page.wait_for_timeout(300 if os.environ.get("GRIDWARDEN_TEST_PICTURES") else 0)
    picture(page, f"{name}-en-360")
    assert too_wide(page) == 0, name
    page.set_viewport_size({"width": 1280, "height": 900})
    picture(page, f"{name}-en-1280")
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("button", name="English")).to_be_visible()


def test_a_proposal_with_pictures_is_judged_by_keyboard_and_rectified(
    page: Watched, running: RunningConsole, broker: LocalBroker
) -> None:
    with Gateway(broker.port, "changqing-like", "liuyuan") as field:
        for ago_s in range(600, 0, -30):
            values = {"LY/1T/top_oil_temp": 65 - ago_s / 100, "LY/1T/winding_temp": 75 - ago_s / 90}
            field.say(values, system_clock() // 1000 - ago_s * 1000)
        until(lambda: field.unacknowledged == 0, "the readings were taken")
    permit_work(running)
    propose(running, Code.NO_HELMET, Priority.MAJOR)
    urgent = propose(running, Code.IN_ZONE, Priority.URGENT, evidence(running, system_clock()))
    assert propose(running, Code.IN_ZONE, Priority.URGENT) == urgent  # the same stretch of time
    sheet = page.page
    sheet.goto(f"{running.url}/reviews")
    first = sheet.locator(".gw-card", has_text="无有效工作票进入带电间隔").first
    expect(first).to_be_visible()
    expect(sheet.locator(".gw-title").first).to_have_text("无有效工作票进入带电间隔")
    picture(sheet, "reviews-zh-1280")

    sheet.goto(f"{running.url}/review/{urgent}")
    sheet.get_by_role("button", name="查看影像 (4)").click()
    shown = sheet.get_by_role("img", name="当时")
    expect(shown).to_be_visible()
    sheet.wait_for_function("[...document.images].every(each => each.naturalWidth > 0)")
    assert sheet.locator(".gw-boxed polygon").count() == 3  # the watched area
    assert sheet.locator(".gw-boxed rect").count() == 2
    expect(sheet.get_by_text("视频 (已遮挡他人面部)")).to_be_visible()
    expect(sheet.locator("video")).to_have_count(1)
    expect(sheet.locator("canvas")).to_be_visible()  # the telemetry around it
    expect(sheet.get_by_text("工作票 柳塬变-Ⅰ-2026-11-003")).to_be_visible()
    picture(sheet, "review-pictures-zh-1280")
    in_english(sheet, "review")
    sheet.goto(f"{running.url}/review/{urgent}")
    sheet.get_by_text("遮挡他人面部").click()
    sheet.get_by_role("button", name="查看影像 (4)").click()
    clip = sheet.locator("video")
    expect(clip).to_be_visible()
    clip.evaluate("each => each.play()")
    sheet.wait_for_function("document.querySelector('video').currentTime > 0.2")

    sheet.goto(f"{running.url}/reviews")
    expect(sheet.locator(".gw-title").first).to_have_text("无有效工作票进入带电间隔")
    sheet.keyboard.press("c")
    dialog = sheet.get_by_role("dialog")
    expect(dialog.get_by_text("1. 安全管理岗 (工作票 柳塬变-Ⅰ-2026-11-003)")).to_be_visible()
    picture(sheet, "judging-zh-1280")
    sheet.keyboard.press("Alt+Digit1")
    dialog.get_by_label("理由").fill("未履行许可手续")
    dialog.get_by_label("理由").press("Enter")
    expect(dialog).to_have_count(0)
    expect(sheet.locator(".gw-title").first).to_have_text("未戴安全帽")

    sheet.goto(f"{running.url}/review/{urgent}")
    expect(sheet.get_by_text("安全管理岗 (工作负责人)")).to_be_visible()
    sheet.get_by_role("button", name="下发整改通知单").click()
    sheet.get_by_label("整改要求").fill("进站前核对工作票, 补设围栏")
    sheet.get_by_role("button", name="确定").click()
    sheet.get_by_role("link", name="ZG-").click()
    expect(sheet.get_by_role("heading", name="整改通知单")).to_be_visible()
    expect(sheet.get_by_text("进站前核对工作票, 补设围栏")).to_be_visible()
    sheet.wait_for_function("[...document.images].every(each => each.naturalWidth > 0)")
    in_english(sheet, "rectification")
    sheet.goto(f"{running.url}/rectifications")
    expect(sheet.get_by_text("进站前核对工作票, 补设围栏")).to_be_visible()
    picture(sheet, "rectifications-zh-1280")
    assert page.errors == []
    assert page.foreign(running.url) == []


def test_a_photo_from_the_telephone_waits_in_the_queue(
    page: Watched, running: RunningConsole, tmp_path: Path
) -> None:
    sheet = page.page
    sheet.goto(f"{running.url}/report-by-hand")
    sheet.set_viewport_size({"width": 360, "height": 740})
    sheet.goto(f"{running.url}/report-by-hand")
    (tmp_path / "hole.jpg").write_bytes(photo_with_place())
    (tmp_path / "list.jpg").write_bytes(b"no picture")
    sheet.get_by_label("站 (必填)").click()
    sheet.get_by_role("option", name=STATION).click()
    sheet.get_by_label("看到了什么").fill("电缆沟盖板缺失")
    chooser = sheet.locator("input[type=file]")
    chooser.set_input_files(tmp_path / "list.jpg")
    expect(sheet.get_by_text("照片不能用")).to_be_visible()
    chooser.set_input_files(tmp_path / "hole.jpg")
    expect(sheet.get_by_text("1 张")).to_be_visible()
    picture(sheet, "report-filled-zh-360")
    sheet.get_by_role("button", name="上报", exact=True).click()
    expect(sheet.get_by_text("已上报, 等待审核: 电缆沟盖板缺失")).to_be_visible()

    sheet.goto(f"{running.url}/reviews")
    card = sheet.locator(".gw-card", has_text="电缆沟盖板缺失")
    until(lambda: card.count() == 1, "the report waits")
    card.get_by_role("link", name="详情").click()
    sheet.get_by_role("button", name="查看影像 (1)").click()
    sheet.wait_for_function("[...document.images].every(each => each.naturalWidth > 0)")
    kept = EvidenceFiles(running.data / EVIDENCE)
    for name in kept.names():
        assert b"Exif" not in kept.get(name)
    picture(sheet, "report-in-queue-zh-360")
    assert too_wide(sheet) == 0


def test_duplicates_go_together_and_the_list_leaves_as_excel(
    page: Watched, running: RunningConsole, tmp_path: Path
) -> None:
    twice = [hole(running), hole(running)]
    sheet = page.page
    sheet.set_viewport_size({"width": 1280, "height": 900})
    sheet.goto(f"{running.url}/reviews")
    sheet.get_by_label("搜索内容").fill("井盖松动")
    cards = sheet.locator(".gw-card", has_text="井盖松动")
    expect(cards).to_have_count(2)
    expect(sheet.locator(".gw-card")).to_have_count(2)
    sheet.locator("body").click(position={"x": 640, "y": 890})
    sheet.keyboard.press("j")
    sheet.keyboard.press("x")
    expect(sheet.get_by_text("已选 1 项")).to_be_visible()
    sheet.keyboard.press("k")
    sheet.get_by_role("button", name="将其余 1 项标为当前项的重复").click()
    expect(cards).to_have_count(1)
    with sheet.expect_download() as begun:
        sheet.get_by_role("button", name="导出 Excel").click()
    begun.value.save_as(tmp_path / "reviews.xlsx")
    rows = list(load_workbook(tmp_path / "reviews.xlsx").worksheets[0].iter_rows(values_only=True))
    assert [row[5] for row in rows] == ["内容", "井盖松动"]
    reads = ConsoleReads(records_engine(running.data, role="test", busy_ms=1_000))
    states = {each: reads.review(each) for each in twice}
    assert sorted(str(each.state) for each in states.values() if each) == ["duplicate", "proposed"]
    assert page.errors == []


def test_every_look_is_in_the_audit_and_who_may_not_look_sees_nothing(
    page: Watched, running: RunningConsole
) -> None:
    reads = ConsoleReads(records_engine(running.data, role="test", busy_ms=1_000))
    (review,) = [
        each for each in reads.reviews(["confirmed"]) if each.code == Code.IN_ZONE and each.files
    ]
    looked = {
        each.request.sha256
        for each in reads.audit("safety", "ViewEvidence")
        if isinstance(each.request, ViewEvidence) and each.done
    }
    assert {file.sha256 for file in review.files} <= looked
    (before,) = [each for each in review.files if each.kind is EvidenceKind.BEFORE]
    address = f"{running.url}/evidence/{review.review_id}/{before.sha256}"
    assert page.page.request.get(address).status == 200
    other = f"{running.url}/evidence/{review.review_id}/{'0' * 64}"
    assert page.page.request.get(other).status == 404
    blurred = page.page.request.get(f"{address}?blurred=1")
    assert blurred.headers["cache-control"] == "no-store"
    (clip,) = [each for each in review.files if each.kind is EvidenceKind.CLIP]
    address_of_clip = f"{running.url}/evidence/{review.review_id}/{clip.sha256}"
    assert page.page.request.get(f"{address_of_clip}?blurred=1").status == 404, "not the original"

    roles, elsewhere = frozenset({Role.DUTY}), frozenset({"35kV沟岔变"})
    stranger = PutUser(name="elsewhere", password=hashed(PASSWORD), roles=roles, stations=elsewhere)
    ask(running, stranger, LOCAL_OPERATOR)
    assert page.page.context.browser is not None
    context = page.page.context.browser.new_context()
    assert context.request.get(address).status == 401
    visitor = watched(context)
    sign_in(visitor.page, running.url, "elsewhere", PASSWORD)
    assert visitor.page.request.get(address).status == 403
    visitor.page.goto(f"{running.url}/review/{review.review_id}")
    expect(visitor.page.get_by_text("没有这一项")).to_be_visible()
    context.close()
