"""The command line: parse, call one function, print, exit code. Rooms are imported when needed.

Exit codes: 0 done, 1 it failed, 2 the input was wrong.
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from domain.arrangements import Arrangement
    from domain.handover import Watch
    from domain.ids import PersonId
    from domain.responsibility import Kind
    from service.core_client import Outcome
    from service.doctor.finding import Finding
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


class _Backup(TyperGroup):
    """`backup DIR` is `backup take DIR`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["take", *args]
        return super().parse_args(ctx, args)


ledger_app = typer.Typer(help="The sealed ledger of credit entries.", no_args_is_help=True)
app.add_typer(ledger_app, name="ledger")
backup_app = typer.Typer(
    cls=_Backup,
    help="Copy a running site: `backup DIR`; `backup verify DIR` reads one back.",
    no_args_is_help=True,
)
app.add_typer(backup_app, name="backup")
user_app = typer.Typer(help="Who may sign in to the console.", no_args_is_help=True)
app.add_typer(user_app, name="user")
telemetry_app = typer.Typer(help="The store of the history.", no_args_is_help=True)
app.add_typer(telemetry_app, name="telemetry")

letters_app = typer.Typer(
    help="Messages that could not be used: look at them, send them through again.",
    no_args_is_help=True,
)
app.add_typer(letters_app, name="dead-letters")

SiteOption = Annotated[Path, typer.Option("--site", help="The site folder.")]
DataOption = Annotated[Path | None, typer.Option("--data", help="Where everything is kept.")]
LanguageOption = Annotated[str | None, typer.Option("--language", help="zh-CN or en.")]
JsonOption = Annotated[bool, typer.Option("--json", help="For a program: JSON lines.")]
SecondsOption = Annotated[float | None, typer.Option("--seconds", min=0, help="End after so long.")]
BrokerOption = Annotated[
    str | None, typer.Option("--broker", help="HOST:PORT of a broker instead of the usual one.")
]
ReasonOption = Annotated[
    str | None, typer.Option("--reason", help="Only of this reason, as in unknown_point.")
]
PromptOption = Annotated[
    bool, typer.Option("--prompt", help="Ask for the password instead of making one.")
]
FAILED, BAD_INPUT = 1, 2


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

    settings = _settings(language=language)
    _quiet_logs()
    try:
        code = demo(typer.echo, settings, seconds=seconds, show=has_screen() and not no_browser)
    except (NoExample, BrokerNotStarted, StorageUnavailable) as error:
        _stop(f"cannot start the demo: {error}", FAILED, error)
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

    settings = _settings(data=data, language=language)
    configure_logs(settings.log, "supervisor")
    if site is not None:
        _site(site)  # its mistakes are told one by one
    installation = Installation(
        settings=settings,
        broker=_address(broker),
        console=None if no_console else _console_address(console, settings),
    )
    try:
        beginning = begin(settings.data, site, at_broker=installation.at_broker)
    except (AlreadyServed, NoSite, NotPackable, BrokenSite) as error:
        _stop(f"cannot run: {error}", BAD_INPUT, error)
    except (StorageUnavailable, MalformedVersion) as error:
        _stop(f"cannot run: {error}", FAILED, error)
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

    settings = _settings(data=data)
    configure_logs(settings.log, "bridge")
    if not settings.kafka.bootstrap:
        _stop(
            "cannot bridge: set GRIDWARDEN_KAFKA__BOOTSTRAP to the address of a Kafka broker",
            BAD_INPUT,
        )
    known = _site(site) if site else _effective_site(settings)
    if broker:
        known = known.at_broker(*_address(broker) or ("", 0))
    try:
        options = BridgeOptions(name=name, share=share, topics=tuple(topic or ()))
        code = run_bridge(settings, known, options, typer.echo, seconds)
    except (KafkaUnusable, Unwirable) as error:
        _stop(f"cannot bridge: {error}", BAD_INPUT, error)
    raise typer.Exit(code)


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

    settings = _settings(data=data, language=language)
    folder = None if site is None else _site(site)
    with _told_in_one_sentence("cannot back-test"):
        try:
            paper = on_paper(settings.data, change or (), folder)
        except BadSetting as error:
            _stop(f"cannot back-test: {error}", BAD_INPUT, error)
        to_us = _moment(until, paper.site) if until else system_clock()
        from_us = _moment(since, paper.site) if since else to_us - DAY_US
        if to_us <= from_us:
            _stop("cannot back-test: --from must lie before --to", BAD_INPUT)
        history = history_of(settings)
        if isinstance(history, CoreHistory):
            history = history.knows(paper.before).knows(paper.after)
        is_today = not change and folder is None
        if not is_today and not that_differ(paper.before, paper.after):
            _stop("cannot back-test: nothing is different: change a limit or a delay", BAD_INPUT)
        with _progress(quiet=as_json) as shown:

            def on_progress(share: float) -> None:
                shown(round(1000 * share), 1000)

            if is_today:
                trial = today(history, paper.before, from_us, to_us, on_progress)
                lines = found_lines(trial.alarms, paper.site, settings.language, as_json=as_json)
            else:
                result = compare(history, paper.before, paper.after, from_us, to_us, on_progress)
                lines = (
                    [_json_line(dict(comparison_facts(result, paper.site)))]
                    if as_json
                    else comparison_lines(result, paper.site, settings.language)
                )
    for line in lines:
        typer.echo(line)


