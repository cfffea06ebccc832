"""The auto provider: no coding model is configured, and it says exactly what would change that."""

import asyncio
import shutil
from collections.abc import AsyncGenerator

from vsm_core.payloads.jobs import ProviderExit
from vsm_core.payloads.work import TaskPacket
from vsm_core.task import Budget
from vsm_worker.providers.protocol import ProviderEvent, ProviderOutcome, WorkingFolder

# Command lines that edit files without asking, as their makers document them.
KNOWN_AGENTS = {
    "claude": '["claude", "-p", "{prompt}", "--permission-mode", "acceptEdits"]',
    "codex": '["codex", "exec", "--skip-git-repo-check", "--sandbox", "workspace-write", "{prompt}"]',
    "gemini": '["gemini", "-p", "{prompt}", "--approval-mode", "auto_edit", "--skip-trust"]',
    "opencode": '["opencode", "run", "{prompt}"]',
    "qwen": '["qwen", "{prompt}", "--approval-mode", "auto-edit"]',
}
EXAMPLE = "claude"


async def run(
    request: TaskPacket, workspace: WorkingFolder, budget: Budget, cancel: asyncio.Event
) -> AsyncGenerator[ProviderEvent, None]:
    """End at once: a human has to choose who writes the code."""
    if cancel.is_set():
        yield ProviderOutcome(ProviderExit.CANCELLED)
        return
    found = next((name for name in KNOWN_AGENTS if shutil.which(name)), None)
    yield ProviderOutcome(ProviderExit.NEEDS_HUMAN, steps(request, found))


def steps(request: TaskPacket, found: str | None) -> str:
    """Return what to do so that this task can be worked on; ``found`` is a coding agent seen on PATH."""
    node = request.assignment.node.id if request.assignment else "coder"
    seen = (
        f"{found} is on PATH"
        if found
        else f"none of {', '.join(KNOWN_AGENTS)} is on PATH: install one and log in"
    )
    return (
        f"this task needs a coding model and node {node!r} has none ({seen}). To enable one: "
        f"1. `vsm genome show > organization.yaml`; 2. under node {node!r} write\n"
        "    model: {provider: command}\n"
        "    permissions: {network: true}\n"
        f"    tools: [{{name: agent, argv: {KNOWN_AGENTS[found or EXAMPLE]}, timeout_seconds: 1800}}]\n"
        "and `permissions: {network: true}` under each node above it; "
        "3. run the same command again with `--organization organization.yaml`."
    )
