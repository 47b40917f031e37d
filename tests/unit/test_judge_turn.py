"""Of the judges beside several workers one has the turn."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from service.judge_process import JudgeProcess
from service.local_socket import SOCKET_NAME, LocalServer
from service.settings import JudgeSettings, Settings
from service.site.compiled import compile_into
from service.site.load import load
from service.site.model import Site
from tests.support.sites import limit, write_site

POINT = "N/1"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    folder = write_site(
        tmp_path / "site", port=1883, points=[POINT], limits=[limit(POINT, "H", 85)]
    )
    return load(folder)


@contextmanager
def core(data: Path, turns: Sequence[bool], looked: list[int]) -> Iterator[None]:
    """Says of each question whether it is our turn, the last answer again and again."""
    left = list(turns)

    def may_judge(_: Mapping[str, Any]) -> Mapping[str, object]:
        return {"turn": left.pop(0) if len(left) > 1 else left[0]}

    def latest(_: Mapping[str, Any]) -> Mapping[str, object]:
        looked.append(len(left))
        return {"points": {}}

    server = LocalServer(data / SOCKET_NAME, {"may_judge": may_judge, "latest": latest})
    server.start()
    try:
        yield
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("turns", "looks"),
    [
        pytest.param([False, False, True], 0, id="it-waits-and-begins-with-what-stands-by-then"),
        pytest.param([True, True, True, False], 3, id="it-lost-the-turn-and-waits-in-a-new-life"),
    ],
)
def test_a_judge_starts_again_when_the_turn_changes(
    site: Site, tmp_path: Path, turns: list[bool], looks: int
) -> None:
    settings = Settings(data=tmp_path, judge=JudgeSettings(every_s=0.01))
    looked: list[int] = []
    with core(tmp_path, turns, looked):
        judge = JudgeProcess(settings, site, compile_into(tmp_path, site), (), None)
        judge.run()
    assert judge.restart
    assert len(looked) == looks
