"""The doctor before a real Kafka and a real PostgreSQL: sound ones, mistuned ones, and none at all."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from ingest.kafka import KafkaConfig
from service.doctor.finding import Finding, Verdict
from service.doctor.influxdb import InfluxAt, influxdb_findings
from service.doctor.kafka import kafka_findings
from service.doctor.postgres import postgres_findings
from service.settings import KafkaSettings
from service.topic import kafka_config, topic_settings
from storage.migrate import upgrade
from storage.postgres import Patience, postgres_engine
from tests.support.kafka import Kafka, KafkaServer
from tests.support.postgres import PASSWORD, PostgresServer
from tests.support.records_stores import PostgresAt
from tests.support.series_servers import Influx


def bad(findings: Iterable[Finding]) -> list[str]:
    found = [each for each in findings if each.verdict in {Verdict.WARN, Verdict.MEND}]
    assert [each for each in found if not each.cure] == []
    return [each.says for each in found]


def chosen(kafka: Kafka | str, topic: str, **more: str) -> tuple[KafkaConfig, KafkaSettings]:
    bootstrap = kafka if isinstance(kafka, str) else kafka.bootstrap
    settings = KafkaSettings.model_validate({"bootstrap": bootstrap, "topic": topic, **more})
    return kafka_config(settings, "test", "doctor"), settings


@pytest.mark.kafka
def test_a_topic_as_we_make_it_is_well_but_for_its_one_copy(kafka: Kafka) -> None:
    topic = kafka.new_topic(partitions=3, settings=topic_settings(7 * 24))
    findings = list(kafka_findings(*chosen(kafka, topic)))
    assert bad(findings) == [
        "one copy of each reading: the loss of a broker's disk loses what nobody has read"
    ]
    assert "took a message on all copies; its clock is ours" in [each.says for each in findings]
    assert [name for name in kafka.topics() if name.startswith(f"{topic}.doctor")] == []


@pytest.mark.kafka
def test_a_topic_that_somebody_made_in_passing_is_found_unfit(kafka: Kafka) -> None:
    topic = kafka.new_topic(
        settings={"retention.ms": "3600000", "cleanup.policy": "compact,delete"}
    )
    said = bad(kafka_findings(*chosen(kafka, topic)))
    for words in ("cleanup.policy=compact", "keeps 1.0 h", "is CreateTime", "max.message.bytes"):
        assert any(words in each for each in said), (words, said)


@pytest.mark.kafka
def test_a_topic_that_is_not_there_is_noted_and_not_made(kafka: Kafka) -> None:
    findings = list(kafka_findings(*chosen(kafka, "nobody-made-me-yet")))
    assert bad(findings) == []
    assert "nobody-made-me-yet" not in kafka.topics()


@pytest.mark.kafka
def test_a_kafka_that_asks_for_a_password_and_one_that_makes_topics(
    tmp_path: Path, needs_kafka: None
) -> None:
    with KafkaServer(
        tmp_path / "kafka",
        users={"warden": "right"},
        settings={"auto.create.topics.enable": "true"},
    ) as server:
        login = {"security": "sasl_plaintext", "username": "warden"}
        (refused,) = bad(kafka_findings(*chosen(server.bootstrap, "t", **login, password="wrong")))
        assert "answers and does not let us in (sasl_plaintext)" in refused
        (plain,) = bad(kafka_findings(*chosen(server.bootstrap, "t")))
        assert "does not let us in (plaintext)" in plain
        (makes,) = bad(kafka_findings(*chosen(server.bootstrap, "t", **login, password="right")))
        assert "a misspelt topic becomes a new one" in makes
        bootstrap = server.bootstrap
    (gone,) = bad(kafka_findings(*chosen(bootstrap, "t")))
    assert gone == f"nothing answers at {bootstrap}"


@pytest.mark.influx
def test_an_influxdb_and_what_may_be_wrong_with_it(influx: Influx) -> None:
    day_s = 86_400
    bucket = influx.new_bucket(retention_s=60 * day_s)

    def said(**other: str | int) -> list[str]:
        at = InfluxAt(
            url=influx.url, org=influx.org, bucket=bucket, token=influx.token, keep_days=31
        )
        return bad(influxdb_findings(replace(at, **other)))  # type: ignore[arg-type]

    assert said() == []
    (short,) = said(keep_days=93)
    assert "keeps 60 days, and 93 are wanted" in short
    (token,) = said(token="wrong")
    assert "does not know our token" in token
    (missing,) = said(bucket="nobody-made-me")
    assert "has no bucket nobody-made-me" in missing
    (org,) = said(org="elsewhere")
    assert "has no organisation elsewhere" in org


@pytest.mark.postgres
def test_a_database_of_this_version_is_well(empty_postgres: PostgresAt) -> None:
    engine = empty_postgres.engine()
    findings = list(postgres_findings(engine))
    assert "PostgreSQL has no tables yet, or those of an older version" in bad(findings)
    upgrade(engine)
    said = bad(postgres_findings(engine))
    engine.dispose()
    # our test server does without fsync, and the doctor sees it
    assert [each for each in said if "fsync is off" not in each] == []


@pytest.mark.postgres
def test_a_user_without_rights_and_a_password_that_is_wrong_are_told(
    own_postgres: PostgresServer,
) -> None:
    with psycopg.connect(own_postgres.url, password=PASSWORD, autocommit=True) as connection:
        connection.execute("create user poor password 'poor'")
        connection.execute("revoke create on schema public from public")
        connection.execute("create table theirs (a int)")
    url = own_postgres.url.replace("gridwarden@", "poor@")
    poor = postgres_engine(url, password="poor")
    said = bad(postgres_findings(poor))
    poor.dispose()
    assert "the user poor may make no tables" in said
    assert "1 tables belong to another user: they cannot be migrated" in said
    stranger = postgres_engine(url, password="wrong")
    (refused,) = bad(postgres_findings(stranger))
    stranger.dispose()
    assert "password authentication failed" in refused
    own_postgres.kill()
    gone = postgres_engine(own_postgres.url, password=PASSWORD, patience=Patience(connect_s=2))
    (silent,) = bad(postgres_findings(gone))
    gone.dispose()
    assert "cannot answer" in silent
