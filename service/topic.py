"""The topic of an installation, as the settings have it: where it is, and how it is fit to be a journal."""

from domain.outbound import Outlet
from ingest.kafka import LARGEST_MESSAGE, KafkaConfig
from service.settings import KafkaSettings

_HOUR_MS = 3_600_000


def kafka_config(chosen: KafkaSettings, site: str, client: str) -> KafkaConfig:
    """For one client of ours, named `client` in the brokers' logs."""
    return KafkaConfig(
        bootstrap=chosen.bootstrap,
        topic=chosen.topic or f"gridwarden.{site}.telemetry",
        group=chosen.group or f"gridwarden-{site}",
        client_id=f"gridwarden-{client}",
        security=chosen.security,
        username=chosen.username,
        password=chosen.password.get_secret_value() if chosen.password else None,
        mechanism=chosen.mechanism,
        ca_file=chosen.ca_file,
        session_timeout_ms=chosen.session_timeout_ms,
    )


def topic_beside(telemetry: str, outlet: Outlet) -> str:
    """gridwarden.SITE.telemetry -> gridwarden.SITE.events"""
    return f"{telemetry.removesuffix('.telemetry')}.{outlet.value}"


def topic_settings(retention_hours: int) -> dict[str, str]:
    """Of a topic that is a journal: the broker's clock, no compaction, messages as large as ours may be."""
    return {
        "message.timestamp.type": "LogAppendTime",
        "cleanup.policy": "delete",
        "retention.ms": str(retention_hours * _HOUR_MS),
        "max.message.bytes": str(LARGEST_MESSAGE),
    }
