"""Stages on every journal, and on the one in memory where the journal makes no difference."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.unit.system.stage import Clock, Stage, memory_journal, staged
from vsm_ledger import open_journal
from vsm_system import host, relay, supervisor

SHORT_SECONDS = 0.001


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between repetitions are no part of what is tested here, so they are over at once."""
    monkeypatch.setattr(host, "NACK_SECONDS", 0.0)
    monkeypatch.setattr(relay, "RETRY_SECONDS", (SHORT_SECONDS,))
    monkeypatch.setattr(supervisor, "BACKOFF_SECONDS", 0.0)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Failures on purpose are not worth a traceback each."""
    with capture_logs():
        yield


@pytest.fixture(params=["memory", "sqlite"])
async def stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage on each kind of journal; what its jobs do is over at the end."""
    clock = Clock()
    if request.param == "memory":
        journal = memory_journal(clock)
    else:
        journal = await open_journal(tmp_path / "ledger.sqlite", organization="demo", clock=clock.now)
    made = await staged(journal, clock)
    yield made
    await made.jobs.stop()
    await made.transport.close()
    await journal.close()


@pytest.fixture
async def on_memory() -> AsyncIterator[Stage]:
    """A stage on the journal in memory, which answers at once."""
    clock = Clock()
    made = await staged(memory_journal(clock), clock)
    yield made
    await made.jobs.stop()
    await made.transport.close()
