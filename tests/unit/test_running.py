"""Lines of `run` and `demo`."""

import socket

import pytest

from service.demo import BEHAVIOURS, example_site
from service.installation import free_port
from service.running import line_of
from service.site.load import load


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"kind": "alarm_raised", "text": "10:00:03 35kV柳塬变 油温"}, "10:00:03 35kV柳塬变 油温"),
        ({"kind": "missed", "count": 7}, "… 7 lines left out: this console was too slow"),
        ({"kind": "new_kind", "device": "siren-1T"}, "new_kind device=siren-1T"),
    ],
)
def test_a_change_is_one_line(change: dict[str, object], line: str) -> None:
    assert line_of(change) == line


def test_the_demo_tells_the_behaviour_of_devices_that_the_example_has() -> None:
    site = load(example_site())

    assert BEHAVIOURS.keys() <= {device.device_id for device in site.devices}


def test_a_port_that_is_taken_gives_way_to_the_next_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        assert port < free_port("127.0.0.1", port) <= port + 20


def test_any_port_is_a_real_one() -> None:
    assert free_port("127.0.0.1", 0) > 0
