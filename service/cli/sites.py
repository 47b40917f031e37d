"""A site folder: its mistakes, what it changes, its way out, and points from Excel."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.common import (
    BAD_INPUT,
    DataOption,
    JsonOption,
    LanguageOption,
    SiteOption,
    chosen_settings,
    expect_done,
    json_line,
    read_site,
    stop,
    told_in_one_sentence,
)

if TYPE_CHECKING:
    from service.settings import Settings

app = typer.Typer()


@app.command("check")
def check_command(
    site: Annotated[Path, typer.Argument(help="The site folder.")], as_json: JsonOption = False
) -> None:
    """Tell every mistake in a site folder, with file and line."""
    from dataclasses import asdict

    from service.site.load import check

    problems = check(site)
    for problem in problems:
        typer.echo(json_line(asdict(problem)) if as_json else str(problem))
    if not as_json:
        typer.echo(f"{len(problems)} to mend in {site}" if problems else f"{site} is in order")
    raise typer.Exit(BAD_INPUT if problems else 0)


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

    settings = chosen_settings(data=data, language=language)
    read_site(folder)  # its mistakes are told one by one
    with told_in_one_sentence("cannot apply"):
        comparison = compare(settings.data, folder, settings.language)
        for line in comparison.proposal.summary:
            typer.echo(line)
        if comparison.changes_nothing:
            typer.echo(f"{folder} is the same as version {comparison.effective}: nothing to apply")
            raise typer.Exit
        actor = _signed_in(settings, by) if by else LOCAL_OPERATOR
        outcome = ask_core(settings.data, comparison.proposal, actor)
    expect_done(outcome, settings)
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
    from service.beginning import effective_version, stored_records
    from service.overlaid import lying_over
    from service.site.versions import site_of, write_folder

    settings = chosen_settings(data=data)
    with told_in_one_sentence("cannot export"):
        version = effective_version(settings.data)
        changes = stored_records(settings.data).effective_limit_changes()
        over = lying_over(site_of(version), changes, settings.language) if changes else ()
        write_folder(version.files, folder, force=force)
    typer.echo(f"version {version.number} is in {folder}")
    if over:
        typer.echo("these limits of the console lie over it and stay when it is applied again:")
    for line in over:
        typer.echo(f"  {line}")


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

    read_site(site)  # its mistakes are told one by one
    with told_in_one_sentence("cannot import"):
        try:
            report = import_points(workbook, site, station, source=source, dry_run=dry_run)
        except (BadWorkbook, ImportRefused) as error:
            stop(f"cannot import {workbook}: {error}", BAD_INPUT, error)
    for line in report.lines(dry_run=dry_run):
        typer.echo(line)
    if not report.files and not report.known_points:
        stop(f"nothing in {workbook} could be used", BAD_INPUT)


def _signed_in(settings: "Settings", name: str) -> str:
    """What is proposed in somebody's name is proposed by him."""
    from service.users import BadUser, is_password_of, user_named

    user = user_named(settings.data, name)
    if not is_password_of(user, typer.prompt(f"password of {name}", hide_input=True, err=True)):
        raise BadUser(f"that is not the password of {name}, or the user is disabled")
    return name
