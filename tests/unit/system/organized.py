"""A ledger made by a real organization: hosts, actors and leaves of one process, with the echo provider."""

import asyncio
from pathlib import Path

from vsm_core.genome import OrganizationalGenome, add_child, new_genome
from vsm_core.node import LeafOperation, ModelSpec, ViableNode
from vsm_core.payloads.work import Directive
from vsm_ledger import open_journal
from vsm_system.compose import Assembly, running
from vsm_system.runs.ledger import code_version
from vsm_worker.artifacts import ArtifactStore
from vsm_worker.execution import Surroundings

ORGANIZATION = "demo"


def genome() -> OrganizationalGenome:
    """root -> middle -> echo, twin."""
    made = add_child(new_genome(ViableNode(id="root")), "root", ViableNode(id="middle"))
    for name in ("echo", "twin"):
        leaf = ViableNode(id=name, operation=LeafOperation.research(), model=ModelSpec(provider="echo"))
        made = add_child(made, "middle", leaf)
    return made


async def organized_run(
    location: str | Path, folder: Path, *, directives: int, asked: Directive | None = None
) -> None:
    """Let the organization do directives, or the one that is asked, every fact in the ledger at ``location``."""
    journal = await open_journal(location, organization=ORGANIZATION, code_version=code_version())
    surroundings = Surroundings(
        cache=folder / "cache", artifacts=ArtifactStore(folder / "artifacts"), process="process-test"
    )
    assembly = Assembly(
        organization=ORGANIZATION, genome=genome(), journal=journal, surroundings=surroundings, slots=4
    )
    try:
        async with running(assembly) as organized:
            ids = [f"d-{number}" for number in range(directives)]
            for directive_id in ids:
                await organized.submit(asked or Directive(id=directive_id, title="echo"))
            await asyncio.gather(*(organized.finished(each) for each in ids))
    finally:
        await journal.close()
