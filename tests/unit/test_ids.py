"""Identities are UUIDs of version 5, as anybody else would compute them from the same facts."""

import pickle
from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from domain.ids import DeviceId, command_id, event_id, incident_id, outbox_id, uuid_of

ROOT = UUID("5b0c7c3e-6f0a-5a53-9d3b-6a1d7c1f8e21")
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(words, words, words, st.integers(-(2**63), 2**63 - 1))
def test_every_id_is_a_version_5_uuid_of_its_facts(
    site: str, point: str, condition: str, started_at_us: int
) -> None:
    event = event_id(site, point, condition, started_at_us)
    facts = ["event", site, point, condition, str(started_at_us)]
    assert event == uuid5(ROOT, "\x1f".join(facts))
    assert event.version == 5
    assert incident_id(event) == uuid5(ROOT, f"incident\x1f{event}")
    command = command_id(event, DeviceId(point), "start")
    assert command == uuid5(ROOT, f"command\x1f{event}\x1f{point}\x1fstart")
    assert outbox_id(command, 2) == uuid5(ROOT, f"outbox\x1f{command}\x1f2")


@given(st.uuids())
def test_a_uuid_of_its_number_is_the_same_in_every_respect(known: UUID) -> None:
    made = uuid_of(known.int)
    assert (made, repr(made), hash(made), made.is_safe) == (
        known,
        repr(known),
        hash(known),
        known.is_safe,
    )
    assert pickle.loads(pickle.dumps(made)) == known


def test_an_event_has_the_id_that_it_always_had() -> None:
    """Another one would rename the past."""
    known = UUID("9bb45e72-0fb6-5e8f-8bcd-9a0ede584702")
    assert event_id("liuyuan", "35kV-liuyuan/1T/油温", "H", 1_790_000_000_000_000) == known
