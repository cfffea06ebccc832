"""What the journal suite runs on: ledgers by kind, and small commits to put into them.

A `Shelf` opens one ledger as often as asked, as hosts of one machine or a restart would.
"""

import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.databases import KINDS, site_on_postgres, site_on_sqlite
from vsm_core.actor import Commit, Limits, LogEntry, Owner, Timer
from vsm_core.channel import Channel
from vsm_core.envelope import LIFETIME, Envelope
from vsm_core.facts import AnyFact, DirectiveFinished, RecordedFact
from vsm_core.payloads import AnyPayload
from vsm_core.payloads.control import Cancel, CancelScope, TimerPurpose
from vsm_core.payloads.jobs import Job, SurveyRepository
from vsm_core.task import Outcome, RepositoryRef
from vsm_ledger import MemoryJournal, MemoryLedger, SqlJournal, open_journal
from vsm_ledger.claims import start_of

GENOME = "a" * 64
COMMIT = "c" * 40
START = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
TTL_SECONDS = 15.0
BUSY_SECONDS = 1.0
Journal = SqlJournal | MemoryJournal


@dataclass
class Clock:
    """A clock that moves when told to."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Shelf:
    """One ledger, opened as often as asked; all that was opened is closed at the end of the test."""

    opener: Callable[["Shelf"], Awaitable[Journal]]
    clock: Clock = field(default_factory=Clock)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def open(self) -> Journal:
        journal = await self.opener(self)
        self.stack.push_async_callback(journal.close)
        return journal


def memory_shelf() -> Shelf:
    ledger = MemoryLedger()

    async def opener(shelf: Shelf) -> Journal:
        return MemoryJournal(ledger, clock=shelf.clock)

    return Shelf(opener)


def database_shelf(location: str | Path) -> Shelf:
    async def opener(shelf: Shelf) -> Journal:
        return await open_journal(
            location, organization="demo", clock=shelf.clock, busy_timeout_seconds=BUSY_SECONDS
        )

    return Shelf(opener)


SHELVES = ("memory", *KINDS)


def shelf_of(kind: str, folder: Path, database: str) -> Shelf:
    """A new shelf of one kind, in a folder or in a database of PostgreSQL."""
    if kind == "memory":
        return memory_shelf()
    site = site_on_postgres(database) if kind == "postgres" else site_on_sqlite(folder)
    return database_shelf(site.location)


# ------------------------------------------------------------------------------------------------------- owners


def owner(process: str = "process-1") -> Owner:
    """This very process, alive for as long as the test runs."""
    return Owner("here", os.getpid(), start_of(os.getpid()), process)


def dead_owner() -> Owner:
    """A process of this machine whose pid belongs to a later one by now."""
    return replace(owner("process-0"), started="1")


def foreign_owner() -> Owner:
    """A process of another machine: nobody here can say whether it lives."""
    return Owner("elsewhere", 1, "1", "process-9")


# ------------------------------------------------------------------------------------------------------ commits


def envelope(name: str, *, source: str = "_user-ada", target: str = "root", **changes: object) -> Envelope:
    payload: AnyPayload = Cancel(scope=CancelScope.TASK, subject=name)
    made = Envelope(
        id=f"env_{name}",
        schema_version=payload.schema_version,
        organization="demo",
        genome_id=GENOME,
        channel=Channel.COMMAND,
        source=source,
        target=target,
        payload_type=payload.payload_type,
        payload=payload,
        correlation_id="story",
        causation_id=f"cause_{name}",
        created_at=START,
        expires_at=START + LIFETIME,
    )
    return made.model_copy(update=changes) if changes else made


def entry(received: Envelope, **changes: object) -> LogEntry:
    made = LogEntry(
        envelope=received,
        now=START,
        seed=2**64 - 1,
        limits=Limits(),
        process="process-1",
        delivery_attempt=1,
        facts=1,
        sends=0,
    )
    return replace(made, **changes)


def recorded(name: str, fact: AnyFact | None = None, *, causation_id: str = "cause") -> RecordedFact:
    return RecordedFact(
        id=f"fact_{name}",
        fact=fact or DirectiveFinished(directive_id="d1", outcome=Outcome.COMPLETED),
        occurred_at=START,
        genome_id=GENOME,
        correlation_id="story",
        causation_id=causation_id,
    )


def timer(name: str, *, node: str = "root", seconds: float = 10, token: int = 0) -> Timer:
    return Timer(
        id=name,
        node=node,
        due_at=START + timedelta(seconds=seconds),
        purpose=TimerPurpose.RETRY,
        subject="task",
        token=token,
    )


def job(name: str, *, node: str = "root") -> Job:
    where = RepositoryRef(identity="repository", location="somewhere", base_commit=COMMIT)
    request = SurveyRepository(repository=where)
    return Job(
        id=name,
        node=node,
        subject="task",
        request=request,
        deadline_seconds=60,
        started_at=START,
        cause_id="env_cause",
        correlation_id="story",
    )


def commit(stream: str, epoch: int, expected_version: int, **parts: Sequence[object]) -> Commit:
    return Commit(stream, epoch, expected_version, **{name: tuple(part) for name, part in parts.items()})
