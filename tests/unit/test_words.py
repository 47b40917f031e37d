"""Every word of the console and of every reason is there in both languages, and every word used exists."""

import re
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

from domain import log_words, reasons
from domain.access import ALLOWED
from domain.reasons import reason_text
from domain.requests import Request
from domain.responsibility import Reason
from web.shell import NAVIGATION
from web.words import WORDS, say

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "web").rglob("*.py"))
_LITERAL = re.compile(r"""say\(\s*"([a-z_]+\.[a-zA-Z0-9_]+)\"""")


def facts_in(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("key", sorted(WORDS))
def test_a_word_has_both_languages_with_the_same_facts(key: str) -> None:
    chinese, english = WORDS[key]
    assert chinese.strip()
    assert english.strip()
    assert facts_in(chinese) == facts_in(english)


def test_every_word_that_a_page_says_exists() -> None:
    used = {key for page in PAGES for key in _LITERAL.findall(page.read_text("utf-8"))}
    assert len(used) > 100
    assert used - WORDS.keys() == set()


def test_every_place_of_the_navigation_and_its_section_has_a_name() -> None:
    named = {f"common.section_{section}" for section in NAVIGATION}
    named |= {f"common.{name}" for places in NAVIGATION.values() for _, name, _ in places}
    assert named - WORDS.keys() == set()


def test_the_audit_has_a_word_for_everything_that_can_be_asked() -> None:
    assert {f"audit.{each.__name__}" for each in get_args(Request)} - WORDS.keys() == set()
    assert set(ALLOWED) == set(get_args(Request))


def test_facts_are_filled_in() -> None:
    assert say("common.unacknowledged", "en", count=3) == "3 unacknowledged"
    assert say("common.unacknowledged", count=3) == "未确认 3"


@pytest.mark.parametrize("code", sorted(log_words._WORDS))
def test_a_line_of_the_log_has_both_languages_with_the_same_facts(code: str) -> None:
    words = log_words._WORDS[code]
    assert facts_in(words["zh-CN"]) == facts_in(words["en"])


@pytest.mark.parametrize("code", sorted(reasons._WORDS))
def test_a_reason_has_both_languages_with_the_same_facts(code: str) -> None:
    words = reasons._WORDS[code]
    assert facts_in(words["zh-CN"]) == facts_in(words["en"])


def test_a_reason_of_another_release_is_still_shown() -> None:
    assert reason_text(Reason.of("from_the_future", who="甲")) == "from_the_future 甲"


def test_every_refusal_and_proposal_has_its_words() -> None:
    rooms = [
        ROOT / "linkage" / name
        for name in (
            *("desk.py", "alarm_desk.py", "limit_desk.py", "credit.py", "responsibility.py"),
            *("correlate.py", "grouping.py", "device_desk.py", "explain.py", "plan.py"),
            *("handover_desk.py", "log_desk.py", "arrangement_desk.py"),
            *(f"outages/{each.name}" for each in (ROOT / "linkage" / "outages").glob("*.py")),
        )
    ]
    used = {
        code
        for room in rooms
        for code in re.findall(r'Reason\.of\(\s*"([a-z_]+)"', room.read_text("utf-8"))
    }
    assert len(used) > 30
    assert used - reasons._WORDS.keys() - log_words._WORDS.keys() == set()