@app.command("train-vision")
def train_vision_command(
    annotations: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    images: Annotated[Path, typer.Option("--images", exists=True, file_okay=False)],
    out: Annotated[
        Path, typer.Option("--out", help="The .onnx to write; its card stands beside it.")
    ],
    start: Annotated[
        Path | None, typer.Option("--start", help="A net to go on from; without it the one in use.")
    ] = None,
    epochs: Annotated[int, typer.Option("--epochs", min=1)] = 40,
    seed: Annotated[int, typer.Option("--seed")] = 1,
    rate: Annotated[float, typer.Option("--rate", min=1e-6, max=0.1)] = 5e-4,
    threads: Annotated[int, typer.Option("--threads", min=1)] = 2,
    device: Annotated[str, typer.Option("--device", help="cpu or cuda.")] = "cpu",
) -> None:
    """Train the net that recognises helmets and bare heads on a COCO-style folder."""
    from service.train_vision.dataset import UnusableDataset, read_dataset
    from service.vision.model import DEFAULT_MODEL, UnusableModel

    try:
        from service.train_vision.card import write_card
        from service.train_vision.graph import UnusableNet
        from service.train_vision.training import Schedule, train
    except ModuleNotFoundError as error:
        _stop(
            f"cannot train: {error.name} is missing; pip install 'gridwarden[train]'", FAILED, error
        )
    schedule = Schedule(epochs=epochs, rate=rate, seed=seed, threads=threads, device=device)
    start = start or DEFAULT_MODEL
    try:
        train(
            start,
            read_dataset(annotations, images),
            schedule,
            out,
            lambda told: typer.echo(str(told)),
        )
        about = {"epochs": epochs, "seed": seed, "rate": rate}
        card = write_card(out, start, annotations, images, about)
    except (UnusableDataset, UnusableNet, UnusableModel, OSError) as error:
        _stop(f"cannot train: {error}", BAD_INPUT, error)
    typer.echo(f"{out} with its card: {card.figures['trained_on_ap50']}")


