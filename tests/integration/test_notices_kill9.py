"""kill -9 of core while it tells people, by a receiver that is away meanwhile: nothing is lost, only what was
on its way comes twice, and the order of each person is kept."""

import os
import re
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from domain.assets import Priority
from domain.notices import Notice, NoticeState
from service.broker import LocalBroker
from service.site.load import load
from storage.engines import sqlite_engine
from storage.notices import NoticeFilter, SqlNotices
from tests.support.chat_receiver import KEY, Receiver, receiving
from tests.support.command import Run, running, wait_until
from tests.support.publishing import Gateway
from tests.support.telling import EXAMPLE

pytestmark = pytest.mark.mosquitto

VARIABLE = "GRIDWARDEN_SECRET_TEST_ROBOT"
KILLS = 3
FIRST = [f"LY/{number}/quick_break" for number in (113, 114, 115)]
WHILE_AWAY = [f"LY/{number}/zero_seq" for number in (121, 122, 123)]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


@pytest.fixture
def site(tmp_path: Path, receiver: Receiver) -> Path:
    """The example, everybody by one robot at our receiver."""
    folder = Path(shutil.copytree(EXAMPLE, tmp_path / "site"))
    path = folder / "notices.yaml"
    before, _, _ = path.read_text("utf-8").partition("\nchannels:")
    robot = f'{{id: robot, kind: wecom, key_env: {VARIABLE}, url: "{receiver.url("wecom")}"}}'
    persons = load(EXAMPLE).organisation.persons
    contacts = "".join(f"  - {{person: {each.person_id}, channels: [robot]}}\n" for each in persons)
    path.write_text(f"{before}\nchannels:\n  - {robot}\ncontacts:\n{contacts}", "utf-8")
    return folder


def notices(data: Path) -> list[Notice]:
    engine = sqlite_engine(data / "records.db", busy_ms=2_000)
    try:
        return list(SqlNotices(engine).find(NoticeFilter(), limit=500))
    finally:
        engine.dispose()


def core_is_killed(run: Run) -> None:
    with suppress(ProcessLookupError):
        os.kill(run.core_pids[-1], signal.SIGKILL)


def trips(broker: LocalBroker, points: list[str]) -> None:
    with Gateway(broker.port, "changqing-like", "liuyuan") as gateway:
        for point in points:
            gateway.say({point: 1})
        wait_until(lambda: gateway.unacknowledged == 0)


def test_killed_again_and_again_while_it_tells_people(
    broker: LocalBroker, tmp_path: Path, site: Path, receiver: Receiver
) -> None:
    data = tmp_path / "data"
    with running(data, broker, site, {VARIABLE: KEY}) as run:
        kills = 0

        def kill(_: object) -> None:
            """It was taken, and core has no answer yet: it cannot know."""
            nonlocal kills
            if kills < KILLS:
                kills += 1
                core_is_killed(run)

        receiver.on_taken = kill
        trips(broker, FIRST)
        wait_until(lambda: kills == KILLS)
        receiver.down = True
        trips(broker, WHILE_AWAY)
        wait_until(lambda: len(notices(data)) >= len(FIRST) + len(WHILE_AWAY))
        core_is_killed(run)
        asked = receiver.asked
        wait_until(lambda: receiver.asked > asked)  # the next life tries it too
        receiver.down = False
        wait_until(lambda: all(each.state is NoticeState.SENT for each in notices(data)))
        assert run.end() == 0
    told = notices(data)
    assert {each.state for each in told} == {NoticeState.SENT}
    numbers = _numbers(receiver, told)
    # a digest names level 1 line by line, of the others a line for each device
    named = {each.short_id for each in told if each.short_id in numbers}
    unnamed = [each for each in told if each.short_id not in named]
    assert all(each.digest_id and each.level is not Priority.URGENT for each in unnamed)
    for feeder in (
        "113联合站线",
        "114注水站线",
        "115井区一线",
        "121井区二线",
        "122联合站备用线",
        "123井区三线",
    ):
        assert any(feeder in text for text in receiver.texts), f"{feeder} is not lost"
    texts = Counter(receiver.texts)
    assert sum(texts.values()) - len(texts) == KILLS, (
        "only what was on its way came again, as it was"
    )
    _expect_order(told, numbers)


def _numbers(receiver: Receiver, told: list[Notice]) -> list[str]:
    known = "|".join(re.escape(each.short_id) for each in told)
    return [number for text in receiver.texts for number in re.findall(known, text)]


def _expect_order(told: list[Notice], numbers: list[str]) -> None:
    """Of each person and level: what was decided earlier was told no later."""
    first = {number: place for place, number in reversed(list(enumerate(numbers)))}
    for person in {each.person_id for each in told}:
        for urgent in (True, False):
            his = [
                each
                for each in told
                if each.short_id in first
                and each.person_id == person
                and (each.level is Priority.URGENT) is urgent
            ]
            as_told = sorted(his, key=lambda each: first[each.short_id])
            decided = [each.created_at_us for each in as_told]
            assert decided == sorted(decided), person
