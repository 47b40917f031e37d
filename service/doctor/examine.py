"""Every check of the doctor, in the order in which a person would look."""

from collections.abc import Iterator
from pathlib import Path

from domain.ports import StorageUnavailable
from service.doctor.broker import broker_findings
from service.doctor.choices import choice_findings
from service.doctor.finding import Finding, good, mend
from service.doctor.influxdb import InfluxAt, influxdb_findings
from service.doctor.kafka import kafka_findings
from service.doctor.machine import (
    clock_findings,
    folder_findings,
    port_findings,
    python_finding,
    secrecy_findings,
)
from service.doctor.notices import notice_findings
from service.doctor.postgres import postgres_findings
from service.doctor.stores import (
    core_findings,
    duckdb_findings,
    journal_findings,
    sqlite_findings,
)
from service.records import records_engine
from service.settings import Settings
from service.site.load import BrokenSite, load
from service.site.model import Site
from service.topic import kafka_config


def examine(site_folder: Path, settings: Settings) -> list[Finding]:
    """Every finding; the ones that need a sound site only where it is sound."""
    return [*_of_the_machine(settings), *_of_the_site(site_folder, settings)]


def _of_the_machine(settings: Settings) -> Iterator[Finding]:
    yield python_finding()
    yield from folder_findings(settings)
    yield from clock_findings(settings.data)
    yield from port_findings(settings)
    yield from secrecy_findings(settings.data, password_file=settings.records.password_file)
    yield from choice_findings(settings)


def _of_the_site(site_folder: Path, settings: Settings) -> Iterator[Finding]:
    try:
        site = load(site_folder)
    except BrokenSite as error:
        yield mend(
            "site folder",
            str(error),
            f"mend the places that `gridwarden check {site_folder}` shows",
        )
        return
    yield good("site folder", f"{site.name}: {len(site.points)} points")
    yield from _of_the_stores(site, settings)
    for source in site.sources:
        yield from broker_findings(site, source)
    yield from notice_findings(site)


def _of_the_telemetry(settings: Settings) -> Iterator[Finding]:
    telemetry = settings.telemetry
    if not telemetry.url or telemetry.token is None:
        yield duckdb_findings(settings.data)
        return
    yield from influxdb_findings(
        InfluxAt(
            url=telemetry.url,
            org=telemetry.org,
            bucket=telemetry.bucket,
            token=telemetry.token.get_secret_value(),
            keep_days=telemetry.keep_raw_days,
            ca_file=telemetry.ca_file,
        )
    )


def _of_the_stores(site: Site, settings: Settings) -> Iterator[Finding]:
    if settings.records.url:
        yield from _of_postgres(settings)
    else:
        yield sqlite_findings(settings.data)
    yield journal_findings(settings.data)
    yield from _of_the_telemetry(settings)
    yield core_findings(settings.data)
    if settings.kafka.bootstrap:
        config = kafka_config(settings.kafka, site.code, "doctor")
        yield from kafka_findings(config, settings.kafka)


def _of_postgres(settings: Settings) -> Iterator[Finding]:
    try:
        engine = records_engine(settings.data, settings.records, role="doctor", once=True)
    except StorageUnavailable as error:
        yield mend("settings", str(error), "let this user read it, or name another")
        return
    yield from postgres_findings(engine)
    engine.dispose()
