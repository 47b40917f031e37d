"""Every rule of DOMAIN D3, E4 and E5 names its tests; those that are named are there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
TABLES = ("test_roster_patterns", "test_fault_location", "test_escalation")


def written() -> Iterator[str]:
    for folder in ("unit", "contract", "integration"):
        for module in (TESTS / folder).glob("test_*.py"):
            yield from re.findall(r"^def (test_\w+)", module.read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("module", TABLES)
def test_each_test_that_a_rule_names_is_there(module: str) -> None:
    docstring = (TESTS / "unit" / f"{module}.py").read_text("utf-8").split('"""')[1]
    named = set(re.findall(r"test_\w+", docstring)) - {"test_rule_tables"}
    assert len(named) > 5
    assert named - set(written()) == set()