@app.command("retrain")
def retrain_command(
    days: Annotated[int, typer.Option("--days", min=1, help="Of history to learn from.")] = 60,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Learn the judgement's models anew from history; a model is replaced only by a better one."""
    from dataclasses import asdict

    from service.local_socket import CoreUnreachable, RequestRefused
    from service.model_store import BrokenModel
    from service.retrain import retrain

    settings = _settings(data=data)
    _quiet_logs()

    def say(what: str, done: int, of: int) -> None:
        if what and not as_json:
            typer.echo(f"{done + 1}/{of} {what}", err=True)

    try:
        result = retrain(settings.data, _effective_site(settings), days, say)
    except (CoreUnreachable, RequestRefused, BrokenModel) as error:
        _stop(f"cannot retrain: {error}", FAILED, error)
    if as_json:
        typer.echo(_json_line(asdict(result)))
        return
    for each in result.compared:
        before = "none" if each.running_error is None else f"{each.running_error:.3g}"
        verdict = "replaced" if each.better else "kept"
        typer.echo(
            f"{each.asset_id} {each.kind}: new {each.new_error:.3g}, running {before}, {verdict}"
        )
    for line in result.skipped:
        typer.echo(f"skipped {line}")
    typer.echo(
        "nothing was better: the running models stay"
        if result.version is None
        else f"models {result.version} are kept; the judge takes them at its next start"
    )


@app.command("who")
def who_command(
    what: Annotated[str, typer.Argument(help="An id, a point, a number, a name or its initials.")],
    at: Annotated[
        str | None, typer.Option("--at", help="2026-11-24 03:00, site time; now without it.")
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option("--kind", help="fault, outage, earth_fault, violation, supervision."),
    ] = None,
    absent: Annotated[
        list[str] | None, typer.Option("--if-absent", help="Suppose that this person is away.")
    ] = None,
    site: Annotated[Path | None, typer.Option("--site", help="A site folder.")] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
    language: LanguageOption = None,
) -> None:
    """Tell who answers for a place at a time, and why."""
    from domain.clock import system_clock
    from service.who import (
        NothingFound,
        answer_facts,
        answer_lines,
        answer_of,
        find,
        responsibility_of,
    )

    settings = _settings(data=data, language=language)
    known = _site(site) if site else _effective_site(settings)
    at_us = _moment(at, known)
    asked = _kind(kind)
    # a folder is asked as it is written; the data folder with what people arranged and signed since
    watches, arranged = ([], []) if site else (_watches(settings), _arranged(settings))
    responsibility = responsibility_of(known, watches, system_clock(), arranged)
    if absent:
        responsibility = responsibility.supposing_absent(_persons(known, absent))
    try:
        subjects = find(known, what)
    except NothingFound as error:
        _stop(str(error), BAD_INPUT, error)
    for subject in subjects:
        answer = answer_of(responsibility, subject, at_us, asked)
        if as_json:
            typer.echo(_json_line(dict(answer_facts(subject, answer, settings.language))))
        else:
            for line in answer_lines(subject, answer, settings.language):
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

    settings = _settings(data=data, language=language)
    known = _effective_site(settings)
    with _told_in_one_sentence("cannot report"):
        try:
            chosen = day_of(day, known, system_clock())
            engine = stored_records(settings.data).engine
            report = daily_report(engine, known, chosen, station)
        except NoReport as error:
            _stop(str(error), BAD_INPUT, error)
        if excel is not None:
            headings, rows = report_sheet(report, known, settings.language)
            excel.write_bytes(write_sheet(chosen.isoformat(), headings, rows))
            typer.echo(f"written to {excel}")
        elif as_json:
            typer.echo(_json_line(dict(report_facts(report, known, settings.language))))
        else:
            for line in report_lines(report, known, settings.language):
                typer.echo(line)


@app.command("migrate")
def migrate_command(
    data: DataOption = None,
    down: Annotated[
        str | None, typer.Option("--down", help="Go back to this revision, or to `base`.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only show; 1 where something is to be done.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before going back.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring the tables of the records up to this release, or back to an older one."""
    from dataclasses import asdict

    from service.local_socket import AlreadyServed
    from service.migrating import expect_way_down, migrate_down, migrate_up, schema_of
    from storage.migrate import UnknownRevision

    settings = _settings(data=data)
    with _told_in_one_sentence("cannot migrate"):
        before = schema_of(settings)
        try:
            if down is not None:
                expect_way_down(settings, down)
                _confirm_way_down(before.current, down, yes)
            after = before
            if not check:
                after = migrate_up(settings) if down is None else migrate_down(settings, down)
        except (UnknownRevision, AlreadyServed) as error:
            _stop(f"cannot migrate: {error}", BAD_INPUT, error)
    if as_json:
        typer.echo(_json_line({"before": before.current, **asdict(after)}))
    else:
        typer.echo(
            f"the records are at {after.current or 'base'}, were at {before.current or 'base'};"
            f" this release has {after.target}"
        )
    raise typer.Exit(FAILED if check and not after.is_current else 0)


@backup_app.command("take", hidden=True)
def backup_command(
    folder: Annotated[Path, typer.Argument(help="Where to; a new or an empty folder.")],
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy records, journal, checkpoints and telemetry of one state, while it all runs."""
    from service.backup.taking import summary, take

    settings = _settings(data=data)
    with _told_in_one_sentence("cannot back up"):
        made = take(settings, folder, lambda line: typer.echo(f"· {line}", err=True))
    if as_json:
        typer.echo(_json_line(summary(made)))
    else:
        typer.echo(f"{len(made.files)} files, {made.bytes / 2**20:.1f} MiB are in {folder}")


@backup_app.command("verify")
def backup_verify_command(
    folder: Annotated[Path, typer.Argument(help="The folder of a backup.")],
    as_json: JsonOption = False,
) -> None:
    """Read a backup and compare every file with its digest."""
    from service.backup.taking import summary, verified

    with _told_in_one_sentence("do not rely on it"):
        made = verified(folder)
    if as_json:
        typer.echo(_json_line(summary(made)))
    else:
        typer.echo(f"{folder} is whole: {len(made.files)} files as they were written")


@app.command("restore")
def restore_command(
    backup: Annotated[Path, typer.Argument(help="The folder of a backup.")],
    data: Annotated[Path, typer.Option("--data", help="The data folder to make: new or empty.")],
) -> None:
    """Make a data folder from a backup; `gridwarden run --data` goes on from there."""
    from service.backup.restoring import restore

    settings = _settings(data=data)
    with _told_in_one_sentence("cannot restore"):
        made = restore(backup, data, settings, lambda line: typer.echo(f"· {line}", err=True))
    typer.echo(
        f"{data} is restored, with {made.records.rows['events']} events: start"
        f" `gridwarden run --data {data}`"
    )


@ledger_app.command("verify")
def ledger_verify_command(data: DataOption = None, as_json: JsonOption = False) -> None:
    """Walk the sealed chain of credit entries and tell every place where it does not hold."""
    from dataclasses import asdict

    from domain.ports import StorageUnavailable
    from service.ledger import verify

    settings = _settings(data=data)
    try:
        verdict = verify(settings.data)
    except StorageUnavailable as error:
        _stop(f"cannot verify: {error}", FAILED, error)
    if as_json:
        typer.echo(_json_line(asdict(verdict)))
    else:
        for place in verdict.broken:
            typer.echo(place)
        waiting = f", {verdict.unsealed} not sealed yet" if verdict.unsealed else ""
        state = "BROKEN" if verdict.broken else "whole"
        typer.echo(f"the ledger is {state}: {verdict.sealed} entries sealed{waiting}")
    raise typer.Exit(FAILED if verdict.broken else 0)


@ledger_app.command("head")
def ledger_head_command(data: DataOption = None, as_json: JsonOption = False) -> None:
    """Print the newest seal, to be kept elsewhere."""
    from dataclasses import asdict

    from domain.ports import StorageUnavailable
    from service.ledger import head

    settings = _settings(data=data)
    try:
        found = head(settings.data)
    except StorageUnavailable as error:
        _stop(f"cannot tell: {error}", FAILED, error)
    if as_json:
        typer.echo(_json_line(asdict(found) if found else {}))
    else:
        typer.echo(f"{found.number} {found.hash}" if found else "no entry is sealed yet")


@app.command("apply")
def apply_command(
    folder: Annotated[Path, typer.Argument(help="The site folder as it should become.")],
    by: Annotated[
        str | None, typer.Option("--by", help="Propose as this user, who is asked to sign in.")
    ] = None,
    data: DataOption = None,
    language: LanguageOption = None,
) -> None:
    """Show what a changed site folder would change, and propose it for a second person to approve."""
    from domain.access import LOCAL_OPERATOR
    from service.applying import compare
    from service.users import ask_core

    settings = _settings(data=data, language=language)
    _site(folder)  # its mistakes are told one by one
    with _told_in_one_sentence("cannot apply"):
        comparison = compare(settings.data, folder, settings.language)
        for line in comparison.proposal.summary:
            typer.echo(line)
        if comparison.changes_nothing:
            typer.echo(f"{folder} is the same as version {comparison.effective}: nothing to apply")
            raise typer.Exit
        actor = _signed_in(settings, by) if by else LOCAL_OPERATOR
        outcome = ask_core(settings.data, comparison.proposal, actor)
    _expect_done(outcome, settings)
    typer.echo("proposed; it becomes valid when a second person approves it in the console")


@app.command("export")
def export_command(
    folder: Annotated[Path, typer.Argument(help="Where to write; a new or an empty folder.")],
    force: Annotated[
        bool, typer.Option("--force", help="Replace the site files of a folder that holds some.")
    ] = False,
    data: DataOption = None,
) -> None:
    """Write the site that is effective as a folder, byte for byte as it was applied."""
    from service.beginning import effective_version
    from service.site.versions import write_folder

    settings = _settings(data=data)
    with _told_in_one_sentence("cannot export"):
        version = effective_version(settings.data)
        write_folder(version.files, folder, force=force)
    typer.echo(f"version {version.number} is in {folder}")


@user_app.command("list")
def user_list_command(data: DataOption = None, as_json: JsonOption = False) -> None:
    """Show who may sign in, with roles and stations."""
    from service.users import user_facts, users_of

    settings = _settings(data=data)
    with _told_in_one_sentence("cannot list the users"):
        users = users_of(settings.data)
    for user in users:
        facts = user_facts(user)
        typer.echo(_json_line(facts) if as_json else _user_text(facts))


@user_app.command("add")
def user_add_command(
    name: Annotated[str, typer.Argument(help="The name to sign in with.")],
    role: Annotated[
        list[str],
        typer.Option(
            "--role",
            help="administrator, dispatcher, duty, safety_manager, party_officer or viewer;"
            " may be given several times.",
        ),
    ],
    person: Annotated[str | None, typer.Option("--person", help="Id of the person.")] = None,
    station: Annotated[
        list[str] | None, typer.Option("--station", help="Only this station; may be repeated.")
    ] = None,
    prompt: PromptOption = False,
    data: DataOption = None,
) -> None:
    """Add a user; the password is printed once and must be changed at the first sign-in."""
    from service.beginning import effective_version
    from service.site.versions import site_of
    from service.users import ask_core, new_user, put

    settings = _settings(data=data)
    with _told_in_one_sentence("cannot add the user"):
        site = site_of(effective_version(settings.data))
        user = new_user(settings.data, site, name, role, person, station or ())
        password = _new_password(prompt)
        outcome = ask_core(settings.data, put(user, password))
    _expect_done(outcome, settings)
    _tell_password(f"user {name} is added", password, prompt)


@user_app.command("password")
def user_password_command(
    name: Annotated[str, typer.Argument(help="Whose password.")],
    prompt: PromptOption = False,
    data: DataOption = None,
) -> None:
    """Give a user a new password, which he must change at the next sign-in."""
    from service.users import ask_core, put, user_named

    settings = _settings(data=data)
    with _told_in_one_sentence("cannot change the password"):
        user = user_named(settings.data, name)
        password = _new_password(prompt)
        outcome = ask_core(settings.data, put(user, password))
    _expect_done(outcome, settings)
    _tell_password(f"user {name} has a new password", password, prompt)


@user_app.command("disable")
def user_disable_command(
    name: Annotated[str, typer.Argument(help="Who may not sign in any more.")],
    data: DataOption = None,
) -> None:
    """Let a user sign in no more; what he did stays under his name."""
    from service.users import ask_core, disabled, user_named

    settings = _settings(data=data)
    with _told_in_one_sentence("cannot disable the user"):
        outcome = ask_core(settings.data, disabled(user_named(settings.data, name)))
    _expect_done(outcome, settings)
    typer.echo(f"user {name} may not sign in any more")


@letters_app.command("list")
def letters_list_command(
    reason: ReasonOption = None,
    at_most: Annotated[int, typer.Option("--at-most", min=1, help="Of the kept ones.")] = 50,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count them by reason over a week, and show the newest whose payload was kept."""
    from dataclasses import asdict

    from service.dead_letters import dead_letters_of, letter_facts, letter_line

    settings = _settings(data=data)
    with _told_in_one_sentence("cannot list the dead letters"):
        letters = dead_letters_of(settings.data)
        counted, kept = letters.counted(), letters.kept(reason, at_most)
    if as_json:
        for line in [*map(asdict, counted), *map(letter_facts, kept)]:
            typer.echo(_json_line(line))
        return
    for each in counted:
        typer.echo(
            f"{each.count} {each.reason} from {each.source_id} in 7 days;"
            f" {each.kept} kept, {each.replayed} replayed"
        )
    for letter in kept:
        typer.echo(letter_line(letter))
    if not counted and not kept:
        typer.echo("none")


@letters_app.command("show")
def letters_show_command(
    number: Annotated[int, typer.Argument(help="As `list` gives it.")],
    raw: Annotated[bool, typer.Option("--raw", help="Only the bytes of the payload.")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one with its payload."""
    from service.dead_letters import dead_letters_of, letter_facts

    settings = _settings(data=data)
    with _told_in_one_sentence("cannot show it"):
        letter = dead_letters_of(settings.data).numbered(number)
    if letter is None:
        _stop(f"no dead letter has the number {number}: `dead-letters list` shows them", BAD_INPUT)
    payload = letter.letter.payload or b""
    if raw:
        sys.stdout.buffer.write(payload)
        return
    facts = letter_facts(letter)
    text = payload.decode("utf-8", "backslashreplace")
    if as_json:
        typer.echo(_json_line({**facts, "payload": text}))
        return
    for name, value in facts.items():
        typer.echo(f"{name}: {value}")
    typer.echo(text)


@letters_app.command("replay")
def letters_replay_command(
    numbers: Annotated[
        list[int] | None, typer.Argument(help="Only these; without any, all that wait.")
    ] = None,
    reason: ReasonOption = None,
    broker: BrokerOption = None,
    data: DataOption = None,
) -> None:
    """After mending the points or the gateway: send them through again, with their original bytes."""
    from service.dead_letters import NotReplayed, replay_dead_letters
    from service.settings import BadSettings

    settings = _settings(data=data)
    site = _effective_site(settings)
    address = _address(broker)
    source = (site.at_broker(*address) if address else site).sources[0]
    with _told_in_one_sentence("cannot replay"):
        try:
            done = replay_dead_letters(settings.data, source, reason=reason, numbers=numbers or ())
        except BadSettings as error:
            _stop(str(error), BAD_INPUT, error)
        except NotReplayed as error:
            _stop(f"cannot replay: {error}", FAILED, error)
    already = f"; {done.already} are not there or were sent before" if done.already else ""
    typer.echo(f"{done.sent} sent through again{already}; what still cannot be used is listed anew")


@telemetry_app.command("setup")
def telemetry_setup_command(
    keep_days: Annotated[
        int, typer.Option("--keep-days", min=1, help="How long the bucket keeps readings.")
    ] = 366,
) -> None:
    """Make the bucket in the InfluxDB that GRIDWARDEN_TELEMETRY__URL names."""
    from domain.ports import StorageUnavailable
    from service.stores import influx_config

    telemetry = _settings().telemetry
    if not telemetry.url:
        _stop("set GRIDWARDEN_TELEMETRY__URL: a DuckDB file needs no setup", BAD_INPUT)
    from storage.influx_setup import set_up

    try:
        done = set_up(influx_config(telemetry), keep_days)
    except StorageUnavailable as error:
        _stop(str(error), FAILED, error)
    for sentence in done:
        typer.echo(sentence)


@app.command("import-points")
def import_points_command(
    workbook: Annotated[Path, typer.Argument(help="The station's signal list (四遥点表), .xlsx.")],
    site: SiteOption,
    station: Annotated[str, typer.Option("--station", help="Its name, as in 35kV柳塬变.")],
    source: Annotated[
        str | None, typer.Option("--source", help="Which source brings its readings.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
) -> None:
    """Bring a station's signal list from Excel into a site folder; what is there already stays."""
    from service.excel import BadWorkbook
    from service.site.point_import import ImportRefused, import_points

    _site(site)  # its mistakes are told one by one
    with _told_in_one_sentence("cannot import"):
        try:
            report = import_points(workbook, site, station, source=source, dry_run=dry_run)
        except (BadWorkbook, ImportRefused) as error:
            _stop(f"cannot import {workbook}: {error}", BAD_INPUT, error)
    for line in report.lines(dry_run=dry_run):
        typer.echo(line)
    if not report.files and not report.known_points:
        _stop(f"nothing in {workbook} could be used", BAD_INPUT)


@app.command("notify")
def notify_command(
    person: Annotated[str, typer.Option("--test", help="An id or a name: he gets a test notice.")],
    channel: Annotated[
        str | None, typer.Option("--channel", help="One of his channels; all without it.")
    ] = None,
    site: Annotated[Path | None, typer.Option("--site", help="A site folder.")] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a test notice to a person by each of his channels, and say what became of it."""
    from dataclasses import asdict

    from service.notice_trial import NobodyKnown, try_person

    settings = _settings(data=data)
    known = _site(site) if site else _effective_site(settings)
    _quiet_logs()
    try:
        trials = list(try_person(known, person, channel))
    except NobodyKnown as error:
        _stop(str(error), BAD_INPUT, error)
    for trial in trials:
        line = f"{trial.person} {trial.channel}: {trial.says}"
        typer.echo(_json_line(asdict(trial)) if as_json else line)
    raise typer.Exit(0 if trials and all(trial.taken for trial in trials) else FAILED)


@app.command("doctor")
def doctor_command(site: SiteOption, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Look for what would stop it from working here, and say the cure."""
    from dataclasses import asdict

    from service.doctor.examine import examine
    from service.doctor.finding import Verdict

    settings = _settings(data=data)
    _quiet_logs()
    findings = examine(site, settings)
    for finding in findings:
        typer.echo(_json_line(asdict(finding)) if as_json else _finding_text(finding))
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

    settings = _settings()
    try:
        health = ask_health(settings.metrics, "live" if live else "ready")
    except BadSettings as error:
        _stop(str(error), BAD_INPUT, error)
    except NoHealth as error:
        _stop(str(error), FAILED, error)
    if as_json:
        typer.echo(_json_line(asdict(health)))
    else:
        typer.echo("\n".join(health.failing()) or "well")
    raise typer.Exit(0 if health.ok else FAILED)


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


def _console_address(written: str | None, settings: "Settings") -> tuple[str, int]:
    if written is None:
        return settings.console.host, settings.console.port
    host, _, port = written.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        _stop(f"{written!r} is no address: write HOST:PORT, as in 127.0.0.1:8080", BAD_INPUT)
    return host, int(port)


def _effective_site(settings: "Settings") -> "Site":
    from domain.ports import StorageUnavailable
    from service.beginning import NoSite, effective_version
    from service.site.load import BrokenSite
    from service.site.versions import MalformedVersion, site_of

    try:
        return site_of(effective_version(settings.data))
    except (NoSite, StorageUnavailable, MalformedVersion, BrokenSite) as error:
        _stop(f"{error}, or name a site folder with --site", BAD_INPUT, error)


def _watches(settings: "Settings") -> "list[Watch]":
    """Who has the watch, for what happened in the last days; none where the records do not say."""
    from domain.clock import system_clock
    from domain.ports import StorageUnavailable
    from linkage.watches import REMEMBERED_US
    from service.beginning import NoSite, stored_records

    try:
        records = stored_records(settings.data)
        return records.logbook.watches_since(system_clock() - REMEMBERED_US)
    except (NoSite, StorageUnavailable):
        return []


def _arranged(settings: "Settings") -> "list[Arrangement]":
    from domain.ports import StorageUnavailable
    from service.beginning import NoSite, stored_records

    try:
        return stored_records(settings.data).arrangements(0)
    except (NoSite, StorageUnavailable) as error:
        _stop(f"{error}, or name a site folder with --site", BAD_INPUT, error)


def _persons(site: "Site", named: list[str]) -> "list[PersonId]":
    """By id or by name."""
    from domain.ids import PersonId

    known = {each.person_id: each for each in site.organisation.persons}
    by_name = {each.name: each.person_id for each in known.values()}
    for name in named:
        if name not in known and name not in by_name:
            _stop(f"nobody here is called {name!r}: give an id or a whole name", BAD_INPUT)
    return [by_name.get(name, PersonId(name)) for name in named]


def _moment(written: str | None, site: "Site") -> int:
    from datetime import datetime

    from domain.clock import from_datetime, system_clock

    if written is None:
        return system_clock()
    try:
        local = datetime.fromisoformat(written)
    except ValueError as error:
        _stop(f"{written!r} is no moment: write it as in 2026-11-24 03:00", BAD_INPUT, error)
    return from_datetime(local if local.tzinfo else local.replace(tzinfo=site.zone))


def _kind(written: str | None) -> "Kind | None":
    from domain.responsibility import Kind

    if written is None:
        return None
    try:
        return Kind(written)
    except ValueError as error:
        _stop(f"{written!r} is no kind; there are {', '.join(Kind)}", BAD_INPUT, error)


def _told_in_one_sentence(what: str) -> "AbstractContextManager[None]":
    """What can go wrong with records, site versions, users and core, as one sentence and a code."""
    from collections.abc import Iterator
    from contextlib import contextmanager

    from domain.ports import StorageUnavailable
    from service.backup.manifest import BackupFailed
    from service.beginning import NoSite
    from service.local_socket import CoreUnreachable, RequestRefused
    from service.passwords import WeakPassword
    from service.site.load import BrokenSite
    from service.site.versions import FolderInUse, MalformedVersion, NotPackable
    from service.users import BadUser

    @contextmanager
    def telling() -> "Iterator[None]":
        _quiet_logs()
        try:
            yield
        except (
            NoSite,
            BrokenSite,
            NotPackable,
            FolderInUse,
            BadUser,
            WeakPassword,
        ) as error:
            _stop(f"{what}: {error}", BAD_INPUT, error)
        except TimeoutError as error:
            _stop(f"{what}: core took it and has not decided yet: look again later", FAILED, error)
        except (
            BackupFailed,
            StorageUnavailable,
            MalformedVersion,
            CoreUnreachable,
            RequestRefused,
        ) as error:
            _stop(f"{what}: {error}", FAILED, error)
        except OSError as error:
            _stop(f"{what}: {error.filename or 'a file'}: {error.strerror}", FAILED, error)

    return telling()


def _confirm_way_down(current: str | None, down: str, yes: bool) -> None:
    typer.echo(
        f"going back from {current or 'base'} to {down} removes the tables and columns of the releases"
        " after it WITH WHAT STANDS IN THEM; take a backup first (`gridwarden backup`)",
        err=True,
    )
    if not yes and not typer.confirm("go back?", err=True):
        _stop("nothing was changed", FAILED)


def _expect_done(outcome: "Outcome", settings: "Settings") -> None:
    from domain.reasons import reason_text

    if not outcome.done:
        why = reason_text(outcome.why, settings.language) if outcome.why else "core gave no reason"
        _stop(f"refused: {why}", FAILED)


def _signed_in(settings: "Settings", name: str) -> str:
    """What is proposed in somebody's name is proposed by him."""
    from service.users import BadUser, is_password_of, user_named

    user = user_named(settings.data, name)
    if not is_password_of(user, typer.prompt(f"password of {name}", hide_input=True, err=True)):
        raise BadUser(f"that is not the password of {name}, or the user is disabled")
    return name


def _new_password(prompt: bool) -> str:
    from service.passwords import random_password, refuse_weak

    if not prompt:
        return random_password()
    password: str = typer.prompt(
        "new password", hide_input=True, confirmation_prompt=True, err=True
    )
    refuse_weak(password)
    return password


def _tell_password(what: str, password: str, prompt: bool) -> None:
    typer.echo(what if prompt else f"{what}, password {password} (it is shown this once)")


def _user_text(facts: dict[str, Any]) -> str:
    parts = [facts["name"], ", ".join(facts["roles"])]
    parts += [f"only {', '.join(facts['stations'])}"] if facts["stations"] else []
    parts += [f"person {facts['person_id']}"] if facts["person_id"] else []
    parts += ["disabled"] if facts["disabled"] else []
    return "  ".join(parts)


def _stop(message: str, code: int, cause: Exception | None = None) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code) from cause


def _json_line(facts: dict[str, Any]) -> str:
    return json.dumps(facts, ensure_ascii=False)


def _finding_text(finding: "Finding") -> str:
    sign = {"good": "✓", "note": "·", "warn": "!", "mend": "✗"}[finding.verdict.value]
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
