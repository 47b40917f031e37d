"""`gridwarden migrate` on each database."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from service.cli import app
from service.local_socket import SOCKET_NAME, LocalServer
from storage.tables import REVISION
from tests.support.records_stores import PostgresAt, RecordsStore


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> RecordsStore:
    at: PostgresAt | None = None
    if request.param == "postgres":
        at = request.getfixturevalue("empty_postgres")
    store = RecordsStore(path=tmp_path / "records.db", postgres=at)
    for name, value in store.settings().items():
        monkeypatch.setenv(name, value)
    return store


def migrate(store: RecordsStore, *arguments: str, answer: str = "") -> Result:
    data = str(store.path.parent)
    return CliRunner().invoke(app, ["migrate", "--data", data, *arguments], input=answer)


def facts(result: Result) -> dict[str, object]:
    assert result.exit_code in {0, 1}, result.output
    told: dict[str, object] = json.loads(result.stdout.splitlines()[-1])
    return told


def test_up_and_again_and_down(empty: RecordsStore) -> None:
    waits = migrate(empty, "--check", "--json")
    assert waits.exit_code == 1
    assert facts(waits) == {"before": None, "current": None, "target": REVISION}
    assert facts(migrate(empty, "--json"))["current"] == REVISION
    again = migrate(empty)
    assert again.exit_code == 0
    assert f"the records are at {REVISION}, were at {REVISION}" in again.output
    assert migrate(empty, "--check").exit_code == 0
    down = migrate(empty, "--down", "0001", "--json", answer="y\n")
    assert "WITH WHAT STANDS IN THEM" in down.stderr
    assert facts(down) == {"before": REVISION, "current": "0001", "target": REVISION}
    assert facts(migrate(empty, "--json"))["current"] == REVISION


def test_a_way_down_that_is_not_confirmed_changes_nothing(empty: RecordsStore) -> None:
    migrate(empty)
    refused = migrate(empty, "--down", "0001", answer="n\n")
    assert (refused.exit_code, "nothing was changed" in refused.output) == (1, True)
    assert facts(migrate(empty, "--check", "--json"))["current"] == REVISION


@pytest.mark.parametrize("to", ["0099", "head", "-1"])
def test_a_revision_that_is_not_there_is_refused(empty: RecordsStore, to: str) -> None:
    migrate(empty)
    refused = migrate(empty, "--down", to, "--yes")
    assert (refused.exit_code, "no revision is named" in refused.output) == (2, True)


def test_a_way_down_that_leads_up_is_refused(empty: RecordsStore) -> None:
    migrate(empty)
    migrate(empty, "--down", "0001", "--yes")
    refused = migrate(empty, "--down", "0002", "--yes")
    assert (refused.exit_code, "0002 is no way down" in refused.output) == (2, True)


def test_no_way_down_under_a_running_core(empty: RecordsStore) -> None:
    migrate(empty)
    server = LocalServer(empty.path.parent / SOCKET_NAME, {})
    server.start()
    try:
        refused = migrate(empty, "--down", "0001", "--yes")
    finally:
        server.stop()
    assert (refused.exit_code, "stop `gridwarden run` first" in refused.output) == (2, True)
    assert migrate(empty, "--check").exit_code == 0
