"""Settings: from the environment, refused where they cannot be."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from service.settings import BadSettings, load_settings, secret


def test_defaults_are_there_without_an_environment() -> None:
    settings = load_settings()

    assert settings.language == "zh-CN"
    assert settings.delivery.fail_open_ms == 200
    assert settings.journal.segment_bytes == 64 * 2**20


def test_a_variable_sets_a_key_of_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDWARDEN_DELIVERY__FAIL_OPEN_MS", "300")

    assert load_settings().delivery.fail_open_ms == 300


def test_the_command_line_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDWARDEN_DATA", "from-environment")

    assert load_settings(data=None).data == Path("from-environment")
    assert load_settings(data=Path("chosen")).data == Path("chosen")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        pytest.param("GRIDWARDEN_DELIVRY__FAIL_OPEN_MS", "300", id="unknown-group"),
        pytest.param("GRIDWARDEN_DELIVERY__FAIL_OPEN", "300", id="unknown-key"),
        pytest.param("GRIDWARDEN_DELIVERY__FAIL_OPEN_MS", "0", id="out-of-range"),
        pytest.param("GRIDWARDEN_JOURNAL__SHARE_MIB", "255", id="a-share-below-four-segments"),
        pytest.param("GRIDWARDEN_LANGUAGE", "fr", id="no-such-language"),
        pytest.param("GRIDWARDEN_LOG__FORMAT", "xml", id="no-such-format"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(BadSettings, match=variable):
        load_settings()


def test_segments_that_the_usual_share_cannot_hold_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GRIDWARDEN_JOURNAL__SEGMENT_MIB", "1025")

    with pytest.raises(BadSettings, match=r"GRIDWARDEN_JOURNAL__SHARE_MIB: .* give 4100 or more"):
        load_settings()


def test_a_share_of_four_segments_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDWARDEN_JOURNAL__SEGMENT_MIB", "2")
    monkeypatch.setenv("GRIDWARDEN_JOURNAL__SHARE_MIB", "8")

    assert load_settings().journal.share_bytes == 8 * 2**20


def test_secrets_and_switches_of_tests_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDWARDEN_SECRET_LIUYUAN", "x")
    monkeypatch.setenv("GRIDWARDEN_REQUIRE_SERVERS", "1")

    assert load_settings().language == "zh-CN"


def test_settings_do_not_change() -> None:
    settings = load_settings()

    with pytest.raises(ValidationError):
        settings.language = "en"


def test_a_secret_is_never_written_by_accident() -> None:
    password = secret("BROKER_PASSWORD", {"BROKER_PASSWORD": "hunter2"})

    assert "hunter2" not in f"{password} {password!r}"
    assert password.get_secret_value() == "hunter2"


def test_a_missing_secret_is_named() -> None:
    with pytest.raises(BadSettings, match="set the environment variable BROKER_PASSWORD"):
        secret("BROKER_PASSWORD", {})
