"""What was, or would have been: recordings, back-tests, the daily report."""

import sys
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
    SiteOption,
    broker_address,
    chosen_settings,
    effective_site,
    json_line,
    moment,
    progress_bar,
    quiet_logs,
    read_site,
    stop,
    told_in_one_sentence,
)

if TYPE_CHECKING:
    from service.replay import ReplayResult
    from service.site.model import Site

app = typer.Typer()


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

    settings = chosen_settings(language=language)
    quiet_logs()
    plan = ReplayPlan(
        recording=recording,
        site_folder=site,
        site=read_site(site),
        data=data,
        outputs=outputs,
        broker=broker_address(broker),
        language=settings.language,
    )
    try:
        with progress_bar(quiet=as_json) as on_progress:
            result = replay(plan, on_progress)
    except (MalformedRecording, ForeignFolder) as error:
        stop(f"cannot replay: {error}", BAD_INPUT, error)
    except ReplayFailed as error:
        stop(f"replay failed: {error}", FAILED, error)
    _print_replay(result, plan.site, as_json, settings.language)


@app.command("backtest")
def backtest_command(
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help='A change on paper: "LY/1T/top_oil_temp H value=80 on_delay=30s", or "... H off";'
            " may be repeated.",
        ),
    ] = None,
    site: Annotated[
        Path | None, typer.Option("--site", help="A changed site folder, to be tried.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="2026-11-24 00:00, site time; else a day ago.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", help="Excluded; now without it.")] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    language: LanguageOption = None,
) -> None:
    """Try other limits on the stored history; without a change, today's. Nothing is enabled."""
    from domain.clock import system_clock
    from service.backtest import DAY_US, compare, that_differ, today
    from service.backtest_report import comparison_facts, comparison_lines, found_lines
    from service.paper_limits import BadSetting, CoreHistory, history_of, on_paper

    settings = chosen_settings(data=data, language=language)
    folder = None if site is None else read_site(site)
    with told_in_one_sentence("cannot back-test"):
        try:
            paper = on_paper(settings.data, change or (), folder)
        except BadSetting as error:
            stop(f"cannot back-test: {error}", BAD_INPUT, error)
        to_us = moment(until, paper.site) if until else system_clock()
        from_us = moment(since, paper.site) if since else to_us - DAY_US
        if to_us <= from_us:
            stop("cannot back-test: --from must lie before --to", BAD_INPUT)
        history = history_of(settings)
        if isinstance(history, CoreHistory):
            history = history.knows(paper.before).knows(paper.after)
        is_today = not change and folder is None
        if not is_today and not that_differ(paper.before, paper.after):
            stop("cannot back-test: nothing is different: change a limit or a delay", BAD_INPUT)
        with progress_bar(quiet=as_json) as shown:

            def on_progress(share: float) -> None:
                shown(round(1000 * share), 1000)

            if is_today:
                trial = today(history, paper.before, from_us, to_us, on_progress)
                lines = found_lines(trial.alarms, paper.site, settings.language, as_json=as_json)
            else:
                result = compare(history, paper.before, paper.after, from_us, to_us, on_progress)
                lines = (
                    [json_line(dict(comparison_facts(result, paper.site)))]
                    if as_json
                    else comparison_lines(result, paper.site, settings.language)
                )
    for line in lines:
        typer.echo(line)


@app.command("report")
def report_command(
    day: Annotated[
        str | None, typer.Option("--day", help="2026-11-24, site time; yesterday without it.")
    ] = None,
    station: Annotated[
        str | None, typer.Option("--station", help="Of one station; the whole site without it.")
    ] = None,
    excel: Annotated[
        Path | None, typer.Option("--excel", help="Write it into this .xlsx file instead.")
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    language: LanguageOption = None,
) -> None:
    """Tell what a day brought: the daily report, each number with its query (--json)."""
    from domain.clock import system_clock
    from service.beginning import stored_records
    from service.daily_report import (
        NoReport,
        daily_report,
        day_of,
        report_facts,
        report_lines,
        report_sheet,
    )
    from service.excel import write_sheet

    settings = chosen_settings(data=data, language=language)
    known = effective_site(settings)
    with told_in_one_sentence("cannot report"):
        try:
            chosen = day_of(day, known, system_clock())
            engine = stored_records(settings.data).engine
            report = daily_report(engine, known, chosen, station)
        except NoReport as error:
            stop(str(error), BAD_INPUT, error)
        if excel is not None:
            headings, rows = report_sheet(report, known, settings.language)
            excel.write_bytes(write_sheet(chosen.isoformat(), headings, rows))
            typer.echo(f"written to {excel}")
        elif as_json:
            typer.echo(json_line(dict(report_facts(report, known, settings.language))))
        else:
            for line in report_lines(report, known, settings.language):
                typer.echo(line)


def _print_replay(result: "ReplayResult", site: "Site", as_json: bool, language: str) -> None:
    from service.replay import alarm_facts

    if as_json:
        for event in result.alarms:
            typer.echo(json_line(alarm_facts(event, site.zone)))
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
