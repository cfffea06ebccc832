"""The echo provider: says the task back at once, touches nothing; it measures the organization around it."""

import asyncio
from collections.abc import AsyncGenerator

from vsm_core.payloads.jobs import ProviderExit
from vsm_core.payloads.work import TaskPacket
from vsm_core.task import Budget
from vsm_worker.prompt import goal
from vsm_worker.providers.protocol import ProviderEvent, ProviderOutcome, Said, WorkingFolder


async def run(
    request: TaskPacket, workspace: WorkingFolder, budget: Budget, cancel: asyncio.Event
) -> AsyncGenerator[ProviderEvent, None]:
    """Say the goal back, and end well."""
    if cancel.is_set():
        yield ProviderOutcome(ProviderExit.CANCELLED)
        return
    yield Said(goal(request))
    yield ProviderOutcome(ProviderExit.OK)
