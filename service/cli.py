"""The command line: parse, call one function, print, exit code. Rooms are imported when needed.

Exit codes: 0 done, 1 it failed, 2 the input was wrong.
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from service.doctor import Finding
    from service.replay import OnProgress, ReplayResult
    from service.settings import Settings
    from service.site.model import Site

app = typer.Typer(
    name="gridwarden",
    help="Watches a power system, sounds the field device, tells the person who answers for it.",
    no_args_is_help=True,
    rich_markup_mode=None,  # rich would cost half of the time in which help must be there
    add_completion=False,
    pretty_exceptions_enable=False,
)

SiteOption = Annotated[Path, typer.Option("--site", help="The site folder.")]
DataOption = Annotated[Path | None, typer.Option("--data", help="Where everything is kept.")]
LanguageOption = Annotated[str | None, typer.Option("--language", help="zh-CN or en.")]
JsonOption = Annotated[bool, typer.Option("--json", help="For a program: JSON lines.")]
SecondsOption = Annotated[float | None, typer.Option("--seconds", min=0, help="End after so long.")]
BrokerOption = Annotated[
    str | None, typer.Option("--broker", help="HOST:PORT of a broker instead of the usual one.")
]
FAILED, BAD_INPUT = 1, 2


@app.command("demo")
def demo_command(seconds: SecondsOption = None, language: LanguageOption = None) -> None:
    """Show it on this machine: a broker, a simulated field, and the alarms as they happen."""
    from domain.ports import StorageUnavailable
    from service.broker import BrokerNotStarted
    from service.demo import NoExample, demo

    settings = _settings(language=language)
    _quiet_logs()
    try:
        code = demo(typer.echo, seconds=seconds, language=settings.language)
    except (NoExample, BrokerNotStarted, StorageUnavailable) as error:
        _stop(f"cannot start the demo: {error}", FAILED, error)
    raise typer.Exit(code)


@app.command("run")
def run_command(
    site: SiteOption,
    data: DataOption = None,
    broker: BrokerOption = None,
    language: LanguageOption = None,
    seconds: SecondsOption = None,
) -> None:
    """Watch a site until Ctrl-C."""
    from domain.ports import StorageUnavailable
    from service.local_socket import AlreadyServed
    from service.logs import configure_logs
    from service.processes import CoreOptions
    from service.running import prepare, run

    settings = _settings(data=data, language=language)
    configure_logs(settings.log, "supervisor")
    address = _address(broker)
    checked = _site(site)
    try:
        compiled = prepare(checked.at_broker(*address) if address else checked, settings.data)
    except AlreadyServed as error:
        _stop(f"cannot run: {error}", BAD_INPUT, error)
    except StorageUnavailable as error:
        _stop(f"cannot run: {error}", FAILED, error)
    options = CoreOptions(compiled=compiled, data=settings.data, language=settings.language)
    # core says itself, on our stderr, why it could not start
    raise typer.Exit(run([options.spec()], settings.data, typer.echo, seconds))


@app.command("check")
def check_command(
    site: Annotated[Path, typer.Argument(help="The site folder.")], as_json: JsonOption = False
) -> None:
    """Tell every mistake in a site folder, with file and line."""
    from dataclasses import asdict

    from service.site.load import check

    problems = check(site)
    for problem in problems:
        typer.echo(_json_line(asdict(problem)) if as_json else str(problem))
    if not as_json:
        typer.echo(f"{len(problems)} to mend in {site}" if problems else f"{site} is in order")
    raise typer.Exit(BAD_INPUT if problems else 0)


@app.command("replay")
def replay_command(
    recording: Annotated[Path, typer.Argument(help="A CSV file with a header line.")],
    site: SiteOption,
    data: Annotated[Path, typer.Option("--data", help="A folder of its own: new or empty.")],
    outputs: Annotated[
        bool, typer.Option("--outputs", help="Command the field devices too.")
    ] = False,
    broker: BrokerOption = None,
    as_json: JsonOption = False,
    language: LanguageOption = None,
) -> None:
    """Run a recording through the whole path and show the alarms it would have raised."""
    from service.recordings import MalformedRecording
    from service.replay import ForeignFolder, ReplayFailed, ReplayPlan, replay

    settings = _settings(language=language)
    _quiet_logs()
    plan = ReplayPlan(
        recording=recording,
        site_folder=site,
        site=_site(site),
        data=data,
        outputs=outputs,
        broker=_address(broker),
        language=settings.language,
    )
    try:
        with _progress(quiet=as_json) as on_progress:
            result = replay(plan, on_progress)
    except (MalformedRecording, ForeignFolder) as error:
        _stop(f"cannot replay: {error}", BAD_INPUT, error)
    except ReplayFailed as error:
        _stop(f"replay failed: {error}", FAILED, error)
    _print_replay(result, plan.site, as_json, settings.language)


@app.command("doctor")
def doctor_command(site: SiteOption, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Look for what would stop it from working here, and say the cure."""
    from dataclasses import asdict

    from service.doctor import Verdict, examine

    settings = _settings(data=data)
    _quiet_logs()
    findings = examine(site, settings)
    for finding in findings:
        typer.echo(_json_line(asdict(finding)) if as_json else _finding_text(finding))
    raise typer.Exit(FAILED if any(finding.verdict is Verdict.MEND for finding in findings) else 0)


