"""A worker that claims a hundred deadlines, says how many, and holds them until it is killed."""

import os
import sys
import time
from pathlib import Path

from storage.deadlines import SqlDeadlines
from storage.engines import sqlite_engine
from storage.postgres import postgres_engine


def main(where: str) -> None:
    engine = (
        postgres_engine(where, password=os.environ["GRIDWARDEN_TEST_PASSWORD"] or None)
        if where.startswith("postgresql:")
        else sqlite_engine(Path(where), busy_ms=10_000)
    )
    with SqlDeadlines(engine).claim_due(1_000_000, 100, "victim") as claimed:
        sys.stdout.write(f"{len(claimed.due)}\n")
        sys.stdout.flush()
        while True:
            time.sleep(60)


if __name__ == "__main__":
    main(sys.argv[1])
