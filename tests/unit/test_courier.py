"""A courier over stored notices: what leaves at once, what together, in which order, and what a dead
receiver costs."""

import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from delivery.courier import Courier
from delivery.notice_messages import Writer, cut, fit
from domain.assets import Priority
from domain.changes import Changes
from domain.clock import MINUTE_US, SECOND_US
from domain.ids import AssetId, PersonId
from domain.notice_codes import BadToken, code_of, notice_of, token_of
from domain.notices import (
    Channel,
    ChannelKind,
    Contact,
    Escalation,
    Message,
    Notice,
    NoticePlan,
    NoticeState,
)
from domain.ports import NoticeRefused, ReceiverAway
from domain.responsibility import Kind, Reason
from service.counting import Counted
from storage.engines import sqlite_engine
from storage.migrate import upgrade
from storage.notices import NoticeFilter, SqlNotices
from storage.records import SqlRecords
from tests.support.listening import eventually
from tests.support.telling import NOON, at, notice

CHAT = Channel(channel_id="chat", kind=ChannelKind.WECOM)
JIA, YI = PersonId("yw-j1"), PersonId("yw-y1")
PLAN = NoticePlan(
    channels={
        "chat": CHAT,
        "sms": Channel(channel_id="sms", kind=ChannelKind.SMS),
        "phone": Channel(channel_id="phone", kind=ChannelKind.PHONE),
    },
    contacts={
        JIA: Contact(person_id=JIA, channels=("chat",), mobile="13900000302"),
        YI: Contact(person_id=YI, channels=("chat", "sms", "phone"), mobile="13900000303"),
    },
)
URGENT, MAJOR, MINOR = Priority.URGENT, Priority.MAJOR, Priority.MINOR


