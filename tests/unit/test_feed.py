"""Live changes for the open pages: bursts are one refresh, a last look follows, and nobody waits for it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from web import feed as feed_module
from web.feed import Feed

PATIENCE_S = 10.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_AFTER_S", "_AT_MOST_EVERY_S", "_SELDOM_S", "_AGAIN_S"):
        monkeypatch.setattr(feed_module, name, 0.01)


def within(scene: Callable[[Feed], Awaitable[None]]) -> None:
    async def played() -> None:
        feed = Feed()
        feed.start(asyncio.get_running_loop())
        await asyncio.wait_for(scene(feed), PATIENCE_S)

    asyncio.run(played())


async def until(happened: Callable[[], bool]) -> None:
    while not happened():
        await asyncio.sleep(0.005)


def test_a_page_looks_once_more_after_the_last_change_and_then_rests() -> None:
    async def scene(feed: Feed) -> None:
        looks: list[str] = []
        feed.register({"alarm"}, lambda: looks.append("alarm"))
        feed.register({"notice"}, lambda: looks.append("notice"))
        for _ in range(50):
            feed.heard({"kind": "alarm"})
        await until(lambda: len(looks) == 2 and not feed._running)
        assert looks == ["alarm", "alarm"]

    within(scene)


def test_a_change_does_not_wait_for_the_last_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "_AGAIN_S", 10 * PATIENCE_S)

    async def scene(feed: Feed) -> None:
        looks: list[int] = []
        feed.register({"alarm"}, lambda: looks.append(1))
        feed.heard({"kind": "alarm"})
        await until(lambda: len(looks) == 1)
        feed.heard({"kind": "alarm"})
        await until(lambda: len(looks) == 2)

    within(scene)


def test_a_page_that_was_left_or_fails_does_not_stop_the_others() -> None:
    async def scene(feed: Feed) -> None:
        looks: list[str] = []

        def fails() -> None:
            looks.append("fails")
            raise RuntimeError("a page's mistake")

        feed.register({"alarm"}, fails)
        leave = feed.register({"alarm"}, lambda: looks.append("left"))
        feed.register({"alarm"}, lambda: looks.append("stays"))
        leave()
        feed.heard({"kind": "missed"})
        await until(lambda: looks.count("stays") == 2 and not feed._running)
        assert "left" not in looks

    within(scene)
