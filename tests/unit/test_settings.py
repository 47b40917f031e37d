"""Settings: from the environment, refused where they cannot be."""

import traceback
from pathlib import Path

import pytest
from pydantic import ValidationError

from domain.ports import StorageUnavailable
from service.records import forget_the_servers, records_engine, records_password
from service.settings import BadSettings, RecordsSettings, load_settings, secret
from storage.engines import file_of, reading


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
        pytest.param("GRIDWARDEN_TELEMETRY__KEEP_RAW_DAYS", "0", id="keeps-nothing"),
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


@pytest.mark.parametrize(
    ("url", "said"),
    [
        pytest.param("mysql://a@b/c", "write it as postgresql://user@host", id="another-database"),
        pytest.param("postgresql://a@b", "write it as", id="without-a-database"),
        pytest.param("postgresql://a@b:x/c", "write it as", id="no-port"),
        pytest.param("records", "write it as", id="no-address"),
        pytest.param("postgresql://a:s3cret@b/c", "must not hold the password", id="password"),
        pytest.param("postgresql://b/c?password=s3cret", "must not hold", id="password-behind"),
    ],
)
def test_an_address_of_records_that_cannot_be_is_refused_and_shows_no_password(
    monkeypatch: pytest.MonkeyPatch, url: str, said: str
) -> None:
    monkeypatch.setenv("GRIDWARDEN_RECORDS__URL", url)

    with pytest.raises(BadSettings, match=f"GRIDWARDEN_RECORDS__URL: .*{said}") as refused:
        load_settings()

    assert "s3cret" not in "".join(traceback.format_exception(refused.value))


def test_the_password_of_the_records_is_shown_nowhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("s3cret\n")
    monkeypatch.setenv("GRIDWARDEN_RECORDS__URL", "postgresql://gw@127.0.0.1:1/records")
    monkeypatch.setenv("GRIDWARDEN_RECORDS__PASSWORD_FILE", str(tmp_path / "password"))
    from_file = load_settings().records
    monkeypatch.setenv("GRIDWARDEN_RECORDS__PASSWORD", "s3cret")
    given = load_settings()

    assert [records_password(each) for each in (from_file, given.records)] == ["s3cret"] * 2
    assert "s3cret" not in repr(given) + given.model_dump_json()
    engine = records_engine(tmp_path, given.records)
    with pytest.raises(StorageUnavailable) as unavailable, reading(engine):
        pass
    engine.dispose()
    told = "".join(traceback.format_exception(unavailable.value))
    assert "records at 127.0.0.1:1" in told
    assert "s3cret" not in told + repr(engine)


def test_a_password_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    settings = RecordsSettings(url="postgresql://gw@h/records", password_file=tmp_path / "none")

    with pytest.raises(StorageUnavailable, match=r"RECORDS__PASSWORD_FILE: .*none cannot be read"):
        records_engine(tmp_path, settings)


def test_without_an_address_the_records_are_in_the_data_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert file_of(records_engine(tmp_path)) == tmp_path / "records.db"
    monkeypatch.setenv("GRIDWARDEN_RECORDS__URL", "postgresql://gw@h/records")
    assert file_of(records_engine(tmp_path)) is None
    monkeypatch.setenv("GRIDWARDEN_KAFKA__BOOTSTRAP", "kafka:9092")
    monkeypatch.setenv("GRIDWARDEN_TELEMETRY__URL", "http://influx:8086")
    forget_the_servers()
    assert not load_settings().kafka.bootstrap
    assert not load_settings().telemetry.url
    assert file_of(records_engine(tmp_path)) == tmp_path / "records.db"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param({"URL": "http://influx:8086"}, "org, bucket, token", id="only-an-address"),
        pytest.param(
            {"URL": "http://influx:8086", "ORG": "o", "BUCKET": "b"},
            "with url, token",
            id="no-token",
        ),
        pytest.param({"URL": "influx:8086"}, "write http://host:8086", id="no-scheme"),
        pytest.param(
            {"KEEP_RAW_DAYS": "100"}, "none may be above the next one", id="raw-longer-than-minutes"
        ),
    ],
)
def test_a_telemetry_store_is_described_whole_or_refused(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], says: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"GRIDWARDEN_TELEMETRY__{name}", value)

    with pytest.raises(BadSettings, match=says):
        load_settings()


def test_the_token_of_an_influxdb_stands_in_no_word(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"URL": "http://influx:8086/", "ORG": "o", "BUCKET": "b", "TOKEN": "s3cret"}
    for name, value in given.items():
        monkeypatch.setenv(f"GRIDWARDEN_TELEMETRY__{name}", value)

    settings = load_settings()

    assert "s3cret" not in repr(settings) + str(settings.telemetry)
    assert settings.telemetry.token is not None
    assert settings.telemetry.token.get_secret_value() == "s3cret"
