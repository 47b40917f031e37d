"""Who answers, who is told, who may sign in."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.cli.common import (
    BAD_INPUT,
    FAILED,
    DataOption,
    JsonOption,
    LanguageOption,
    PromptOption,
    chosen_settings,
    effective_site,
    expect_done,
    json_line,
    moment,
    quiet_logs,
    read_site,
    stop,
    told_in_one_sentence,
)

if TYPE_CHECKING:
    from domain.arrangements import Arrangement
    from domain.handover import Watch
    from domain.ids import PersonId
    from domain.responsibility import Kind
    from service.settings import Settings
    from service.site.model import Site

app = typer.Typer()

user_group = typer.Typer(help="Who may sign in to the console.", no_args_is_help=True)
app.add_typer(user_group, name="user")


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

    settings = chosen_settings(data=data, language=language)
    known = read_site(site) if site else effective_site(settings)
    at_us = moment(at, known)
    asked = _kind(kind)
    # a folder is asked as it is written; the data folder with what people arranged and signed since
    watches, arranged = ([], []) if site else (_watches(settings), _arranged(settings))
    responsibility = responsibility_of(known, watches, system_clock(), arranged)
    if absent:
        responsibility = responsibility.supposing_absent(_persons(known, absent))
    try:
        subjects = find(known, what)
    except NothingFound as error:
        stop(str(error), BAD_INPUT, error)
    for subject in subjects:
        answer = answer_of(responsibility, subject, at_us, asked)
        if as_json:
            typer.echo(json_line(dict(answer_facts(subject, answer, settings.language))))
        else:
            for line in answer_lines(subject, answer, settings.language):
                typer.echo(line)


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

    settings = chosen_settings(data=data)
    known = read_site(site) if site else effective_site(settings)
    quiet_logs()
    try:
        trials = list(try_person(known, person, channel))
    except NobodyKnown as error:
        stop(str(error), BAD_INPUT, error)
    for trial in trials:
        line = f"{trial.person} {trial.channel}: {trial.says}"
        typer.echo(json_line(asdict(trial)) if as_json else line)
    raise typer.Exit(0 if trials and all(trial.taken for trial in trials) else FAILED)


@user_group.command("list")
def user_list_command(data: DataOption = None, as_json: JsonOption = False) -> None:
    """Show who may sign in, with roles and stations."""
    from service.users import user_facts, users_of

    settings = chosen_settings(data=data)
    with told_in_one_sentence("cannot list the users"):
        users = users_of(settings.data)
    for user in users:
        facts = user_facts(user)
        typer.echo(json_line(facts) if as_json else _user_text(facts))


@user_group.command("add")
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

    settings = chosen_settings(data=data)
    with told_in_one_sentence("cannot add the user"):
        site = site_of(effective_version(settings.data))
        user = new_user(settings.data, site, name, role, person, station or ())
        password = _new_password(prompt)
        outcome = ask_core(settings.data, put(user, password))
    expect_done(outcome, settings)
    _tell_password(f"user {name} is added", password, prompt)


@user_group.command("password")
def user_password_command(
    name: Annotated[str, typer.Argument(help="Whose password.")],
    prompt: PromptOption = False,
    data: DataOption = None,
) -> None:
    """Give a user a new password, which he must change at the next sign-in."""
    from service.users import ask_core, put, user_named

    settings = chosen_settings(data=data)
    with told_in_one_sentence("cannot change the password"):
        user = user_named(settings.data, name)
        password = _new_password(prompt)
        outcome = ask_core(settings.data, put(user, password))
    expect_done(outcome, settings)
    _tell_password(f"user {name} has a new password", password, prompt)


@user_group.command("disable")
def user_disable_command(
    name: Annotated[str, typer.Argument(help="Who may not sign in any more.")],
    data: DataOption = None,
) -> None:
    """Let a user sign in no more; what he did stays under his name."""
    from service.users import ask_core, disabled, user_named

    settings = chosen_settings(data=data)
    with told_in_one_sentence("cannot disable the user"):
        outcome = ask_core(settings.data, disabled(user_named(settings.data, name)))
    expect_done(outcome, settings)
    typer.echo(f"user {name} may not sign in any more")


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
        stop(f"{error}, or name a site folder with --site", BAD_INPUT, error)


def _persons(site: "Site", named: list[str]) -> "list[PersonId]":
    """By id or by name."""
    from domain.ids import PersonId

    known = {each.person_id: each for each in site.organisation.persons}
    by_name = {each.name: each.person_id for each in known.values()}
    for name in named:
        if name not in known and name not in by_name:
            stop(f"nobody here is called {name!r}: give an id or a whole name", BAD_INPUT)
    return [by_name.get(name, PersonId(name)) for name in named]


def _kind(written: str | None) -> "Kind | None":
    from domain.responsibility import Kind

    if written is None:
        return None
    try:
        return Kind(written)
    except ValueError as error:
        stop(f"{written!r} is no kind; there are {', '.join(Kind)}", BAD_INPUT, error)


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
