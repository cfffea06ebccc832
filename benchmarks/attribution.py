"""How long attribution takes over a million traces: from rollups, from the traces themselves, and for one subtree.

Traces are made straight into the tables, in the shape that the projections give them: 1 to 6 ancestors each, a week of
hours, two genomes, four task classes, three outcomes. Each answer is checked against the other before it is timed.
Run: python -m benchmarks.attribution
"""

import argparse
import asyncio
import platform
import sqlite3
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from random import Random

from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection

from vsm_ledger import open_history, open_journal
from vsm_ledger.connect import place_of
from vsm_ledger.projections.rollups import SPANS
from vsm_ledger.schema import MEASURES, node_rollups, trace_credit, traces
from vsm_ledger.views.attribution import Asked, GroupBy, Source, attribution

HOURS = 168
ENDS = ("completed", "completed", "completed", "completed", "no_change", "failed")
CLASSES = ("lint", "format", "imports", "code")
ROWS_PER_STEP = 20_000
COUNTED = (
    "merged",
    "input_tokens",
    "output_tokens",
    "money_micros",
    "latency_micros",
    "worker_micros",
    "lines_changed",
)
Cells = dict[str, object]


def lines(nodes: int) -> list[tuple[str, ...]]:
    """Return leaves with 1 to 6 ancestors each, the parent first."""
    depths = [1 + number % 6 for number in range(nodes)]
    return [
        (
            f"leaf-{number}",
            *(f"team-{level}-{number % 3**level}" for level in range(depth - 1, 0, -1)),
            "root",
        )
        for number, depth in enumerate(depths)
    ]


