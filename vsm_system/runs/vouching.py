"""Whether a ledger still says what was recorded, asked with all the witnesses that a run has left.

Before a recorded outcome is told, or acted on, the chain that it stands in is verified: a result that somebody wrote
into the file afterwards is no result.
"""

import os
from collections.abc import Callable
from pathlib import Path

from vsm_ledger.checkpoints import Checkpoint, load_public_keys, read_copies
from vsm_ledger.errors import LedgerError
from vsm_ledger.verification import Verification, verify
from vsm_system.errors import RecordChanged, UserError
from vsm_system.runs.checkpoint import read_file, read_ref, ref_of
from vsm_system.runs.ledger import file_of, reading
from vsm_system.runs.state import State

VERIFIED_FACTS = 100_000  # of a ledger: some seconds; a larger one is verified when that is asked for


async def vouch(state: State, common: Path, tell: Callable[[str], None]) -> None:
    """Raise RecordChanged unless the ledger is whole; of one too large to look through in passing, say so."""
    facts = await _facts(state.ledger)
    if facts > VERIFIED_FACTS:
        tell(f"the ledger has {facts} facts, so it was not verified in passing: `vsm ledger verify` does it")
        return
    told = await verification_of(state, common)
    if told.findings:
        raise RecordChanged(f"the ledger was changed ({told.findings[0]}): see `vsm ledger verify`")


async def _facts(ledger: str) -> int:
    async with reading(ledger) as history:
        return sum(row.version for row in await history.streams())


async def verification_of(state: State, common: Path | None) -> Verification:
    """Compare a ledger with the copies of its checkpoints: beside it, in the state folder and in the repository."""
    copies: dict[str, tuple[Checkpoint, ...]] = {}
    keys: dict[str, bytes] = {}
    file = file_of(state.ledger)
    if file is not None and file.exists() and not os.access(file, os.R_OK):
        raise UserError(f"{file} can't be read: it belongs to somebody else")
    beside = (file.absolute().parent,) if file else ()
    for folder in dict.fromkeys((*beside, state.folder)):
        copies[str(folder / state.copies.name)] = read_copies(read_file(folder / state.copies.name))
        keys |= load_public_keys(folder)
    if common is not None:
        ref = ref_of(state, common)
        copied = read_copies(await read_ref(common, ref))
        if copied and await _is_ours(state, copied[0].organization):
            copies[ref] = copied
    found = {where: copied for where, copied in copies.items() if copied}
    return await verify(state.ledger, copies=found, keys=keys)


async def _is_ours(state: State, organization: str) -> bool:
    try:
        async with reading(state.ledger) as history:
            return history.organization == organization
    except LedgerError:
        return True  # too damaged to say whose it is: the copy is the better witness
