"""How fast facts become durable, beside the bare driver that writes the same rows, and what a large ledger costs.

A batch is one commit of 1,000 facts of one stream, chained; the driver gets the same rows, of all tables, by its own
executemany in one transaction on the same settings. Batches of both alternate, so that both see the same machine. Facts
are of two sorts: those that are history only, and those of whole tasks, which also change the read models.

Run: python -m benchmarks.ledger [--postgres URL] [--large 1000000]
"""

import argparse
import asyncio
import platform
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from vsm_core.actor import Commit, Owner
from vsm_core.facts import (
    AnyFact,
    DependencyReleased,
    RecordedFact,
    TaskAdmitted,
    TaskAssigned,
    TaskConcluded,
    TaskFinished,
    TaskIntegrated,
    TaskPlanned,
    TaskTraced,
    TaskVerified,
)
from vsm_core.payloads.work import TaskPacket, TaskResult
from vsm_core.task import Evidence, Outcome, Role, TaskTrace, Usage
from vsm_core.value import Money
from vsm_ledger import SqlJournal, open_journal, schema, verify

BATCH = 1_000
DIRECTIVE, GENOME, COMMIT = "fix-docs", "a" * 64, "c" * 40
NOW = datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
LEASE_SECONDS = 86_400.0
TABLES = ("facts", "texts", "tasks", "executions", "traces", "trace_credit")
PRAGMAS = (
    "PRAGMA page_size = 8192",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA cache_size = -65536",
    "PRAGMA wal_autocheckpoint = 16000",
)
Rows = list[tuple[object, ...]]
Write = Callable[[int], Awaitable[None]]


# ----------------------------------------------------------------------------------------------------- what is written


def history(start: int) -> Iterator[AnyFact]:
    """Facts that change no read model."""
    for each in range(start, start + BATCH):
        yield DependencyReleased(
            task_id=f"task_{each:026}", directive_id=DIRECTIVE, dependency=f"task_{each + 1:026}"
        )


def whole_tasks(start: int) -> Iterator[AnyFact]:
    """The eight facts of each task, from the plan to the end."""
    evidence = (Evidence(criterion="tests", argv=("pytest", "-q"), exit_code=0, summary="12 passed"),)
    for each in range(start, start + BATCH, 8):
        task = f"task_{each:026}"
        about = {"task_id": task, "directive_id": DIRECTIVE}
        packet = TaskPacket(id=task, directive_id=DIRECTIVE, role=Role.IMPLEMENT, title=f"do {task}")
        yield TaskPlanned(**about, mandate_id=DIRECTIVE, packet=packet)
        yield TaskAssigned(
            **about, child="coder", attempt=1, fencing_token=1, genome_id=GENOME, assigned_at=NOW,
            admit_by=NOW, reason="it is free",
        )  # fmt: skip
        yield TaskAdmitted(
            **about, attempt=1, fencing_token=1, execution_id=f"x_{task}", node="coder", process="p"
        )
        result = TaskResult(
            task_id=task, attempt=1, fencing_token=1, execution_id=f"x_{task}", produced_by="coder",
            outcome=Outcome.COMPLETED, commit=COMMIT, files_touched=("docs/a.md", "docs/b.md"),
            evidence=evidence,
            usage=Usage(input_tokens=100, output_tokens=9, money=Money(amount="0.25"), worker_seconds=1.5),
        )  # fmt: skip
        yield TaskFinished(**about, result=result)
        trace = TaskTrace(
            **about, attempt=1, node="coder", ancestors=("team", "root"), genome_id=GENOME,
            role=Role.IMPLEMENT, outcome=Outcome.COMPLETED,
        )  # fmt: skip
        yield TaskTraced(**about, trace=trace)
        yield TaskVerified(**about, verifier_task_id=f"v_{task}", verifier_node="tester", evidence=evidence)
        yield TaskIntegrated(**about, tip=COMMIT)
        yield TaskConcluded(**about, outcome=Outcome.COMPLETED)


SORTS: dict[str, Callable[[int], Iterator[AnyFact]]] = {
    "history only": history,
    "whole tasks": whole_tasks,
}


def commit_of(sort: str, batch: int, epoch: int = 1, stream: str = "root") -> Commit:
    """Return the commit of one batch."""
    start = batch * BATCH
    facts = [
        RecordedFact(
            f"fact_{stream}_{start + at:026}", fact, NOW, GENOME, DIRECTIVE, f"env_{(start + at) // 4:026}"
        )
        for at, fact in enumerate(SORTS[sort](start))
    ]
    return Commit(stream, epoch, start, facts=tuple(facts[:BATCH]))


# ------------------------------------------------------------------------------------------------------- who writes it


