"""The port to whoever does a leaf's work: one call, a stream of events, one normalised end.

Contract. ``run`` yields any number of ``Said`` and ``ToolRan`` and then exactly one ``ProviderOutcome``, the last.
It changes files in the workspace only, never commits, and never raises for anything the outside does: a missing
program, a crash, a refusal or a time limit is an outcome. Setting ``cancel`` ends the stream soon with CANCELLED;
cancelling the task ends it with CancelledError. Either way no process that it started is alive afterwards.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from vsm_core.node import Effect
from vsm_core.payloads.jobs import ProviderExit
from vsm_core.payloads.work import TaskPacket
from vsm_core.task import Budget, Evidence, Usage
from vsm_worker.process import Ended, Program, Scratch, run

NO_USAGE = Usage()


@dataclass(frozen=True, slots=True)
class WorkingFolder:
    """Where a provider works: the root of the work tree, and private folders of its own."""

    root: Path
    scratch: Scratch


@dataclass(frozen=True, slots=True)
class Said:
    """Words of the author: narration, never evidence."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolRan:
    """A command ran to an end; its whole output goes to the artifacts."""

    tool: str
    effect: Effect
    evidence: Evidence
    output: bytes


@dataclass(frozen=True, slots=True)
class ProviderOutcome:
    """How the provider ended, and what it spent."""

    exit: ProviderExit
    reason: str = ""
    usage: Usage = NO_USAGE


ProviderEvent = Said | ToolRan | ProviderOutcome


class ModelProvider(Protocol):
    """Does a task's work in a workspace; the module's docstring is the contract."""

    def run(
        self, request: TaskPacket, workspace: WorkingFolder, budget: Budget, cancel: asyncio.Event
    ) -> AsyncGenerator[ProviderEvent, None]:
        """Do the work, telling of it as it goes; the last event is the outcome."""
        ...


async def run_unless(cancel: asyncio.Event, program: Program) -> Ended | None:
    """Run a program to its end, or None where ``cancel`` was set first: the program is dead by then."""
    running = asyncio.ensure_future(run(program))
    waiting = asyncio.ensure_future(cancel.wait())
    try:
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        return await running if running.done() else None
    finally:
        waiting.cancel()
        running.cancel()
        await asyncio.wait({running, waiting})
        if not running.cancelled():
            running.exception()