def main() -> None:
    app()


def _settings(**chosen: object) -> "Settings":
    from service.settings import BadSettings, load_settings

    try:
        return load_settings(**chosen)
    except BadSettings as error:
        _stop(str(error), BAD_INPUT, error)


def _quiet_logs() -> None:
    """What a person watches is not mixed with our own lines, unless something is wrong."""
    from service.logs import configure_logs
    from service.settings import LogSettings

    configure_logs(LogSettings(format="text", level="warning"), "gridwarden")


def _site(folder: Path) -> "Site":
    from service.site.load import BrokenSite, load

    try:
        return load(folder)
    except BrokenSite as error:
        for problem in error.problems:
            typer.echo(str(problem), err=True)
        _stop(f"cannot use the site {folder}: mend the mistakes above", BAD_INPUT, error)


def _address(written: str | None) -> tuple[str, int] | None:
    if written is None:
        return None
    host, _, port = written.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        _stop(f"{written!r} is no broker: write HOST:PORT, as in 127.0.0.1:1883", BAD_INPUT)
    return host, int(port)


def _stop(message: str, code: int, cause: Exception | None = None) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code) from cause


def _json_line(facts: dict[str, Any]) -> str:
    return json.dumps(facts, ensure_ascii=False)


def _finding_text(finding: "Finding") -> str:
    sign = {"good": "✓", "note": "·", "mend": "✗"}[finding.verdict.value]
    text = f"{sign} {finding.subject}: {finding.says}"
    return f"{text}\n    → {finding.cure}" if finding.cure else text


def _progress(quiet: bool) -> "AbstractContextManager[OnProgress]":
    from collections.abc import Iterator
    from contextlib import contextmanager

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

    @contextmanager
    def shown() -> "Iterator[OnProgress]":
        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        # on stderr, so that what is printed in the end can be piped
        with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
            task = progress.add_task("replay", total=None)
            yield lambda done, total: progress.update(task, completed=done, total=total)

    return shown()


def _print_replay(result: "ReplayResult", site: "Site", as_json: bool, language: str) -> None:
    from service.replay import alarm_facts

    if as_json:
        for event in result.alarms:
            typer.echo(_json_line(alarm_facts(event, site.zone)))
    else:
        _print_alarms(result, site, language)
    left_out = ", ".join(f"{reason} {count}" for reason, count in result.left_out.items())
    typer.echo(
        f"{result.rows} rows, {result.readings} readings in {result.seconds:.1f} s:"
        f" {len(result.alarms)} alarms; left out: {left_out or 'nothing'}",
        err=as_json,
    )


def _print_alarms(result: "ReplayResult", site: "Site", language: str) -> None:
    from rich.console import Console
    from rich.table import Column, Table

    from domain.clock import to_datetime
    from domain.wording import condition_word, priority_word, quantity

    def written(moment_us: int) -> str:
        return f"{to_datetime(moment_us).astimezone(site.zone):%Y-%m-%d %H:%M:%S}"

    # whole lines for a file or a pipe, where nobody can widen the window
    console = Console() if sys.stdout.isatty() else Console(width=160)
    table = Table(Column("start", no_wrap=True), Column("end", no_wrap=True))
    for heading in ("device", "signal", "condition", "value", "limit", "priority"):
        table.add_column(heading)
    for event in result.alarms:
        raised, cleared = event.raised, event.cleared
        asset = site.assets.get(raised.asset_id)
        table.add_row(
            written(raised.started_at_us),
            written(cleared.ended_at_us) if cleared else "—",
            asset.name if asset else raised.asset_id,
            raised.signal,
            condition_word(raised.condition, language),
            quantity(raised.value, raised.unit, language),
            quantity(raised.limit, raised.unit, language),
            priority_word(raised.priority, language),
        )
    console.print(table)


if __name__ == "__main__":
    main()
