"""The next version of a frozen thing is what `dataclasses.replace` makes."""

from dataclasses import replace

import pytest

from domain.alarms import Alarm
from domain.frozen import changed
from tests.support.alarms import alarm


def test_the_same_as_replace() -> None:
    one = Alarm.of(alarm())
    assert changed(one, chattering=True, version=7) == replace(one, chattering=True, version=7)
    assert changed(one) == one


def test_a_field_that_it_lacks_is_refused() -> None:
    with pytest.raises(TypeError, match="colour"):
        changed(Alarm.of(alarm()), colour="red")
