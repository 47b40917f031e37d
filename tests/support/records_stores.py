"""The records' databases for contract tests: one value of `store` for each."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy import Engine

from storage.engines import sqlite_engine
from storage.postgres import Patience, postgres_engine


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresAt:
    """Where a database is and how we sign in."""

    url: str
    password: str | None

    def engine(self, patience: Patience | None = None) -> Engine:
        return postgres_engine(
            self.url, password=self.password, patience=patience or Patience(lock_ms=500)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsStore:
    """An empty database, and how to look at it past our own code."""

    path: Path  # of the file, where it is one
    postgres: PostgresAt | None = None

    def engine(self, busy_ms: int = 50) -> Engine:
        if self.postgres is None:
            return sqlite_engine(self.path, busy_ms=busy_ms)
        return self.postgres.engine(Patience(lock_ms=max(busy_ms, 100)))

    def settings(self) -> dict[str, str]:
        """The environment of a service that keeps its records here."""
        if self.postgres is None:
            return {}
        return {
            "GRIDWARDEN_RECORDS__URL": self.postgres.url,
            "GRIDWARDEN_RECORDS__PASSWORD": self.postgres.password or "",
        }

    @property
    def is_postgres(self) -> bool:
        return self.postgres is not None

    @contextmanager
    def somebody_else_writes(self) -> Iterator[None]:
        """Another program holds the records locked."""
        if self.postgres is None:
            with closing(sqlite3.connect(self.path, isolation_level=None)) as other:
                other.execute("begin immediate")
                yield
            return
        with psycopg.connect(self.postgres.url, password=self.postgres.password) as connection:
            connection.execute(
                "lock table events, points, applied, paper_changes in exclusive mode"
            )
            yield
            connection.rollback()

    def vandalise(self, statement: str) -> None:
        """What a person with the database's own tools may do."""
        if self.postgres is None:
            with closing(sqlite3.connect(self.path)) as vandal:
                vandal.execute(statement)
                vandal.commit()
            return
        with psycopg.connect(self.postgres.url, password=self.postgres.password) as vandal_there:
            vandal_there.execute(statement.encode())
