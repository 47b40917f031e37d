"""The next version of a frozen thing is what `dataclasses.replace` makes."""

from dataclasses import replace
from uuid import UUID

import pytest

from domain.alarms import Alarm
from domain.arrangements import Absence, Arrangement
from domain.frozen import changed
from domain.ids import PersonId
from tests.support.alarms import alarm


def test_the_same_as_replace() -> None:
    one = Alarm.of(alarm())
    assert changed(one, chattering=True, version=7) == replace(one, chattering=True, version=7)
    assert changed(one) == one


def test_a_field_that_it_lacks_is_refused() -> None:
    with pytest.raises(TypeError, match="colour"):
        changed(Alarm.of(alarm()), colour="red")


def test_what_looks_at_its_fields_is_refused() -> None:
    leave = Arrangement(
        arrangement_id=UUID(int=1),
        from_us=0,
        by="clerk",
        at_us=0,
        leave=Absence(person_id=PersonId("yw-j1")),
    )
    with pytest.raises(TypeError, match="use replace"):
        changed(leave, until_us=1)
