"""The command provider: the node's own tools, in order, as command lines without a shell.

Deterministic and offline for the crew. A tool that is told in words what to do (a coding agent's command line) runs the
same way; only where every level of the organization grants the network is it given the user's home and provider keys,
because without them no such agent can log in.
"""

import asyncio
import os
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from time import monotonic

from vsm_core.capability import network_allowed
from vsm_core.node import Effect, ToolSpec
from vsm_core.payloads.jobs import ProviderExit
from vsm_core.payloads.work import TaskPacket
from vsm_core.task import TAIL_LIMIT, Budget, Evidence, Isolation, Usage
from vsm_worker.errors import ProgramMissing
from vsm_worker.process import Ended, Program, Scratch, allowed_environment, own_tool_environment
from vsm_worker.providers.arguments import command_line
from vsm_worker.providers.protocol import (
    ProviderEvent,
    ProviderOutcome,
    Said,
    ToolRan,
    WorkingFolder,
    run_unless,
)
from vsm_worker.tools import applicable, takes_prompt

CREW = frozenset({"bandit", "pytest", "ruff", "typos", "vulture"})  # what the extra `crew` installs
AGENT_SETTINGS = (
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "NODE_EXTRA_CA_CERTS",
)
AGENT_SUFFIXES = ("_API_KEY", "_BASE_URL", "_AUTH_TOKEN")


@dataclass(frozen=True, slots=True)
class Turn:
    """One tool's turn at a task."""

    tool: ToolSpec
    packet: TaskPacket
    folder: WorkingFolder
    deadline: float | None  # on the monotonic clock


async def run(
    request: TaskPacket, workspace: WorkingFolder, budget: Budget, cancel: asyncio.Event
) -> AsyncGenerator[ProviderEvent, None]:
    """Run each applicable tool; the first that fails, is missing or runs out of time ends it."""
    started = monotonic()
    deadline = None if budget.worker_seconds is None else started + budget.worker_seconds
    tools = applicable(request)
    for count, tool in enumerate(tools):
        turn = Turn(tool, request, workspace, deadline)
        ended = await _take(turn, cancel)
        if isinstance(ended, ProviderOutcome):
            yield ended
            return
        yield _observed(turn, ended)
        if takes_prompt(tool):
            yield Said(ended.shown[-TAIL_LIMIT:])
        if failure := _failure(
            turn, ended, Usage(tool_calls=count + 1, worker_seconds=monotonic() - started)
        ):
            yield failure
            return
    usage = Usage(tool_calls=len(tools), worker_seconds=monotonic() - started)
    yield ProviderOutcome(ProviderExit.OK, usage=usage) if tools else _no_tool(request)


async def _take(turn: Turn, cancel: asyncio.Event) -> Ended | ProviderOutcome:
    if cancel.is_set():
        return ProviderOutcome(ProviderExit.CANCELLED)
    limit = float(turn.tool.timeout_seconds)
    if turn.deadline is not None:
        limit = min(limit, turn.deadline - monotonic())
    if limit <= 0:
        return ProviderOutcome(ProviderExit.TIMED_OUT, f"no time was left for {turn.tool.name}")
    argv = await command_line(turn.tool, turn.packet, turn.folder)
    program = Program(argv, turn.folder.root, environment_of(turn), limit)
    try:
        ended = await run_unless(cancel, program)
    except ProgramMissing as missing:
        return ProviderOutcome(ProviderExit.TOOL_MISSING, _how_to_get(missing.program))
    except OSError as error:
        return ProviderOutcome(ProviderExit.FAILED, f"{argv[0]} could not be started: {error}")
    return ended or ProviderOutcome(ProviderExit.CANCELLED)


def environment_of(turn: Turn) -> dict[str, str]:
    """Return a tool's environment: narrow for the crew, with the user's logins for an agent on the network."""
    if not takes_prompt(turn.tool):
        return own_tool_environment(turn.folder.scratch)
    allowed = allowed_environment(turn.folder.scratch)
    assignment = turn.packet.assignment
    if assignment is None or not network_allowed(assignment.authority):
        return allowed
    return {**allowed, **_logins(turn.folder.scratch)}


def _logins(scratch: Scratch) -> dict[str, str]:
    logins = {
        name: value
        for name, value in os.environ.items()
        if name in AGENT_SETTINGS
        or name.lower() in {each.lower() for each in AGENT_SETTINGS}
        or name.endswith(AGENT_SUFFIXES)
    }
    return {**logins, "HOME": os.environ.get("HOME", str(scratch.home))}


def _how_to_get(program: str) -> str:
    if program in CREW:
        return f"{program} is not installed: pip install 'vsm-kernel[crew]'"
    return f"{program} is not on PATH: install it, or change the tool's argv in the organization file"


def _observed(turn: Turn, ended: Ended) -> ToolRan:
    evidence = Evidence(
        argv=ended.argv,
        exit_code=ended.exit_code,
        duration_seconds=ended.duration_seconds,
        summary=_summary(turn.tool, ended),
        output_digest=ended.digest,
        output_tail=ended.shown[-TAIL_LIMIT:],
        isolation=Isolation.NONE,
    )
    return ToolRan(turn.tool.name, turn.tool.effect, evidence, ended.output)


def _summary(tool: ToolSpec, ended: Ended) -> str:
    if ended.timed_out:
        return f"{tool.name} did not end in time"
    lines = [line.strip() for line in ended.shown.splitlines() if line.strip()]
    return f"{tool.name}: {lines[-1][:200] if lines else 'no output'}"


def _failure(turn: Turn, ended: Ended, usage: Usage) -> ProviderOutcome | None:
    name = turn.tool.name
    if ended.timed_out:
        return ProviderOutcome(
            ProviderExit.TIMED_OUT, f"{name} ran longer than it may and was stopped", usage
        )
    if ended.flooded:
        return ProviderOutcome(ProviderExit.FAILED, f"{name} flooded its output and was stopped", usage)
    if ended.exit_code is None or ended.crashed:
        return ProviderOutcome(
            ProviderExit.CRASHED, f"{name} was killed by signal {-(ended.exit_code or 0)}", usage
        )
    if ended.exit_code in turn.tool.success_codes:
        return None
    if turn.tool.effect is Effect.REPORT and ended.output.strip():
        return None  # findings are what it was asked for
    last = _summary(turn.tool, ended)
    return ProviderOutcome(ProviderExit.FAILED, f"exit code {ended.exit_code} from {last}", usage)


def _no_tool(request: TaskPacket) -> ProviderOutcome:
    node = request.assignment.node if request.assignment else None
    offered = ", ".join(f"{tool.name} ({tool.task_class})" for tool in node.tools) if node else ""
    asked = f"tasks of class {request.task_class!r}" if request.task_class else "tasks without a class"
    reason = f"node {node.id if node else '?'!r} has no tool for {asked}; it has: {offered or 'none'}"
    return ProviderOutcome(ProviderExit.NEEDS_HUMAN, reason)
