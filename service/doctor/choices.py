"""Settings that are allowed one by one and do not go together."""

from collections.abc import Iterator
from typing import Final

from service.doctor.finding import Finding, good, mend, note, warn
from service.settings import KafkaSettings, Settings
from service.stores import can_be_shared

_SUBJECT: Final = "settings"
_OURS_ALONE: Final = ("127.", "::1", "localhost")


def choice_findings(settings: Settings) -> Iterator[Finding]:
    """At least one; good where nothing is in the way of anything."""
    found = [
        *_kafka(settings.kafka),
        *_workers(settings),
        *_records(settings),
        *_listening(settings),
    ]
    yield from found or [good(_SUBJECT, "they go together")]


def _kafka(kafka: KafkaSettings) -> Iterator[Finding]:
    if not kafka.bootstrap:
        if kafka.topic or kafka.username or kafka.password:
            yield mend(
                _SUBJECT,
                "GRIDWARDEN_KAFKA__BOOTSTRAP is not set: the other settings of Kafka do nothing",
                "set it to host:port of the brokers, or unset the others",
            )
        return
    bad = [each for each in kafka.bootstrap.split(",") if not _is_address(each.strip())]
    if bad:
        yield mend(
            _SUBJECT,
            f"GRIDWARDEN_KAFKA__BOOTSTRAP: {bad[0]!r} is no address",
            "write host:port,host:port",
        )
    signs_in = kafka.security.startswith("sasl")
    if signs_in and not (kafka.username and kafka.password):
        yield mend(
            _SUBJECT,
            f"GRIDWARDEN_KAFKA__SECURITY={kafka.security} needs a user and a password",
            "set GRIDWARDEN_KAFKA__USERNAME and GRIDWARDEN_KAFKA__PASSWORD",
        )
    if not signs_in and (kafka.username or kafka.password):
        yield mend(
            _SUBJECT,
            f"with GRIDWARDEN_KAFKA__SECURITY={kafka.security} user and password are not sent",
            "set it to sasl_ssl, or unset them",
        )
    if kafka.security == "sasl_plaintext":
        yield warn(
            _SUBJECT,
            "the password of Kafka crosses the network readable",
            "set GRIDWARDEN_KAFKA__SECURITY=sasl_ssl where others share the network",
        )
    if kafka.ca_file and not kafka.security.endswith("ssl"):
        yield mend(
            _SUBJECT,
            f"GRIDWARDEN_KAFKA__CA_FILE does nothing with GRIDWARDEN_KAFKA__SECURITY={kafka.security}",
            "set it to ssl or sasl_ssl",
        )


def _workers(settings: Settings) -> Iterator[Finding]:
    if settings.kafka.bootstrap and not can_be_shared(settings):
        yield note(
            _SUBJECT,
            "records or telemetry lie on this machine: a second worker would be refused; for more than one,"
            " set GRIDWARDEN_RECORDS__URL and GRIDWARDEN_TELEMETRY__URL",
        )


def _records(settings: Settings) -> Iterator[Finding]:
    records = settings.records
    if not records.url and (records.password or records.password_file):
        yield mend(
            _SUBJECT,
            "GRIDWARDEN_RECORDS__URL is not set: a password for the records does nothing",
            "set it to postgresql://user@host:5432/database, or unset the password",
        )
    if records.password and records.password_file:
        yield warn(
            _SUBJECT,
            "GRIDWARDEN_RECORDS__PASSWORD stands above GRIDWARDEN_RECORDS__PASSWORD_FILE",
            "unset one of the two",
        )


def _is_address(written: str) -> bool:
    host, _, port = written.rpartition(":")
    return bool(host) and port.isdecimal() and 0 < int(port) < 65_536


def _listening(settings: Settings) -> Iterator[Finding]:
    for name, host in (("metrics", settings.metrics.host), ("console", settings.console.host)):
        if not host.startswith(_OURS_ALONE):
            yield note(
                _SUBJECT,
                f"{name} listens on {host} without TLS: a proxy or a firewall must stand before it",
            )