async def opened(location: str | Path, stream: str = "root") -> SqlJournal:
    """Open a ledger and claim the stream."""
    journal = await open_journal(location, organization="bench")
    await journal.claim(stream, Owner("bench", 1, "1", "bench"), LEASE_SECONDS)
    return journal


async def rows_written(sort: str, batches: int, folder: Path) -> list[dict[str, Rows]]:
    """Return the rows that each batch leaves in each table, by writing them once."""
    path = folder / f"{sort}.db"
    journal = await opened(path)
    for batch in range(batches):
        await journal.commit(commit_of(sort, batch))
    await journal.close()
    with closing(sqlite3.connect(path)) as connection:
        found = {name: connection.execute(_select(name)).fetchall() for name in TABLES}
    return [
        {
            name: rows[at * len(rows) // batches : (at + 1) * len(rows) // batches]
            for name, rows in found.items()
        }
        for at in range(batches)
    ]


def _select(table: str) -> str:
    return f"SELECT {_columns(table)} FROM {table}"  # noqa: S608 - names are our own


def _insert(table: str, marks: str) -> str:
    return f"INSERT INTO {table} ({_columns(table)}) VALUES ({marks})"  # noqa: S608 - names are our own


def _columns(table: str) -> str:
    names = [column.name for column in schema.tables.tables[table].c if column.name != "sequence"]
    return ", ".join(f'"{name}"' for name in names)


async def bare_sqlite(path: Path, rows: Sequence[dict[str, Rows]]) -> Write:
    """Return what writes a batch by sqlite3 alone, into the same tables."""
    await (await open_journal(path)).close()
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in PRAGMAS:
        connection.execute(pragma)

    async def write(batch: int) -> None:
        connection.execute("BEGIN IMMEDIATE")
        for name, found in rows[batch].items():
            if found:
                marks = ", ".join("?" * len(found[0]))
                connection.executemany(_insert(name, marks), found)
        connection.execute("COMMIT")

    return write


async def bare_postgres(url: str, rows: Sequence[dict[str, Rows]]) -> Write:
    """Return what writes a batch by asyncpg alone, into the same tables."""
    import asyncpg

    await (await open_journal(url)).close()
    connection = await asyncpg.connect(url)

    async def write(batch: int) -> None:
        async with connection.transaction():
            for name, found in rows[batch].items():
                if found:
                    marks = ", ".join(f"${at}" for at in range(1, len(found[0]) + 1))
                    await connection.executemany(_insert(name, marks), found)

    return write


@dataclass
class Schemas:
    """Schemas of a PostgreSQL database, one per ledger, all dropped at the end."""

    url: str
    made: int = 0

    async def new(self) -> str:
        """Return the URL of an empty schema."""
        self.made += 1
        await self._run(f"DROP SCHEMA IF EXISTS bench_{self.made} CASCADE; CREATE SCHEMA bench_{self.made}")
        return f"{self.url}?search_path=bench_{self.made}"

    async def drop(self) -> None:
        """Drop all of them."""
        for number in range(1, self.made + 1):
            await self._run(f"DROP SCHEMA bench_{number} CASCADE")

    async def _run(self, statement: str) -> None:
        import asyncpg

        connection = await asyncpg.connect(self.url)
        await connection.execute(statement)
        await connection.close()


# ------------------------------------------------------------------------------------------------------------ measures


async def side_by_side(sort: str, batches: int, folder: Path, schemas: Schemas | None) -> tuple[float, float]:
    """Return the median seconds of a batch, ours and bare; the first batches warm up."""
    rows = await rows_written(sort, batches, folder)
    if schemas is None:
        journal, bare = await opened(folder / "ours.db"), await bare_sqlite(folder / "bare.db", rows)
    else:
        journal, bare = await opened(await schemas.new()), await bare_postgres(await schemas.new(), rows)
    ours: list[float] = []
    theirs: list[float] = []
    for batch in range(batches):
        commit = commit_of(sort, batch)
        ours.append(await timed(journal.commit(commit)))
        theirs.append(await timed(bare(batch)))
    await journal.close()
    warm = batches // 4
    return statistics.median(ours[warm:]), statistics.median(theirs[warm:])


async def timed(work: Awaitable[object]) -> float:
    """Return the seconds that something takes."""
    began = time.perf_counter()
    await work
    return time.perf_counter() - began


async def growing(location: str | Path, facts: int) -> tuple[list[tuple[int, float]], float]:
    """Return the median seconds per batch around 10^3, 10^4 ... facts, and the seconds verifying them all takes."""
    journal = await opened(location)
    spent: list[float] = []
    for batch in range(facts // BATCH):
        commit = commit_of("history only", batch)
        spent.append(await timed(journal.commit(commit)))
    await journal.close()
    marks, at = [], 1
    while at <= len(spent):
        marks.append((at * BATCH, statistics.median(spent[max(0, at - 10) : at + 10])))
        at *= 10
    return marks, await timed(verify(location))


async def two_hosts(schemas: Schemas, commits: int) -> tuple[float, float, float]:
    """Return facts per second of one host, of two on one ledger, and of two that share nothing but the server."""
    one = await opened(await schemas.new(), "root")
    alone = await pace([(one, "root")], commits)
    shared = await schemas.new()
    pair = [(await opened(shared, name), name) for name in ("left", "right")]
    together = await pace(pair, commits)
    apart = [(await opened(await schemas.new(), name), name) for name in ("left", "right")]
    separate = await pace(apart, commits)
    for journal, _ in ((one, ""), *pair, *apart):
        await journal.close()
    return alone, together, separate


async def pace(hosts: Sequence[tuple[SqlJournal, str]], commits: int) -> float:
    """Return the facts per second of hosts that commit 20 facts at a time, all at once."""

    async def write(journal: SqlJournal, stream: str) -> None:
        made = commit_of("history only", 0, stream=stream).facts
        for number in range(commits):
            facts = tuple(made[number * 20 % BATCH :][:20])
            await journal.commit(Commit(stream, 1, number * 20, facts=facts))

    seconds = await timed(asyncio.gather(*(write(*each) for each in hosts)))
    return commits * 20 * len(hosts) / seconds


# ------------------------------------------------------------------------------------------------------------- printing


async def compare(console: Console, given: argparse.Namespace, schemas: Schemas | None) -> None:
    """Print ours and bare side by side, each over some runs."""
    table = Table(
        title=f"facts/s, durable: commits of {BATCH} chained facts, {given.runs} runs of {given.batches}"
    )
    for column in ("", "ours", "min", "max", "bare driver", "ours / bare", "min", "max"):
        table.add_column(column, justify="right" if column else "left")
    for database in ("SQLite", "PostgreSQL")[: 1 if schemas is None else 2]:
        for sort in SORTS:
            pairs = []
            for _ in range(given.runs):
                with tempfile.TemporaryDirectory() as folder:
                    on = schemas if database == "PostgreSQL" else None
                    pairs.append(await side_by_side(sort, given.batches, Path(folder), on))
            ours, bare = [BATCH / pair[0] for pair in pairs], [BATCH / pair[1] for pair in pairs]
            ratios = [pair[1] / pair[0] for pair in pairs]
            cells = [f"{pick(ours):,.0f}" for pick in (statistics.median, min, max)]
            cells += [f"{statistics.median(bare):,.0f}"]
            cells += [f"{pick(ratios):.2f}" for pick in (statistics.median, min, max)]
            table.add_row(f"{database}, {sort}", *cells)
    console.print(table)


async def grow(console: Console, facts: int, location: str | Path, name: str) -> None:
    """Print what an append costs as the ledger grows, and what verifying costs in the end."""
    marks, seconds = await growing(location, facts)
    said = ", ".join(f"{size:,}: {spent * 1_000:.1f} ms" for size, spent in marks)
    console.print(
        f"{name}: a commit of {BATCH} facts at a size of {said}; verify of {facts:,} facts: {seconds:.1f} s"
    )


async def run(given: argparse.Namespace) -> None:
    """Print everything asked for."""
    console = Console(width=140)
    schemas = Schemas(given.postgres) if given.postgres else None
    try:
        if given.runs:
            await compare(console, given, schemas)
        if given.large:
            with tempfile.TemporaryDirectory() as folder:
                await grow(console, given.large, Path(folder) / "large.db", "SQLite")
            if schemas:
                await grow(console, given.large, await schemas.new(), "PostgreSQL")
        if schemas:
            rates = [await two_hosts(schemas, given.commits) for _ in range(max(given.runs, 1))]
            alone, together, apart = (statistics.median(each) for each in zip(*rates, strict=True))
            console.print(
                f"PostgreSQL, commits of 20 facts one after the other, facts/s: one host {alone:,.0f}; two on one "
                f"ledger {together:,.0f}; two on a ledger each {apart:,.0f}: the difference is the ledger's one lock"
            )
    finally:
        if schemas:
            await schemas.drop()
    console.print(
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, SQLAlchemy {version('sqlalchemy')}"
        + (f", asyncpg {version('asyncpg')}" if schemas else "")
    )


def main() -> None:
    """Read the options and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--commits", type=int, default=100)
    parser.add_argument("--large", type=int, default=0, help="facts of the ledger that is grown and verified")
    parser.add_argument("--postgres", default="", help="the URL of a database to make schemas in")
    given = parser.parse_args()
    asyncio.run(run(given))
    options = " ".join(
        f"--{name} {value}" for name, value in vars(given).items() if value and name != "postgres"
    )
    Console(width=140).print(
        f"command: python -m benchmarks.ledger {options}{' --postgres URL' if given.postgres else ''}"
    )


if __name__ == "__main__":
    main()
