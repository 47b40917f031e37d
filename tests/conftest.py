"""Real servers for tests: found on this machine, started on a free port, ended with the test."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.broker import BrokerKind, LocalBroker, mosquitto_program


def _missing(what_to_do: str) -> None:
    """Skip; in CI, where servers are required, fail."""
    if os.environ.get("GRIDWARDEN_REQUIRE_SERVERS") == "1":
        pytest.fail(what_to_do)
    pytest.skip(what_to_do)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[LocalBroker]:
    """A running mosquitto that keeps its sessions in a folder of this test."""
    if mosquitto_program() is None:
        _missing("mosquitto: apt-get install mosquitto, or make servers")
    with LocalBroker(tmp_path / "mosquitto", kind=BrokerKind.MOSQUITTO) as running:
        yield running


@pytest.fixture
def iotcore_broker(tmp_path: Path) -> Iterator[LocalBroker]:
    """The broker of a machine without mosquitto: memory only, v5 and v3.1.1 on two ports."""
    with LocalBroker(tmp_path / "iotcore", kind=BrokerKind.IOTCORE) as running:
        yield running
