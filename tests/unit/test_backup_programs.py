"""pg_dump and pg_restore: which one is taken, and what is said where none will do."""

from pathlib import Path

import pytest

from service.backup import postgres_programs
from service.backup.manifest import BackupFailed
from service.backup.postgres_programs import dump, program
from storage.postgres import postgres_url


def fake(folder: Path, script: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "pg_dump"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def says(version: str) -> str:
    return f"echo 'pg_dump (PostgreSQL) {version} (Debian)'"


def test_the_newest_one_is_taken(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("a", "b", "c")]
    for folder, version in zip(folders, ("15.3", "17.1", "16.0"), strict=True):
        fake(folder, says(version))
    assert program("pg_dump", 15, folders) == tmp_path / "b" / "pg_dump"


def test_one_that_is_older_than_the_server_is_refused_by_its_name(tmp_path: Path) -> None:
    path = fake(tmp_path, says("14.9"))
    with pytest.raises(BackupFailed, match=rf"{path} is of version 14 .* postgresql-client-15"):
        program("pg_dump", 15, [tmp_path])


def test_a_missing_one_is_told_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match="pg_dump is not on this machine: apt-get install"):
        program("pg_dump", 15, [tmp_path])


def test_the_password_is_on_no_command_line_and_in_no_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = tmp_path / "shown"
    script = f'{says("15.3")}\n[ "$1" = --version ] || {{ echo "$@"; env; cat "$PGPASSFILE"; }} > {shown}'
    fake(tmp_path, script)
    monkeypatch.setattr(postgres_programs, "program", lambda *_: tmp_path / "pg_dump")
    monkeypatch.setenv("PGPASSWORD", "of somebody else")
    url = postgres_url("postgresql://gw@db:5433/records?sslmode=require")
    dump(url, "s3:cr\\et", 15, "0001", tmp_path / "out", lambda line: None)
    seen = shown.read_text()
    assert "postgresql://gw@db:5433/records?sslmode=require" in seen
    assert r"*:*:*:*:s3\:cr\\et" in seen
    assert seen.count("s3") == 1
    assert "PGPASSWORD" not in seen


def test_what_it_said_last_is_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, "echo 'pg_dump: dumping contents of table \"public.events\"' >&2\n"
         "echo 'pg_dump: error: disk full' >&2\nexit 1")  # fmt: skip
    monkeypatch.setattr(postgres_programs, "program", lambda *_: tmp_path / "pg_dump")
    said: list[str] = []
    url = postgres_url("postgresql://gw@db/records")
    with pytest.raises(BackupFailed, match=r"pg_dump ended with code 1: .*disk full"):
        dump(url, None, 15, "0001", tmp_path / "out", said.append)
    assert said == ["records: public.events"]
