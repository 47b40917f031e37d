"""Users from the command line: each change is a request to core, so that it stands in the audit."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from domain.access import LOCAL_OPERATOR, RESERVED
from domain.ids import PersonId
from domain.paperwork import Role, User
from domain.requests import PutUser, Request
from service.beginning import stored_records
from service.core_client import CoreClient, Outcome
from service.passwords import hashed, matches
from service.site.model import Site
from service.site.problems import did_you_mean


class BadUser(ValueError):
    """A user that is not there, is there already, or cannot be; one sentence that says what to do."""


def users_of(data: Path) -> list[User]:
    """In order of their names. Raises NoSite, StorageUnavailable."""
    return sorted(stored_records(data).users(), key=lambda user: user.name)


def user_named(data: Path, name: str) -> User:
    """Raises BadUser, NoSite, StorageUnavailable."""
    for user in users_of(data):
        if user.name == name:
            return user
    raise BadUser(f"no user is named {name!r}: `gridwarden user list` shows them")


def new_user(
    data: Path,
    site: Site,
    name: str,
    roles: Iterable[str],
    person: str | None = None,
    stations: Iterable[str] = (),
) -> User:
    """Without a password yet. Raises BadUser, NoSite, StorageUnavailable."""
    if not name.strip() or name != name.strip() or name in RESERVED:
        raise BadUser(f"{name!r} cannot be a user's name: choose another")
    if any(user.name == name for user in users_of(data)):
        raise BadUser(f"user {name!r} exists: `gridwarden user password` gives a new password")
    persons = {each.person_id for each in site.organisation.persons}
    if person and person not in persons:
        raise BadUser(f"no person has the id {person!r}{did_you_mean(person, persons)}")
    known = {asset.station for asset in site.assets.values()}
    chosen = frozenset(stations)
    for station in sorted(chosen - known):
        raise BadUser(f"no station is named {station!r}{did_you_mean(station, known)}")
    return User(
        name=name,
        password="",
        roles=frozenset(map(_role, roles)),
        person_id=PersonId(person) if person else None,
        stations=chosen,
        must_change=True,
    )


def put(user: User, password: str | None = None) -> PutUser:
    """The request that makes the user so; without a password the one that stands is left."""
    return PutUser(
        name=user.name,
        password=hashed(password) if password else "",
        roles=user.roles,
        person_id=user.person_id,
        stations=user.stations,
        language=user.language,
        disabled=user.disabled,
        must_change=user.must_change or password is not None,
    )


def disabled(user: User) -> PutUser:
    return put(replace(user, disabled=True))


def user_facts(user: User) -> dict[str, object]:
    """For a person or a program to read; never the password."""
    return {
        "name": user.name,
        "roles": sorted(user.roles),
        "person_id": user.person_id,
        "stations": sorted(user.stations),
        "disabled": user.disabled,
    }


def is_password_of(user: User, password: str) -> bool:
    return not user.disabled and matches(password, user.password)


def ask_core(data: Path, request: Request, actor: str = LOCAL_OPERATOR) -> Outcome:
    """Raises CoreUnreachable, RequestRefused, TimeoutError."""
    client = CoreClient(data)
    client.status()  # says at once that there is no core; asking would wait for one
    client.start()
    try:
        return client.ask(request, actor)
    finally:
        client.stop()


def _role(written: str) -> Role:
    try:
        return Role(written)
    except ValueError as error:
        raise BadUser(f"{written!r} is no role; there are {', '.join(Role)}") from error
