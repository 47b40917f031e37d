"""Run it, or show it: the demo, the service, the bridge to Kafka, and how the service is."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.common import (
    BAD_INPUT,
    FAILED,
    BrokerOption,
    DataOption,
    JsonOption,
    LanguageOption,
    SecondsOption,
    SiteOption,
    broker_address,
    chosen_settings,
    effective_site,
    json_line,
    quiet_logs,
    read_site,
    stop,
)

if TYPE_CHECKING:
    from service.doctor.finding import Finding
    from service.settings import Settings

app = typer.Typer()


@app.command("demo")
def demo_command(
    seconds: SecondsOption = None,
    language: LanguageOption = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Do not open the console by itself.")
    ] = False,
) -> None:
    """Show it on this machine: a simulated plant, its alarms, and the console in the browser."""
    from domain.ports import StorageUnavailable
    from service.broker import BrokerNotStarted
    from service.demo import NoExample, demo, has_screen

    settings = chosen_settings(language=language)
    quiet_logs()
    try:
        code = demo(typer.echo, settings, seconds=seconds, show=has_screen() and not no_browser)
    except (NoExample, BrokerNotStarted, StorageUnavailable) as error:
        stop(f"cannot start the demo: {error}", FAILED, error)
    raise typer.Exit(code)


@app.command("run")
def run_command(
    site: Annotated[
        Path | None, typer.Option("--site", help="The site folder; needed at the first start only.")
    ] = None,
    data: DataOption = None,
    broker: BrokerOption = None,
    console: Annotated[
        str | None, typer.Option("--console", help="HOST:PORT of the console.")
    ] = None,
    no_console: Annotated[
        bool, typer.Option("--no-console", help="Without the console in the browser.")
    ] = False,
    language: LanguageOption = None,
    seconds: SecondsOption = None,
) -> None:
    """Watch a site until Ctrl-C, with the console in the browser."""
    from domain.ports import StorageUnavailable
    from service.beginning import NoSite, begin
    from service.installation import Installation
    from service.local_socket import AlreadyServed
    from service.logs import configure_logs
    from service.site.load import BrokenSite
    from service.site.versions import MalformedVersion, NotPackable

    settings = chosen_settings(data=data, language=language)
    configure_logs(settings.log, "supervisor")
    if site is not None:
        read_site(site)  # its mistakes are told one by one
    installation = Installation(
        settings=settings,
        broker=broker_address(broker),
        console=None if no_console else _console_address(console, settings),
    )
    try:
        beginning = begin(settings.data, site, at_broker=installation.at_broker)
    except (AlreadyServed, NoSite, NotPackable, BrokenSite) as error:
        stop(f"cannot run: {error}", BAD_INPUT, error)
    except (StorageUnavailable, MalformedVersion) as error:
        stop(f"cannot run: {error}", FAILED, error)
    # core says itself, on our stderr, why it could not start
    raise typer.Exit(installation.run(beginning, typer.echo, seconds))


@app.command("bridge")
def bridge_command(
    site: Annotated[
        Path | None,
        typer.Option("--site", help="The site folder; without it, the site that is effective."),
    ] = None,
    data: DataOption = None,
    broker: BrokerOption = None,
    name: Annotated[
        str, typer.Option("--name", help="One per bridge, always the same: its MQTT session.")
    ] = "1",
    share: Annotated[
        str | None,
        typer.Option("--share", help="Share the messages with the bridges of this name."),
    ] = None,
    topic: Annotated[
        list[str] | None, typer.Option("--topic", help="Only this one of the source's; repeatable.")
    ] = None,
    seconds: SecondsOption = None,
) -> None:
    """Move readings and device replies from MQTT to Kafka until Ctrl-C."""
    from ingest.kafka import KafkaUnusable
    from service.bridge import BridgeOptions, run_bridge
    from service.logs import configure_logs
    from service.recovery import Unwirable

    settings = chosen_settings(data=data)
    configure_logs(settings.log, "bridge")
    if not settings.kafka.bootstrap:
        stop(
            "cannot bridge: set GRIDWARDEN_KAFKA__BOOTSTRAP to the address of a Kafka broker",
            BAD_INPUT,
        )
    known = read_site(site) if site else effective_site(settings)
    if broker:
        known = known.at_broker(*broker_address(broker) or ("", 0))
    try:
        options = BridgeOptions(name=name, share=share, topics=tuple(topic or ()))
        code = run_bridge(settings, known, options, typer.echo, seconds)
    except (KafkaUnusable, Unwirable) as error:
        stop(f"cannot bridge: {error}", BAD_INPUT, error)
    raise typer.Exit(code)


@app.command("doctor")
def doctor_command(site: SiteOption, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Look for what would stop it from working here, and say the cure."""
    from dataclasses import asdict

    from service.doctor.examine import examine
    from service.doctor.finding import Verdict

    settings = chosen_settings(data=data)
    quiet_logs()
    findings = examine(site, settings)
    for finding in findings:
        typer.echo(json_line(asdict(finding)) if as_json else _finding_text(finding))
    raise typer.Exit(FAILED if any(finding.verdict is Verdict.MEND for finding in findings) else 0)


@app.command("health")
def health_command(
    live: Annotated[
        bool, typer.Option("--live", help="Only what another start of core would mend.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Ask the running service how it is; exit code 0 when all is well."""
    from dataclasses import asdict

    from service.health_check import NoHealth, ask_health
    from service.settings import BadSettings

    settings = chosen_settings()
    try:
        health = ask_health(settings.metrics, "live" if live else "ready")
    except BadSettings as error:
        stop(str(error), BAD_INPUT, error)
    except NoHealth as error:
        stop(str(error), FAILED, error)
    if as_json:
        typer.echo(json_line(asdict(health)))
    else:
        typer.echo("\n".join(health.failing()) or "well")
    raise typer.Exit(0 if health.ok else FAILED)


def _console_address(written: str | None, settings: "Settings") -> tuple[str, int]:
    if written is None:
        return settings.console.host, settings.console.port
    host, _, port = written.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        stop(f"{written!r} is no address: write HOST:PORT, as in 127.0.0.1:8080", BAD_INPUT)
    return host, int(port)


def _finding_text(finding: "Finding") -> str:
    sign = {"good": "✓", "note": "·", "warn": "!", "mend": "✗"}[finding.verdict.value]
    text = f"{sign} {finding.subject}: {finding.says}"
    return f"{text}\n    → {finding.cure}" if finding.cure else text
