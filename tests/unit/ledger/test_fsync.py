"""A disk that fails while it syncs (row 15): nothing is promised that is not there, and the ledger can be gone on with.

The failure is a real one, injected into the system calls of a real writer; where nothing may trace a process the tests
are skipped.
"""

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.journals import TTL_SECONDS, commit, entry, envelope, owner, recorded
from vsm_ledger import open_journal, verify

ROOT = Path(__file__).resolve().parents[3]
COMMITS = 12
TRACE_SECONDS = 60
PROGRAM = """
import asyncio, sys
from tests.contract.journals import TTL_SECONDS, commit, entry, envelope, owner, recorded
from vsm_ledger import LedgerUnavailable, open_journal

async def main(path, commits):
    journal = await open_journal(path)
    epoch = await journal.claim("root", owner("child"), TTL_SECONDS)
    version = (await journal.load("root")).version
    for number in range(int(commits)):
        name = f"root-{version}"
        try:
            part = dict(facts=[recorded(name)], entries=[entry(envelope(name))])
            await journal.commit(commit("root", epoch, version, **part))
        except LedgerUnavailable as error:
            print("unavailable", flush=True)
            return
        version += 1
        print(version, flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


def traced(path: Path, failing: int) -> list[str]:
    """Let a writer make some commits while its ``failing``-th sync of a file fails; return what it said."""
    calls = "fsync,fdatasync"
    tracer = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}"]
    tracer += ["-e", f"inject={calls}:error=EIO:when={failing}"]
    ended = subprocess.run(
        [*tracer, sys.executable, "-c", PROGRAM, str(path), str(COMMITS)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=TRACE_SECONDS,
        check=False,
    )
    return ended.stdout.split()


@pytest.fixture(scope="module", autouse=True)
def _may_trace() -> None:
    allowed = shutil.which("strace") and subprocess.run(
        ["strace", "-qq", "-o", "/dev/null", "true"], capture_output=True, timeout=TRACE_SECONDS, check=False
    )
    if not allowed or allowed.returncode != 0:
        pytest.skip("needs strace, and the right to trace a process")


@pytest.mark.parametrize("failing", [8, 10, 13])
def test_what_was_promised_is_there_after_a_sync_that_failed(tmp_path: Path, failing: int) -> None:
    path = tmp_path / "ledger.sqlite"
    asyncio.run(_made(path))
    said = traced(path, failing)
    promised = [int(word) for word in said if word != "unavailable"]
    assert "unavailable" in said, "the failure went unnoticed"
    assert len(promised) < COMMITS
    asyncio.run(_goes_on(path, max(promised, default=0)))


async def _made(path: Path) -> None:
    await (await open_journal(path, organization="demo")).close()


async def _goes_on(path: Path, promised: int) -> None:
    journal = await open_journal(path)
    epoch = await journal.claim("root", owner("after"), TTL_SECONDS)
    version = (await journal.load("root")).version
    assert version >= promised
    part = {"facts": [recorded("more")], "entries": [entry(envelope("more"))]}
    await journal.commit(commit("root", epoch, version, **part))
    await journal.close()
    assert (await verify(path)).findings == ()
