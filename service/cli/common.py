"""What the commands share: options, settings, and how they stop."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from service.core_client import Outcome
    from service.replay import OnProgress
    from service.settings import Settings
    from service.site.model import Site


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


def chosen_settings(**chosen: object) -> "Settings":
    from service.settings import BadSettings, load_settings

    try:
        return load_settings(**chosen)
    except BadSettings as error:
        stop(str(error), BAD_INPUT, error)


def quiet_logs() -> None:
    """What a person watches is not mixed with our own lines, unless something is wrong."""
    from service.logs import configure_logs
    from service.settings import LogSettings

    configure_logs(LogSettings(format="text", level="warning"), "gridwarden")


def read_site(folder: Path) -> "Site":
    from service.site.load import BrokenSite, load

    try:
        return load(folder)
    except BrokenSite as error:
        for problem in error.problems:
            typer.echo(str(problem), err=True)
        stop(f"cannot use the site {folder}: mend the mistakes above", BAD_INPUT, error)


def effective_site(settings: "Settings") -> "Site":
    from domain.ports import StorageUnavailable
    from service.beginning import NoSite, effective_version
    from service.site.load import BrokenSite
    from service.site.versions import MalformedVersion, site_of

    try:
        return site_of(effective_version(settings.data))
    except (NoSite, StorageUnavailable, MalformedVersion, BrokenSite) as error:
        stop(f"{error}, or name a site folder with --site", BAD_INPUT, error)


def broker_address(written: str | None) -> tuple[str, int] | None:
    if written is None:
        return None
    host, _, port = written.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        stop(f"{written!r} is no broker: write HOST:PORT, as in 127.0.0.1:1883", BAD_INPUT)
    return host, int(port)


def moment(written: str | None, site: "Site") -> int:
    from datetime import datetime

    from domain.clock import from_datetime, system_clock

    if written is None:
        return system_clock()
    try:
        local = datetime.fromisoformat(written)
    except ValueError as error:
        stop(f"{written!r} is no moment: write it as in 2026-11-24 03:00", BAD_INPUT, error)
    return from_datetime(local if local.tzinfo else local.replace(tzinfo=site.zone))


def progress_bar(quiet: bool) -> "AbstractContextManager[OnProgress]":
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


def told_in_one_sentence(what: str) -> "AbstractContextManager[None]":
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
        quiet_logs()
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
            stop(f"{what}: {error}", BAD_INPUT, error)
        except TimeoutError as error:
            stop(f"{what}: core took it and has not decided yet: look again later", FAILED, error)
        except (
            BackupFailed,
            StorageUnavailable,
            MalformedVersion,
            CoreUnreachable,
            RequestRefused,
        ) as error:
            stop(f"{what}: {error}", FAILED, error)
        except OSError as error:
            stop(f"{what}: {error.filename or 'a file'}: {error.strerror}", FAILED, error)

    return telling()


def expect_done(outcome: "Outcome", settings: "Settings") -> None:
    from domain.reasons import reason_text

    if not outcome.done:
        why = reason_text(outcome.why, settings.language) if outcome.why else "core gave no reason"
        stop(f"refused: {why}", FAILED)


def stop(message: str, code: int, cause: Exception | None = None) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(code) from cause


def json_line(facts: dict[str, Any]) -> str:
    return json.dumps(facts, ensure_ascii=False)
