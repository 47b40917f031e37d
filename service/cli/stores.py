"""Records, telemetry and their copies."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from service.cli.common import (
    BAD_INPUT,
    FAILED,
    DataOption,
    JsonOption,
    chosen_settings,
    json_line,
    stop,
    told_in_one_sentence,
)

app = typer.Typer()


class _Backup(TyperGroup):
    """`backup DIR` is `backup take DIR`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, *ctx.help_option_names}:
            args = ["take", *args]
        return super().parse_args(ctx, args)


backup_group = typer.Typer(
    cls=_Backup,
    help="Copy a running site: `backup DIR`; `backup verify DIR` reads one back.",
    no_args_is_help=True,
)
app.add_typer(backup_group, name="backup")
ledger_group = typer.Typer(help="The sealed ledger of credit entries.", no_args_is_help=True)
app.add_typer(ledger_group, name="ledger")
telemetry_group = typer.Typer(help="The store of the history.", no_args_is_help=True)
app.add_typer(telemetry_group, name="telemetry")


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

    settings = chosen_settings(data=data)
    with told_in_one_sentence("cannot migrate"):
        before = schema_of(settings)
        try:
            if down is not None:
                expect_way_down(settings, down)
                _confirm_way_down(before.current, down, yes)
            after = before
            if not check:
                after = migrate_up(settings) if down is None else migrate_down(settings, down)
        except (UnknownRevision, AlreadyServed) as error:
            stop(f"cannot migrate: {error}", BAD_INPUT, error)
    if as_json:
        typer.echo(json_line({"before": before.current, **asdict(after)}))
    else:
        typer.echo(
            f"the records are at {after.current or 'base'}, were at {before.current or 'base'};"
            f" this release has {after.target}"
        )
    raise typer.Exit(FAILED if check and not after.is_current else 0)


@backup_group.command("take", hidden=True)
def backup_command(
    folder: Annotated[Path, typer.Argument(help="Where to; a new or an empty folder.")],
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Copy records, journal, checkpoints and telemetry of one state, while it all runs."""
    from service.backup.taking import summary, take

    settings = chosen_settings(data=data)
    with told_in_one_sentence("cannot back up"):
        made = take(settings, folder, lambda line: typer.echo(f"· {line}", err=True))
    if as_json:
        typer.echo(json_line(summary(made)))
    else:
        typer.echo(f"{len(made.files)} files, {made.bytes / 2**20:.1f} MiB are in {folder}")


@backup_group.command("verify")
def backup_verify_command(
    folder: Annotated[Path, typer.Argument(help="The folder of a backup.")],
    as_json: JsonOption = False,
) -> None:
    """Read a backup and compare every file with its digest."""
    from service.backup.taking import summary, verified

    with told_in_one_sentence("do not rely on it"):
        made = verified(folder)
    if as_json:
        typer.echo(json_line(summary(made)))
    else:
        typer.echo(f"{folder} is whole: {len(made.files)} files as they were written")


@app.command("restore")
def restore_command(
    backup: Annotated[Path, typer.Argument(help="The folder of a backup.")],
    data: Annotated[Path, typer.Option("--data", help="The data folder to make: new or empty.")],
) -> None:
    """Make a data folder from a backup; `gridwarden run --data` goes on from there."""
    from service.backup.restoring import restore

    settings = chosen_settings(data=data)
    with told_in_one_sentence("cannot restore"):
        made = restore(backup, data, settings, lambda line: typer.echo(f"· {line}", err=True))
    typer.echo(
        f"{data} is restored, with {made.records.rows['events']} events: start"
        f" `gridwarden run --data {data}`"
    )


@ledger_group.command("verify")
def ledger_verify_command(data: DataOption = None, as_json: JsonOption = False) -> None:
    """Walk the sealed chain of credit entries and tell every place where it does not hold."""
    from dataclasses import asdict

    from domain.ports import StorageUnavailable
    from service.ledger import verify

    settings = chosen_settings(data=data)
    try:
        verdict = verify(settings.data)
    except StorageUnavailable as error:
        stop(f"cannot verify: {error}", FAILED, error)
    if as_json:
        typer.echo(json_line(asdict(verdict)))
    else:
        for place in verdict.broken:
            typer.echo(place)
        waiting = f", {verdict.unsealed} not sealed yet" if verdict.unsealed else ""
        state = "BROKEN" if verdict.broken else "whole"
        typer.echo(f"the ledger is {state}: {verdict.sealed} entries sealed{waiting}")
    raise typer.Exit(FAILED if verdict.broken else 0)


@ledger_group.command("head")
def ledger_head_command(data: DataOption = None, as_json: JsonOption = False) -> None:
    """Print the newest seal, to be kept elsewhere."""
    from dataclasses import asdict

    from domain.ports import StorageUnavailable
    from service.ledger import head

    settings = chosen_settings(data=data)
    try:
        found = head(settings.data)
    except StorageUnavailable as error:
        stop(f"cannot tell: {error}", FAILED, error)
    if as_json:
        typer.echo(json_line(asdict(found) if found else {}))
    else:
        typer.echo(f"{found.number} {found.hash}" if found else "no entry is sealed yet")


@telemetry_group.command("setup")
def telemetry_setup_command(
    keep_days: Annotated[
        int, typer.Option("--keep-days", min=1, help="How long the bucket keeps readings.")
    ] = 366,
) -> None:
    """Make the bucket in the InfluxDB that GRIDWARDEN_TELEMETRY__URL names."""
    from domain.ports import StorageUnavailable
    from service.stores import influx_config

    telemetry = chosen_settings().telemetry
    if not telemetry.url:
        stop("set GRIDWARDEN_TELEMETRY__URL: a DuckDB file needs no setup", BAD_INPUT)
    from storage.influx_setup import set_up

    try:
        done = set_up(influx_config(telemetry), keep_days)
    except StorageUnavailable as error:
        stop(str(error), FAILED, error)
    for sentence in done:
        typer.echo(sentence)


def _confirm_way_down(current: str | None, down: str, yes: bool) -> None:
    typer.echo(
        f"going back from {current or 'base'} to {down} removes the tables and columns of the releases"
        " after it WITH WHAT STANDS IN THEM; take a backup first (`gridwarden backup`)",
        err=True,
    )
    if not yes and not typer.confirm("go back?", err=True):
        stop("nothing was changed", FAILED)