class House:
    """Stored notices, a clock, a receiver that remembers, and the courier of one channel."""

    def __init__(self, folder: Path, plan: NoticePlan = PLAN, channel: Channel = CHAT) -> None:
        self.now_us = at(NOON)
        self.plan = plan
        self.channel = channel
        self.counters = Counted()
        self.engine = sqlite_engine(folder / "records.db", busy_ms=1_000)
        self.records = SqlRecords(self.engine)
        self.queue = SqlNotices(self.engine, "here")
        self.sent: list[Message] = []
        self.trouble: Exception | None = None
        self.refused: set[str] = set()  # names of persons whose messages are not taken
        self.largest = 2_048
        self.courier = self.begins()
        self._seq = 0

    def begins(self) -> Courier:
        """A courier that knows nothing of the one before."""
        return Courier(
            self.channel,
            self,
            self.queue,
            self.plan,
            key=lambda: b"k" * 32,
            counters=self.counters,
            clock=lambda: self.now_us,
            monotonic=lambda: self.now_us / 1e6,
        )

    def send(self, message: Message) -> None:
        assert len(message.text.encode()) <= self.largest
        if self.trouble is not None:
            raise self.trouble
        if message.name in self.refused:
            raise NoticeRefused("errcode 40008")
        self.sent.append(message)

    def decides(self, *notices: Notice) -> None:
        self._seq += 1
        self.records.commit(Changes(notices=list(notices)), self._seq)

    def runs(self) -> list[str]:
        """The texts that left now."""
        before = len(self.sent)
        self.courier.run_due()
        return [each.text for each in self.sent[before:]]

    def passes(self, seconds: float) -> None:
        self.now_us += round(seconds * SECOND_US)

    def state(self, one: Notice) -> NoticeState:
        found = self.queue.notice(one.notice_id)
        assert found is not None
        return found.state


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records of this release, made once."""
    engine = sqlite_engine(tmp_path_factory.mktemp("migrated") / "records.db")
    upgrade(engine)
    engine.dispose()
    path = Path(engine.url.database or "")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    return path


@pytest.fixture
def folder(tmp_path: Path, migrated: Path) -> Path:
    shutil.copy(migrated, tmp_path / "records.db")
    return tmp_path


@pytest.fixture
def house(folder: Path) -> Iterator[House]:
    made = House(folder)
    yield made
    made.engine.dispose()


def numbers(texts: list[str], *known: Notice) -> list[int]:
    """Which of the known notices each text holds, by their place."""
    return [place for text in texts for place, each in enumerate(known, 1) if each.short_id in text]


def test_a_notice_leaves_with_level_number_and_what_to_do_first(house: House) -> None:
    one = notice(1, action="减负荷")
    house.decides(one)
    (text,) = house.runs()
    assert text.splitlines() == [
        f"【重要】{one.text}",
        "先做: 减负荷",
        f"通知号 {one.short_id}",
    ]
    assert house.sent[0].message_id == one.notice_id
    assert house.state(one) is NoticeState.SENT
    assert house.runs() == []


def test_two_are_two_and_three_are_one_digest_with_counts_and_causes(house: House) -> None:
    two = [notice(1), notice(2)]
    house.decides(*two)
    assert len(house.runs()) == 2
    many = [notice(n, asset_id=AssetId(f"LY/{n % 2}")) for n in range(10, 15)]
    house.decides(*many, notice(20, level=MINOR))
    (digest,) = house.runs()
    assert digest.startswith("6 条通知合并: 重要 5, 一般 1\n")
    assert "×3" in digest
    assert "×2" in digest
    assert {house.state(each) for each in many} == {NoticeState.SENT}
    stored = [house.queue.notice(each.notice_id) for each in many]
    assert {each.digest_id for each in stored if each} == {house.sent[-1].message_id}


def test_beyond_what_a_person_can_take_the_rest_is_one_digest_a_minute_later(
    house: House,
) -> None:
    for number in range(1, 7):
        house.decides(notice(number))
        assert len(house.runs()) == 1
    held = [notice(number) for number in range(7, 10)]
    for each in held:
        house.decides(each)
        assert house.runs() == []
    house.passes(61)
    (digest,) = house.runs()
    assert digest.startswith("3 条通知合并")


def test_beyond_what_a_robot_can_take_room_is_left_for_level_1(house: House) -> None:
    house.plan = replace(PLAN, per_person_per_minute=100)
    house.courier = house.begins()
    for number in range(1, 16):
        house.decides(notice(number, person_id=PersonId(f"p{number}"), person=f"p{number}"))
        assert len(house.runs()) == 1
    house.decides(notice(30, person_id=PersonId("p30")))
    assert house.runs() == [], "fifteen of twenty are out"
    house.decides(notice(31, level=URGENT, person_id=PersonId("p31")))
    assert len(house.runs()) == 1
    assert house.counters.snapshot()["notices_held_back{channel=chat}"] >= 1


def test_level_1_is_never_held_back_nor_hidden_nor_behind_others(house: House) -> None:
    others = [notice(number) for number in range(1, 41)]
    urgent = [notice(100 + number, level=URGENT) for number in range(30)]
    house.decides(*others, *urgent)
    texts = house.runs()
    with_urgent = [text for text in texts if "【紧急】" in text]
    assert texts[: len(with_urgent)] == with_urgent, "before every other"
    joined = "\n".join(with_urgent)
    assert all(each.short_id in joined for each in urgent), "each one stands in it"
    assert all(each.text in joined for each in urgent)
    late = notice(200, level=URGENT)
    house.decides(late)
    assert numbers(house.runs(), late) == [1]


def test_what_does_not_fit_is_counted(house: House) -> None:
    house.largest = 700
    house.courier = house.begins()
    house.decides(*[notice(number) for number in range(1, 41)])
    (digest,) = house.runs()
    assert "另有 " in digest


def test_a_receiver_down_for_ten_minutes_loses_nothing_doubles_nothing_and_keeps_the_order(
    house: House,
) -> None:
    house.trouble = ReceiverAway("WeCom cannot be reached")
    decided: list[Notice] = []
    for minute in range(10):
        for person in (JIA, PersonId("p2")):
            one = notice(len(decided) + 1, person_id=person, asset_id=AssetId(f"x{minute}"))
            decided.append(one)
            house.decides(one)
        for _ in range(6):
            house.runs()
            house.passes(10)
    assert not house.sent
    waiting = house.queue.find(NoticeFilter(states=[NoticeState.QUEUED]))
    assert len(waiting) == len(decided)
    assert any(each.error == "WeCom cannot be reached" for each in waiting), "it is visible"
    house.trouble = None
    for _ in range(10):
        house.runs()
        house.passes(10)
    assert len(house.sent) == 2, "one digest per person"
    assert {house.state(each) for each in decided} == {NoticeState.SENT}
    digests = {each.digest_id for each in house.queue.find(NoticeFilter())}
    assert digests == {each.message_id for each in house.sent}


def test_the_order_of_a_person_is_kept_over_trouble(folder: Path) -> None:
    house = House(folder, replace(PLAN, per_person_per_minute=100))
    house.trouble = ReceiverAway("gone")
    first, second = notice(1), notice(2)
    house.decides(first)
    house.runs()
    house.decides(second)
    house.runs()
    house.trouble = None
    sent: list[str] = []
    for _ in range(5):
        house.passes(5)
        sent += house.runs()
    assert numbers(sent, first, second) == [1, 2]
    house.engine.dispose()


def test_a_refused_notice_is_tried_again_visible_and_not_overtaken(house: House) -> None:
    house.refused.add("甲")
    first, other = notice(1, person="甲"), notice(2, person_id=YI, person="乙")
    house.decides(first, other)
    assert len(house.runs()) == 1, "another person's is not held up"
    later = notice(3, person="甲")
    house.decides(later)
    assert house.runs() == []
    found = house.queue.notice(first.notice_id)
    assert found is not None
    assert (found.state, found.error) == (NoticeState.QUEUED, "errcode 40008")
    house.refused.clear()
    house.passes(2)
    assert numbers(house.runs(), first, later) == [1, 2]


def test_the_second_of_a_person_does_not_leave_in_the_run_in_which_his_first_was_refused(
    house: House,
) -> None:
    house.refused.add("甲")
    first, second = notice(1, person="甲"), notice(2, person="甲")
    house.decides(first, second)
    assert house.runs() == []
    waiting = house.queue.notice(second.notice_id)
    assert waiting is not None
    assert (waiting.state, waiting.attempts) == (NoticeState.QUEUED, 0)
    house.refused.clear()
    house.passes(2)
    assert numbers(house.runs(), first, second) == [1, 2]


def test_level_1_does_not_wait_behind_a_refused_one(house: House) -> None:
    house.refused.add("甲")
    house.decides(notice(1, person="甲"))
    house.runs()
    house.refused.clear()
    urgent = notice(2, person="甲", level=URGENT)
    house.decides(urgent)
    assert numbers(house.runs(), urgent) == [1]


def test_killed_between_sending_and_noting_it_the_same_message_goes_out_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = notice(1)
    house.decides(one)
    with monkeypatch.context() as patched:

        def killed(attempts: Any) -> None:
            if attempts:
                raise KeyboardInterrupt

        patched.setattr(house.queue, "settle", killed)
        with pytest.raises(KeyboardInterrupt):
            house.runs()
    house.courier = house.begins()
    house.runs()
    assert [each.message_id for each in house.sent] == [one.notice_id] * 2
    assert house.sent[0] == house.sent[1], "with its number, so that people see it"


def test_what_may_have_left_goes_out_again_as_the_same_message_whatever_came_since(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = [notice(number) for number in range(1, 5)]
    house.decides(*first)
    with monkeypatch.context() as patched:

        def killed(attempts: Any) -> None:
            if attempts:
                raise KeyboardInterrupt

        patched.setattr(house.queue, "settle", killed)
        with pytest.raises(KeyboardInterrupt):
            house.runs()
    later = [notice(number) for number in range(5, 9)]
    house.decides(*later)
    house.courier = house.begins()
    house.runs()
    (before, again, new) = house.sent
    assert again == before, "a receiver that knows its number drops it"
    digest_of = {each.notice_id: each.digest_id for each in house.queue.find(NoticeFilter())}
    assert {digest_of[each.notice_id] for each in first} == {before.message_id}
    assert {digest_of[each.notice_id] for each in later} == {new.message_id}


@pytest.mark.parametrize(
    ("maybe_taken", "messages"),
    [
        pytest.param(True, 2, id="no-answer-the-same-message-again-then-the-others"),
        pytest.param(False, 1, id="not-even-connected-all-in-one"),
    ],
)
def test_a_message_without_an_answer_is_not_told_once_more_in_another(
    house: House, maybe_taken: bool, messages: int
) -> None:
    house.trouble = ReceiverAway("does not answer in time", maybe_taken=maybe_taken)
    first = [notice(number) for number in range(1, 4)]
    house.decides(*first)
    house.runs()
    house.decides(*[notice(number) for number in range(4, 8)])
    house.trouble = None
    house.passes(20)
    house.runs()
    assert len(house.sent) == messages
    known = {each.digest_id for each in house.queue.find(NoticeFilter())}
    assert known == {each.message_id for each in house.sent}


def test_who_acknowledges_in_between_changes_no_number(house: House) -> None:
    first = [notice(number) for number in range(1, 4)]
    house.decides(*first)
    house.trouble = ReceiverAway("does not answer in time", maybe_taken=True)
    house.runs()
    number = {each.digest_id for each in house.queue.find(NoticeFilter())}
    ended = Escalation(
        escalation_id=first[0].escalation_id,
        incident_id=first[0].incident_id,
        event_id=None,
        asset_id=first[0].asset_id,
        level=first[0].level,
        kind=first[0].kind,
        text="",
        began_at_us=house.now_us,
        ended_at_us=house.now_us,
        ended="acknowledged",
        ended_by="duty",
    )
    house.records.commit(Changes(escalations=[ended]), 9)
    house.trouble = None
    house.passes(20)
    house.runs()
    assert {each.message_id for each in house.sent} == number


def test_what_another_worker_sends_is_left_to_it(house: House) -> None:
    one = notice(1)
    house.decides(one)
    there = SqlNotices(house.engine, "there")
    there.lease({one.notice_id: [one.notice_id]}, house.now_us, house.now_us + MINUTE_US)
    assert house.runs() == []
    house.passes(61)
    assert len(house.runs()) == 1


def test_a_worker_that_may_not_send_sends_nothing(house: House) -> None:
    house.decides(notice(1))
    quiet = Courier(
        CHAT,
        house,
        house.queue,
        PLAN,
        key=lambda: b"k",
        counters=house.counters,
        may_send=lambda: False,
    )
    assert quiet.run_due() == 0


def test_after_two_minutes_the_person_s_next_channel_is_tried(house: House) -> None:
    house.trouble = ReceiverAway("gone")
    one, only = notice(1, person_id=YI), notice(2)
    house.decides(one, only)
    for _ in range(15):
        house.runs()
        house.passes(10)
    moved = house.queue.notice(one.notice_id)
    assert moved is not None
    assert (moved.channel, moved.state) == ("sms", NoticeState.QUEUED)
    assert house.queue.queued("chat", house.now_us) == [house.queue.notice(only.notice_id)]
    assert [each.what for each in house.queue.entries_of(one.notice_id)][-1] == "moved"


def test_with_no_network_at_all_level_1_is_left_for_a_call_by_the_dispatcher(house: House) -> None:
    """Also to who wrote down no telephone; once. The others wait for their channel."""
    house.trouble = ReceiverAway("no route to host")
    urgent, major = notice(1, level=URGENT), notice(2)
    house.decides(urgent, major)
    for _ in range(40):
        house.runs()
        house.passes(10)
    found = {each.notice_id: each for each in house.queue.find(NoticeFilter())}
    assert {each.state for each in found.values()} == {NoticeState.QUEUED}
    assert found[urgent.notice_id].channel == "phone"
    assert found[major.notice_id].channel == "chat"
    moves = [each.what for each in house.queue.entries_of(urgent.notice_id)]
    assert moves.count("moved") == 1


@pytest.mark.parametrize(
    ("channels", "after", "wanted"),
    [
        pytest.param(("chat", "sms"), "chat", None, id="another-one-follows"),
        pytest.param(("chat", "sms"), "sms", "phone", id="behind-the-last-the-telephone"),
        pytest.param(("phone", "chat"), "chat", None, id="he-is-called-already"),
        pytest.param(("phone",), "phone", None, id="behind-the-telephone-nothing"),
    ],
)
def test_the_telephone_is_the_last_resort(
    channels: tuple[str, ...], after: str, wanted: str | None
) -> None:
    contact = Contact(person_id=YI, channels=channels)
    chat = replace(CHAT, channel_id="chat")
    plan = replace(
        PLAN,
        contacts={YI: contact},
        channels={"chat": chat, "sms": replace(chat, channel_id="sms")},
    )
    assert plan.last_resort(YI, after) == wanted


def test_who_waits_for_his_hours_is_told_when_they_begin(house: House) -> None:
    later = house.now_us + 60 * SECOND_US
    house.decides(notice(1, not_before_us=later, next_try_us=later))
    assert house.runs() == []
    house.passes(60)
    assert len(house.runs()) == 1


def test_a_busy_robot_is_left_alone_for_as_long_as_it_asks(house: House) -> None:
    house.trouble = ReceiverAway("45009", 60.0)
    house.decides(notice(1))
    house.runs()
    house.trouble = None
    house.passes(30)
    assert house.runs() == []
    house.passes(31)
    assert len(house.runs()) == 1


def test_a_hanging_receiver_holds_up_no_other_channel(house: House) -> None:
    hangs, goes_on = threading.Event(), threading.Event()

    class Hanging:
        largest = 2_048

        def send(self, message: Message) -> None:
            hangs.set()
            goes_on.wait(30)

    plan = replace(PLAN, channels=PLAN.channels)
    stuck = Courier(
        CHAT,
        Hanging(),
        house.queue,
        plan,
        key=lambda: b"k",
        counters=house.counters,
        clock=lambda: house.now_us,
    )
    sms = Courier(
        PLAN.channels["sms"],
        house,
        house.queue,
        plan,
        key=lambda: b"k",
        counters=house.counters,
        clock=lambda: house.now_us,
    )
    house.decides(notice(1), notice(2, channel="sms"))
    stuck.start()
    assert hangs.wait(10)
    sms.start()
    try:
        eventually(lambda: len(house.sent) == 1)
        assert stuck.alive
    finally:
        goes_on.set()
        stuck.stop()
        sms.stop()


def test_a_bug_in_a_sender_ends_no_thread(house: House) -> None:
    house.trouble = ZeroDivisionError()
    house.decides(notice(1))
    house.courier.start()
    try:
        eventually(lambda: house.counters.snapshot().get("courier_failed", 0) > 0)
        assert house.courier.alive
    finally:
        house.courier.stop()


# -- what stands in a message ------------------------------------------------------------------


def writer(channel: Channel, largest: int = 2_048, **facts: Any) -> Writer:
    return Writer(
        channel=channel,
        plan=replace(PLAN, **facts),
        key=b"k" * 32,
        largest=largest,
        language="zh-CN",
    )


SMS = PLAN.channels["sms"]
WHY = (Reason.of("on_leave", person="乙值正值"), Reason.of("in_command", person="甲值正值"))


def test_a_person_reads_why_him_and_how_to_acknowledge() -> None:
    one = notice(1, why=WHY)
    message = writer(SMS, console_url="https://gw.example.invalid/").alone(one)
    code = code_of(b"k" * 32, one.notice_id)
    lines = message.text.splitlines()
    assert lines[1] == "为什么是您: 乙值正值 请假, 顺延; 甲值正值 在生产指挥链上"
    assert lines[2] == f"通知号 {one.short_id}, 确认码 {code}"
    link = lines[3].removeprefix("确认: https://gw.example.invalid/n/")
    assert notice_of(b"k" * 32, link, at(NOON) / 1e6) == one.notice_id


def test_a_group_reads_neither_why_him_nor_anything_to_acknowledge_in_his_name() -> None:
    one = notice(1, why=WHY)
    message = writer(CHAT, console_url="https://gw.example.invalid").alone(one)
    assert "请假" not in message.text
    assert "/n/" not in message.text
    assert code_of(b"k" * 32, one.notice_id) not in message.text
    assert message.text.endswith(f"确认: https://gw.example.invalid/incident/{one.incident_id}")
    assert (message.name, message.mobile) == (one.person, "13900000302")


def test_a_group_reads_no_person_with_a_violation() -> None:
    one = notice(1, kind=Kind.VIOLATION, why=WHY, text="35kV柳塬变 解锁钥匙 无工作票取用")
    for message in (
        writer(CHAT).alone(one),
        *(message for _, message in writer(CHAT).together([one] * 3)),
    ):
        assert (message.name, message.mobile) == ("", "")
        assert one.person not in message.text
        assert "值" not in message.text
    assert writer(SMS).alone(one).mobile, "himself he reads it"


@pytest.mark.parametrize("largest", [300, 600, 2_048])
def test_every_text_fits_and_keeps_its_number(largest: int) -> None:
    long = notice(1, text="主变" * 2_000, action="先做" * 500, why=WHY)
    for channel in (SMS, CHAT):
        message = writer(channel, largest, console_url="https://gw.example.invalid").alone(long)
        assert len(message.text.encode()) <= largest - 64
        assert long.short_id in message.text
    many = [notice(n, level=level) for n in range(60) for level in (URGENT, MINOR)]
    for part, message in writer(CHAT, largest).together(many):
        assert len(message.text.encode()) <= largest - 64
        if part[0].level is URGENT:
            assert all(each.short_id in message.text for each in part)


def test_a_text_is_never_cut_through_a_character() -> None:
    for largest in range(20):
        assert len(cut("油温越上限", largest).encode()) <= max(largest, 3)
    assert cut("油温", 6) == "油温"
    assert fit("油温越上限" * 10, "号 1", 30).endswith("\n号 1")


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda token: "", id="empty"),
        pytest.param(lambda token: token[:-1], id="cut"),
        pytest.param(lambda token: "B" + token[1:], id="another-notice"),
        pytest.param(lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"), id="another"),
        pytest.param(lambda token: "油温" * 10, id="no-base64"),
        pytest.param(lambda token: token + "AAAA", id="longer"),
    ],
)
def test_a_link_that_is_not_ours_opens_nothing(spoil: Callable[[str], str]) -> None:
    token = token_of(b"k" * 32, UUID(int=5), 1_000)
    assert notice_of(b"k" * 32, token, 999) == UUID(int=5)
    with pytest.raises(BadToken) as bad:
        notice_of(b"k" * 32, spoil(token), 999)
    assert not bad.value.expired
    with pytest.raises(BadToken):
        notice_of(b"x" * 32, token, 999)


def test_a_link_expires() -> None:
    token = token_of(b"k" * 32, UUID(int=5), 1_000)
    with pytest.raises(BadToken) as bad:
        notice_of(b"k" * 32, token, 1_000)
    assert bad.value.expired


def test_codes_of_two_notices_differ() -> None:
    codes = {code_of(b"k" * 32, UUID(int=n)) for n in range(100)}
    assert len(codes) > 95
    assert all(len(code) == 6 and code.isdigit() for code in codes)
