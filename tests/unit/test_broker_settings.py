"""The broker file that we ship and the broker that we start ourselves keep the same promises."""

from pathlib import Path

from service.broker import MOSQUITTO_SETTINGS

SHIPPED = Path(__file__).parents[2] / "docker" / "mosquitto" / "mosquitto.conf"


def settings_of(text: str) -> set[tuple[str, str]]:
    lines = [line.split("#")[0].split(maxsplit=1) for line in text.splitlines()]
    return {(line[0], line[1].strip()) for line in lines if len(line) == 2}


def test_the_shipped_file_has_every_setting_of_the_local_broker() -> None:
    assert (
        settings_of(MOSQUITTO_SETTINGS) - settings_of(SHIPPED.read_text(encoding="utf-8")) == set()
    )


def test_a_trial_by_hand_queues_as_much() -> None:
    by_hand = settings_of(SHIPPED.with_name("local.conf").read_text(encoding="utf-8"))
    queues = {
        setting for setting in settings_of(MOSQUITTO_SETTINGS) if setting[0].startswith("max_")
    }
    assert queues - by_hand == set()


def test_no_message_is_too_large_for_the_shipped_broker() -> None:
    names = {name for name, _ in settings_of(SHIPPED.read_text(encoding="utf-8"))}
    assert names.isdisjoint({"message_size_limit", "max_packet_size"})


def test_the_shipped_file_listens_on_loopback_until_someone_gives_it_a_password_file() -> None:
    settings = settings_of(SHIPPED.read_text(encoding="utf-8"))
    assert ("listener", "1883 127.0.0.1") in settings
