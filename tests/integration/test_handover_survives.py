"""A hand-over through a real core: what was accepted is there after kill -9, once."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from domain.clock import MINUTE_US
from domain.handover import Watch, WatchState, digest_of
from domain.ids import PersonId
from domain.logbook import LogKind
from domain.paperwork import Role
from domain.requests import PutUser, Request, SignHandover, TakeOver
from linkage.rosters import duties
from service.broker import LocalBroker
from service.core_client import CoreClient
from service.local_socket import SOCKET_NAME, request
from service.site.load import load
from storage.engines import sqlite_engine
from storage.logbook import LogFilter, LogReads
from storage.request_codec import named
from tests.support.running import CoreProcess, core, until
from tests.support.shifts import site_whose_shift_ends_soon

PAGE = '{"post": "调度室"}'


@contextmanager
def _until_killed(*arguments: str | Path) -> Iterator[CoreProcess]:
    """Ended by kill -9, whatever happened."""
    folder, data, *more = arguments
    running = CoreProcess(Path(folder), Path(data), *map(str, more))
    try:
        running.await_connected()
        yield running
    finally:
        running.kill()


def _journalled(running: CoreProcess, asked: Request, actor: str) -> None:
    """From the journal on it must survive; decided or recorded it may be, or not."""
    before = running.status()
    assert before
    request(
        running.data / SOCKET_NAME,
        "request",
        request_id=str(uuid4()),
        actor=actor,
        request=named(asked),
    )
    # ticks are journalled too: the request is among the next two records
    seq = int(before["journal_seq"]) + 2
    running.await_status(lambda status: status["journal_seq"] >= seq, "it is journalled")


def test_both_signatures_survive_kill_9_and_the_shift_changes_once(
    broker: LocalBroker, tmp_path: Path
) -> None:
    folder, data = site_whose_shift_ends_soon(tmp_path), tmp_path / "data"
    at_broker = ("--broker", f"127.0.0.1:{broker.port}")
    with _until_killed(folder, data, *at_broker) as first:
        reads = LogReads(sqlite_engine(data / "records.db", busy_ms=2_000))
        until(lambda: len(reads.open_watches()) == 2, "both watches have begun")
        (watch,) = [each for each in reads.open_watches() if each.post_id == "dd"]
        _two_users(folder, data, watch)
        _journalled(first, SignHandover(watch_id=watch.watch_id, page=PAGE), "out")

    with _until_killed(folder, data, *at_broker) as second:
        until(lambda: _state(reads, watch) is WatchState.SIGNED, "the first signature is there")
        taking = TakeOver(watch_id=watch.watch_id, page_digest=digest_of(PAGE))
        _journalled(second, taking, "in")

    with core(folder, data, *at_broker) as third:
        third.await_connected()
        until(lambda: _state(reads, watch) is WatchState.HANDED_OVER, "the second one too")
        (now,) = [each for each in reads.open_watches() if each.post_id == "dd"]
        assert now.before == watch.watch_id
        page = reads.page(digest_of(PAGE))
        assert page
        assert page.content == PAGE
        lines = reads.entries(LogFilter(kinds=[LogKind.SHIFT_CHANGED], words="交接班 out in"))
        assert len(lines) == 1


def _two_users(folder: Path, data: Path, watch: Watch) -> None:
    """Of the crew on watch, and of the next one."""
    site = load(folder)
    (roster,) = [each for each in site.organisation.rosters if each.roster_id == "dd"]
    (after,) = duties(roster, watch.ends_us + MINUTE_US, site.zone)
    client = CoreClient(data).start()
    for name, person in (("out", watch.persons[0]), ("in", after.crew.persons[0])):
        asked = PutUser(
            name=name,
            password="scrypt",
            roles=frozenset({Role.ADMINISTRATOR, Role.DISPATCHER}),
            person_id=PersonId(person),
        )
        outcome = client.ask(asked, "local")
        assert outcome.done, outcome.why
    client.stop()


def _state(reads: LogReads, watch: Watch) -> WatchState | None:
    found = reads.watch(watch.watch_id)
    return found.state if found else None
