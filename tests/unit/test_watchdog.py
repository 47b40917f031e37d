"""From signs of life to troubles: the watchdog with a clock in the test's hand."""

from collections.abc import Mapping
from typing import Any

import pytest

from service.settings import WatchdogSettings
from service.watchdog import FIRST_BEAT_S, LOOP_STARTS, WELL_AFTER_S, Trouble, Watchdog

SETTINGS = WatchdogSettings(silence_s=15, away_s=60, starting_s=120)


class Watch:
    """A watchdog over core; looks each second as the supervisor does."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.watchdog = Watchdog(SETTINGS, lambda: self.now)
        self.watchdog.started("core", beats=True)
        self.troubles: tuple[Trouble, ...] = ()
        self.killed: list[str] = []
        self.seq = 0

    def beat(self, *, decides: bool = True, **facts: Any) -> None:
        self.seq += decides
        says: Mapping[str, Any] = {
            "phase": "running",
            "decided_seq": self.seq,
            "ticks": True,
            "journal_share": 0.1,
            "not_ready": {},
            **facts,
        }
        self.watchdog.heard("core", says)

    def passes(self, seconds: int, *, beats: bool = True, **facts: Any) -> None:
        for _ in range(seconds):
            self.now += 1
            if beats:
                self.beat(**facts)
            verdict = self.watchdog.look()
            self.troubles = verdict.troubles
            for name in verdict.kill:
                self.killed.append(name)
                self.watchdog.ended(name, fault=True)
                self.watchdog.started(name, beats=True)

    @property
    def codes(self) -> list[str]:
        return [trouble.code for trouble in self.troubles]


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_a_core_that_turns_is_no_trouble(watch: Watch) -> None:
    watch.passes(300)
    assert (watch.codes, watch.killed) == ([], [])
    assert watch.watchdog.core_runs


def test_silence_kills_core_and_is_told_until_it_runs_again(watch: Watch) -> None:
    watch.passes(5)
    watch.passes(14, beats=False)
    assert (watch.codes, watch.killed) == ([], [])

    watch.passes(1, beats=False)
    assert (watch.codes, watch.killed) == (["core_silent"], ["core"])

    watch.passes(10, phase="starting")
    assert watch.codes == ["core_silent"]
    watch.passes(1)
    assert (watch.codes, watch.killed) == ([], ["core"])


def test_a_core_that_never_spoke_has_the_time_that_loading_takes(watch: Watch) -> None:
    watch.passes(int(FIRST_BEAT_S) - 1, beats=False)
    assert watch.killed == []
    watch.passes(1, beats=False)
    assert watch.killed == ["core"]


def test_a_thread_that_does_not_turn_is_killed_with_core(watch: Watch) -> None:
    watch.passes(5)
    watch.passes(1, not_ready={"thread:decider": "its step has lasted for 11 s"})
    assert (watch.troubles, watch.killed) == ((Trouble("core_stuck", "decider"),), ["core"])


@pytest.mark.parametrize(
    ("name", "trouble"),
    [
        ("journal", Trouble("journal_away")),
        ("records", Trouble("records_away")),
        ("source:liuyuan", Trouble("source_away", "liuyuan")),
    ],
)
def test_a_neighbour_that_is_away_is_told_after_its_time_and_kills_nothing(
    watch: Watch, name: str, trouble: Trouble
) -> None:
    watch.passes(60, not_ready={name: "away"})
    assert watch.codes == []
    watch.passes(120, not_ready={name: "away"})
    assert (watch.troubles, watch.killed) == ((trouble,), [])
    watch.passes(1)
    assert watch.codes == []


def test_a_neighbour_that_comes_and_goes_is_away_anew_each_time(watch: Watch) -> None:
    for _ in range(3):
        watch.passes(50, not_ready={"records": "away"})
        watch.passes(1)
    assert watch.codes == []


def test_a_core_that_beats_and_decides_nothing_is_told(watch: Watch) -> None:
    watch.passes(5)
    watch.passes(29, decides=False)
    assert watch.codes == []
    watch.passes(2, decides=False)
    assert (watch.codes, watch.killed) == (["core_no_progress"], [])


def test_standing_still_while_the_journal_is_away_has_its_own_name(watch: Watch) -> None:
    watch.passes(61, decides=False, not_ready={"journal": "full"})
    assert watch.codes == ["journal_away"]


def test_a_replay_without_ticks_may_stand_still(watch: Watch) -> None:
    watch.passes(200, decides=False, ticks=False)
    assert watch.codes == []


def test_a_nearly_full_journal_is_told_in_steps_of_ten_percent(watch: Watch) -> None:
    watch.passes(1, journal_share=0.79)
    assert watch.codes == []
    watch.passes(1, journal_share=0.84)
    first = watch.troubles
    watch.passes(1, journal_share=0.86)
    assert first == (Trouble("journal_full", "80%"),)
    assert watch.troubles == first


def test_a_long_recovery_and_an_absent_core_are_told(watch: Watch) -> None:
    watch.passes(119, phase="starting")
    assert watch.codes == []
    watch.passes(1, phase="starting")
    assert watch.codes == ["core_starting"]

    watch.watchdog.ended("core", fault=True)
    watch.passes(15, beats=False)
    assert watch.codes == ["core_down"]
    assert not watch.watchdog.core_runs


def test_a_process_that_fails_again_and_again_is_told_until_it_stays(watch: Watch) -> None:
    watch.passes(1)
    watch.watchdog.started("web", beats=False)
    for _ in range(LOOP_STARTS):
        watch.passes(2)
        watch.watchdog.ended("web", fault=True)
        watch.watchdog.started("web", beats=False)
    watch.passes(1)
    assert watch.troubles == (Trouble("restarts", "web"),)
    watch.passes(int(WELL_AFTER_S))
    assert watch.codes == []


def test_ordered_restarts_are_no_loop(watch: Watch) -> None:
    for _ in range(5):
        watch.passes(2)
        watch.watchdog.ended("core", fault=False)
        watch.watchdog.started("core", beats=True)
    watch.passes(1)
    assert watch.codes == []


def test_who_slept_himself_accuses_nobody(watch: Watch) -> None:
    watch.passes(5)
    watch.now += 3_600  # the machine was suspended
    watch.passes(1, beats=False)
    assert (watch.codes, watch.killed) == ([], [])
    watch.passes(15, beats=False)
    assert watch.killed == ["core"]


@pytest.mark.parametrize("language", ["zh-CN", "en", "fr"])
def test_every_trouble_has_a_sentence(language: str) -> None:
    said = Trouble("source_away", "liuyuan").text(language)
    assert "liuyuan" in said
    assert ("数据源" in said) == (language == "zh-CN")
