"""One process of an organization on a shared ledger: `python -m tests.system.serving LEDGER FOLDER`.

It says on its output what becomes of it: `serving` once it holds every node, `done ID` per directive, and the name of
the error that ended it. Its claims are short, so that a test need not wait for long.
"""

import asyncio
import sys
from itertools import count
from pathlib import Path

from vsm_core.actor import Claimed, Fenced
from vsm_core.genome import OrganizationalGenome, add_child, new_genome
from vsm_core.node import LeafOperation, ModelSpec, ViableNode
from vsm_core.payloads.work import Directive
from vsm_ledger import LedgerLocked, open_journal
from vsm_system import host
from vsm_system.clock import new_process_id
from vsm_system.compose import Assembly, running
from vsm_worker.artifacts import ArtifactStore
from vsm_worker.surroundings import Surroundings

ORGANIZATION = "shared"
PAUSE_SECONDS = 0.1  # between two directives
LOST = 7  # the exit code of a process that lost a node, or never got it


def echoing() -> OrganizationalGenome:
    genome = add_child(new_genome(ViableNode(id="root")), "root", ViableNode(id="middle"))
    leaf = ViableNode(id="echo", operation=LeafOperation.research(), model=ModelSpec(provider="echo"))
    return add_child(genome, "middle", leaf)


async def serve(location: str, folder: Path) -> None:
    journal = await open_journal(location, organization=ORGANIZATION)
    process = new_process_id()
    surroundings = Surroundings(folder / "cache", ArtifactStore(folder / "artifacts"), process)
    assembly = Assembly(
        organization=ORGANIZATION, genome=echoing(), journal=journal, surroundings=surroundings
    )
    try:
        async with running(assembly) as organization:
            say("serving")
            for number in count():
                name = f"d-{process[-8:]}-{number}"
                await organization.submit(Directive(id=name, title="echo"))
                report = await organization.finished(name)
                say(f"done {report.directive_id} {report.outcome}")
                await asyncio.sleep(PAUSE_SECONDS)
    finally:
        await journal.close()


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    host.CLAIM_TTL_SECONDS, host.CLAIM_RENEW_SECONDS = 2.0, 0.5
    try:
        asyncio.run(serve(sys.argv[1], Path(sys.argv[2])))
    except (Fenced, Claimed, LedgerLocked) as error:
        say(f"{type(error).__name__} {error}")
        return LOST
    return 0


if __name__ == "__main__":
    sys.exit(main())
