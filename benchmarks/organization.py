"""How many tasks an organization does per second in one process, every fact durable, and where the time goes.

1,000 directives of the echo provider travel through root -> metasystem -> leaf and back over the in-memory transport;
the controllers share a SQLite ledger with synchronous=FULL. A directive makes one task at the root and one at the
metasystem; what is counted is the leaf's tasks. Run: python -m benchmarks.organization
"""

import argparse
import asyncio
import cProfile
import platform
import pstats
import sqlite3
import statistics
import tempfile
import time
from collections import Counter
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from vsm_core.facts import RecordedFact
from vsm_core.genome import OrganizationalGenome, add_child, new_genome
from vsm_core.node import LeafOperation, ModelSpec, ViableNode
from vsm_core.payloads.work import Directive
from vsm_ledger import open_journal
from vsm_system.clock import new_process_id
from vsm_system.collector import relax_collector
from vsm_system.compose import Assembly, running
from vsm_worker.artifacts import ArtifactStore
from vsm_worker.execution import Surroundings

LAYERS = ("vsm_core", "vsm_controller", "vsm_worker", "vsm_transport", "vsm_ledger", "vsm_system")


def organization() -> OrganizationalGenome:
    """Return root -> middle -> echo."""
    genome = add_child(new_genome(ViableNode(id="root")), "root", ViableNode(id="middle"))
    echo = ViableNode(id="echo", operation=LeafOperation.research(), model=ModelSpec(provider="echo"))
    return add_child(genome, "middle", echo)


async def run_once(tasks: int, folder: Path) -> tuple[float, Counter[str]]:
    """Return the seconds that all tasks took, and how many facts of each kind became durable."""
    counted: Counter[str] = Counter()

    def observe(_node: str, recorded: RecordedFact) -> None:
        counted[recorded.fact.kind] += 1

    journal = await open_journal(folder / "ledger.db", organization="bench")
    process = new_process_id()
    surroundings = Surroundings(
        cache=folder / "cache", artifacts=ArtifactStore(folder / "artifacts"), process=process
    )
    assembly = Assembly(
        organization="bench",
        genome=organization(),
        journal=journal,
        surroundings=surroundings,
        slots=64,
        observe=observe,
    )
    try:
        async with running(assembly) as organised:
            began = time.perf_counter()
            ids = [f"d-{number}" for number in range(tasks)]
            for directive_id in ids:
                await organised.submit(Directive(id=directive_id, title="echo"))
            await asyncio.gather(*(organised.finished(each) for each in ids))
            return time.perf_counter() - began, counted
    finally:
        await journal.close()


def profiled(tasks: int) -> list[tuple[str, float]]:
    """Return seconds of own time per package over one profiled run, largest first."""
    profile = cProfile.Profile()
    with tempfile.TemporaryDirectory() as folder:
        profile.runcall(asyncio.run, run_once(tasks, Path(folder)))
    spent: Counter[str] = Counter()
    for (file, _, name), (_, _, own, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        spent[_package_of(file, name)] += own
    return spent.most_common(12)


def _package_of(file: str, name: str) -> str:
    for layer in LAYERS:
        if f"/{layer}/" in file:
            return layer
    for library in ("sqlalchemy", "aiosqlite", "pydantic", "asyncio", "orjson"):
        if library in file or library in name:
            return library
    if "select.epoll" in name or "poll" in name:
        return "waiting for the ledger's thread"
    return "the rest of Python"


def main() -> None:
    """Print the table and the breakdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=1_000)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    relax_collector()  # as the program does
    rates, facts = [], []
    for _ in range(given.runs):
        with tempfile.TemporaryDirectory() as folder:
            seconds, counted = asyncio.run(run_once(given.tasks, Path(folder)))
        rates.append(given.tasks / seconds)
        facts.append(sum(counted.values()) / seconds)
    console = Console()
    table = Table(
        title=f"{given.tasks} echo tasks, root -> metasystem -> leaf, SQLite {sqlite3.sqlite_version} FULL"
    )
    for column in ("", "median", "min", "max"):
        table.add_column(column, justify="right" if column else "left")
    for name, values in (("tasks/s", rates), ("facts/s, durable", facts)):
        table.add_row(name, *(f"{pick(values):,.0f}" for pick in (statistics.median, min, max)))
    console.print(table)
    console.print(
        f"Python {platform.python_version()}, pydantic {version('pydantic')}, SQLAlchemy {version('sqlalchemy')}; "
        f"command: python -m benchmarks.organization --tasks {given.tasks} --runs {given.runs}"
    )
    console.print(
        f"{sum(counted.values())} facts and {given.runs} runs; where one profiled run spent its time:"
    )
    for name, seconds in profiled(given.tasks):
        console.print(f"  {seconds:7.2f} s  {name}")


if __name__ == "__main__":
    main()