def made(count: int, nodes: int) -> Iterator[Cells]:
    """Yield traces."""
    dice, known = Random(7), lines(nodes)
    for number in range(count):
        node, *above = known[dice.randrange(nodes)]
        hour = number * HOURS // count
        outcome = dice.choice(ENDS)
        yield {
            "fact_id": f"fact_{number:026}",
            "stream": above[0],
            "task_id": f"task_{number:026}",
            "directive_id": f"d-{number % 5_000}",
            "node": node,
            "ancestors": "/".join(above),
            "line": hash((node, hour < HOURS // 2, outcome, number % len(CLASSES))),
            "attempt": 1,
            "genome_id": ("a" if hour < HOURS // 2 else "b") * 64,
            "trial_id": None,
            "arm": "champion",
            "role": "implement",
            "task_class": CLASSES[number % len(CLASSES)],
            "outcome": outcome,
            "failure_class": None,
            "scored": 1,
            **dict.fromkeys(MEASURES, 0),
            "merged": int(outcome == "completed"),
            "input_tokens": dice.randrange(10_000),
            "output_tokens": dice.randrange(1_000),
            "money_micros": dice.randrange(100_000),
            "latency_micros": dice.randrange(60_000_000),
            "worker_micros": dice.randrange(60_000_000),
            "lines_changed": dice.randrange(100),
            "money": "0.05",
            "currency": "USD",
            "traced_at": f"2026-01-{1 + hour // 24:02}T{hour % 24:02}:{dice.randrange(60):02}:00.000000Z",
        }


def key_of(trace: Cells, span: str, length: int) -> tuple[object, ...]:
    """Return the primary key of a rollup that counts a trace."""
    found = {**trace, "span": span, "period": str(trace["traced_at"])[:length], "trial_id": ""}
    return tuple(found[column.name] for column in node_rollups.primary_key)


def fill(connection: Connection, count: int, nodes: int) -> int:
    """Write traces, the closure and the rollups; return how many rollups there are."""
    sums: dict[tuple[object, ...], Counter[str]] = {}
    batch: list[Cells] = []
    for trace in made(count, nodes):
        batch.append(trace)
        for span, length in SPANS:
            counted = sums.setdefault(key_of(trace, span, length), Counter())
            counted["attempts"] += 1
            for name in COUNTED:
                counted[name] += int(str(trace[name]))
        if len(batch) == ROWS_PER_STEP:
            write(connection, batch)
            batch = []
    write(connection, batch)
    names = [column.name for column in node_rollups.primary_key]
    rows = [
        {**dict.fromkeys(MEASURES, 0), **dict(zip(names, key, strict=True)), **sum_}
        for key, sum_ in sums.items()
    ]
    for start in range(0, len(rows), ROWS_PER_STEP):
        connection.execute(node_rollups.insert(), rows[start : start + ROWS_PER_STEP])
    return len(rows)


def write(connection: Connection, batch: list[Cells]) -> None:
    """Write traces and who is credited with them."""
    if not batch:
        return
    connection.execute(traces.insert(), batch)
    credit = [
        {"fact_id": trace["fact_id"], "node": node, "depth": depth}
        for trace in batch
        for depth, node in enumerate((trace["node"], *str(trace["ancestors"]).split("/")))
    ]
    connection.execute(trace_credit.insert(), credit)


QUESTIONS: tuple[tuple[str, Asked], ...] = (
    ("all nodes, rollups", Asked(source=Source.ROLLUPS)),
    ("one subtree, rollups", Asked(subtree="team-1-1", source=Source.ROLLUPS)),
    (
        "36 hours, rollups",
        Asked(
            since="2026-01-05T12:00:00.000000Z", until="2026-01-07T00:00:00.000000Z", source=Source.ROLLUPS
        ),
    ),
    ("last day, rollups", Asked(since="2026-01-07T00:00:00.000000Z", source=Source.ROLLUPS)),
    ("by genome, rollups", Asked(group_by=GroupBy.GENOME, source=Source.ROLLUPS)),
    ("all nodes, traces", Asked(source=Source.TRACES)),
    ("one subtree, traces", Asked(subtree="team-1-1", source=Source.TRACES)),
    ("last day, traces", Asked(since="2026-01-07T00:00:00.000000Z", source=Source.TRACES)),
)


async def measured(location: str | Path, runs: int) -> list[tuple[str, list[float]]]:
    """Return the milliseconds that each question took, run by run."""
    history = await open_history(location)
    try:
        found = []
        for name, asked in QUESTIONS:
            other = Source.TRACES if asked.source is Source.ROLLUPS else Source.ROLLUPS
            one, two = [
                await history.ask(partial(attribution, asked=replace(asked, source=each)))
                for each in (asked.source, other)
            ]
            assert one == two, name
            found.append(
                (
                    name,
                    [
                        await timed(partial(history.ask, partial(attribution, asked=asked)))
                        for _ in range(runs)
                    ],
                )
            )
        return found
    finally:
        await history.close()


async def timed(ask: Callable[[], object]) -> float:
    """Return how many milliseconds an answer takes."""
    began = time.perf_counter()
    await ask()  # type: ignore[misc]
    return (time.perf_counter() - began) * 1_000


async def laid_out(location: str | Path, given: argparse.Namespace) -> int:
    """Make the ledger."""
    await (await open_journal(location, organization="bench")).close()
    writer = place_of(location).writing()
    try:
        return await writer.transact(partial(fill, count=given.traces, nodes=given.nodes))
    finally:
        await writer.close()


async def on(console: Console, name: str, location: str | Path, given: argparse.Namespace) -> None:
    """Print the table of one database."""
    rollups = await laid_out(location, given)
    if isinstance(location, Path):
        with closing(sqlite3.connect(location)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    table = Table(
        title=f"{name}: {given.traces:,} traces of {given.nodes} leaves, {rollups:,} rollups; milliseconds"
    )
    for column in ("", "median", "min", "max"):
        table.add_column(column, justify="right" if column else "left")
    for question, times in await measured(location, given.runs):
        table.add_row(question, *(f"{pick(times):,.0f}" for pick in (statistics.median, min, max)))
    console.print(table)


async def run(given: argparse.Namespace) -> None:
    """Print everything asked for."""
    console = Console(width=120)
    with tempfile.TemporaryDirectory() as folder:
        await on(console, f"SQLite {sqlite3.sqlite_version}", Path(folder) / "ledger.db", given)
    if given.postgres:
        from benchmarks.ledger import Schemas

        schemas = Schemas(given.postgres)
        try:
            await on(console, "PostgreSQL", await schemas.new(), given)
        finally:
            await schemas.drop()
    said = f"Python {platform.python_version()}, SQLAlchemy {version('sqlalchemy')}"
    url = " --postgres URL" if given.postgres else ""
    console.print(
        f"{said}; command: python -m benchmarks.attribution --traces {given.traces} --nodes {given.nodes} "
        f"--runs {given.runs}{url}"
    )


def main() -> None:
    """Read the options and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traces", type=int, default=1_000_000)
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--postgres", default="", help="the URL of a database to make a schema in")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
