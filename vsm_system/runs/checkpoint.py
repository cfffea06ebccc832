"""Checkpoints of a run: the ledger's heads, signed, with copies beside the ledger and in the repository.

A copy may lag behind the ledger, when a run was killed between the two; the next one completes it.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from vsm_ledger.checkpoints import Checkpoint, copy_line, read_copies
from vsm_system.crash import Crash
from vsm_system.runs.state import FOLDER, State
from vsm_worker.git import Call, call, git

REF = "refs/vsm/checkpoints"


def ref_of(state: State, common: Path) -> str:
    """Return the ref of a ledger's copies: the repository's own ledger has the plain one, any other one of its own."""
    own = state.folder == common / FOLDER and state.copies.name == "checkpoints.ndjson"
    return REF if own else f"{REF}-{state.mark}"


def lagging(copied: bytes, stored: Sequence[Checkpoint]) -> tuple[Checkpoint, ...]:
    """Return the ledger's checkpoints that a copy lacks."""
    known = {each.number for each in read_copies(copied)}
    return tuple(each for each in stored if each.number not in known)


async def copy_checkpoints(
    state: State, common: Path | None, stored: Sequence[Checkpoint], crash: Crash
) -> None:
    """Bring both copies up to what the ledger holds; errors are the file system's and git's."""
    copied = read_file(state.copies)
    missing = lagging(copied, stored)
    if missing:
        crash("checkpoint.before_write")
        _append(state.copies, copied, missing)
        crash("checkpoint.after_write")
    if common is not None:
        await _copy_to_ref(common, ref_of(state, common), stored)


def read_file(copies: Path) -> bytes:
    """Return the copy beside the ledger; empty where there is none."""
    return copies.read_bytes() if copies.exists() else b""


def _append(copies: Path, copied: bytes, missing: Sequence[Checkpoint]) -> None:
    gap = b"\n" if copied and not copied.endswith(b"\n") else b""  # the last line was cut short by a kill
    copies.parent.mkdir(parents=True, exist_ok=True)
    with copies.open("ab") as file:
        file.write(gap + b"".join(copy_line(each) + b"\n" for each in missing))
        file.flush()
        os.fsync(file.fileno())


async def _copy_to_ref(common: Path, ref: str, stored: Sequence[Checkpoint]) -> None:
    copied = await read_ref(common, ref)
    missing = lagging(copied, stored)
    if not missing:
        return
    text = copied + b"".join(copy_line(each) + b"\n" for each in missing)
    blob = (await call(common, Call(("hash-object", "-w", "--stdin"), stdin=text))).output.decode().strip()
    await git(common, "update-ref", "-m", "vsm", ref, blob)


async def read_ref(common: Path, ref: str) -> bytes:
    """Return the copy in the repository; empty where there is none."""
    answer = await call(common, Call(("cat-file", "blob", ref), accepted=(0, 1, 128)))
    return answer.output if answer.exit_code == 0 else b""
