"""One execution of a task, from its workspace to what the harness measured; the job behind an admitted packet.

Theory of operation. The provider works in a detached work tree. When it has ended, and with it every process it
started, the harness stages and commits what it finds, puts it under the attempt's own ref, and measures the diff. An
execution that finds its ref already there was interrupted after its work was safe: it goes on from that commit. What
did not end well is saved under a rescue ref. Work that the gate for secrets refuses is kept under no ref. No way out
of here leaves a work tree or a process.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from vsm_core.payloads.jobs import ExecuteTask, ExecutionReport, GateKind, ProviderExit
from vsm_core.payloads.work import Assignment, TaskPacket
from vsm_core.task import Artifact, Evidence, Isolation, Role, Usage
from vsm_worker.acceptance.verification import verify
from vsm_worker.artifacts import ArtifactStore
from vsm_worker.gates import inspect
from vsm_worker.git import common_directory, readable, resolve
from vsm_worker.measure import measure, special_changes
from vsm_worker.process import Scratch
from vsm_worker.providers import PROVIDERS, WITHOUT_WORKSPACE
from vsm_worker.providers.protocol import ProviderEvent, ProviderOutcome, Said, ToolRan, WorkingFolder
from vsm_worker.report import NARRATION_LIMIT, bounded
from vsm_worker.secret_rules import redacted
from vsm_worker.surroundings import CRASH_POINTS, Surroundings, attempt_ref, base_of, no_crash, site_of
from vsm_worker.watch.watching import Sighting, settled, watched
from vsm_worker.workspace import Workspace, commit_message, commit_work, delete_ref, keep, rescue, workspace

__all__ = ["CRASH_POINTS", "Surroundings", "execute", "no_crash"]

REPORTED_OUTPUT = 200  # bytes of a tool's output below which its evidence alone says it all


@dataclass(slots=True)
class Told:
    """What a provider told on its way."""

    outcome: ProviderOutcome
    narration: str = ""
    evidence: tuple[Evidence, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    begun: bool = False


async def execute(request: ExecuteTask, surroundings: Surroundings) -> ExecutionReport:
    """Run one execution and return what was measured.

    Raise WorkerError where git or the repository failed (the job fails, the leaf is not to blame); cancellation kills
    all processes, saves unfinished work under a rescue ref and removes the work tree before it goes on.
    """
    surroundings.crash("worker.after_admission")
    started = monotonic()
    report = await _by_kind(request, surroundings)
    usage = report.usage.model_copy(update={"worker_seconds": monotonic() - started})
    return bounded(report.model_copy(update={"usage": usage}))


async def _by_kind(request: ExecuteTask, surroundings: Surroundings) -> ExecutionReport:
    packet, assignment = request.packet, request.packet.assignment
    if assignment is None:
        return ExecutionReport(exit=ProviderExit.FAILED, reason="the packet names nobody to do it")
    provider = assignment.node.model.provider
    if packet.repository is not None and packet.role is Role.TEST:
        return await verify(request, surroundings)
    if packet.repository is None or provider in WITHOUT_WORKSPACE:
        return await _without_workspace(request, surroundings, provider)
    return await _with_workspace(request, assignment, surroundings)


async def _without_workspace(
    request: ExecuteTask, surroundings: Surroundings, provider: str
) -> ExecutionReport:
    if provider not in WITHOUT_WORKSPACE:
        reason = f"provider {provider!r} works on a repository, and the task names none"
        return ExecutionReport(exit=ProviderExit.NEEDS_HUMAN, reason=reason)
    nowhere = surroundings.cache / "nowhere"
    told = await _work(request.packet, WorkingFolder(nowhere, Scratch.below(nowhere)), surroundings)
    surroundings.crash("worker.after_work")
    return _reported(told)


def _reported(told: Told) -> ExecutionReport:
    return ExecutionReport(
        exit=told.outcome.exit,
        reason=told.outcome.reason,
        evidence=told.evidence,
        usage=told.outcome.usage,
        artifacts=told.artifacts,
        isolation=Isolation.NONE,
        narration=told.narration,
    )


async def _with_workspace(
    request: ExecuteTask, assignment: Assignment, surroundings: Surroundings
) -> ExecutionReport:
    packet = request.packet
    site = await site_of(request, surroundings, base_of(packet))
    common, ref = (
        await common_directory(site.repository),
        attempt_ref(packet, assignment, request.execution_id),
    )
    finished = await resolve(common, ref)
    if finished is not None:
        told = Told(ProviderOutcome(ProviderExit.OK, "taken up again after an interruption"))
        return await _inspected(packet, common, _reported(told), (ref, finished))
    await settled(common)
    async with workspace(site) as made, watched(made) as sighting:
        told = await _work(packet, WorkingFolder(made.root, made.scratch), surroundings)
        surroundings.crash("worker.after_work")
        await sighting.look()  # before git is asked anything: what was planted is gone by then
        report = _seen(_reported(told), sighting)
        if told.outcome.exit is not ProviderExit.OK:
            return report.model_copy(update={"rescue_ref": await rescue(made)})
        commit = await _committed(made, packet, assignment, surroundings)
        if commit is None:
            return report
        await keep(made, ref, commit)
        surroundings.crash("worker.after_ref")
        return await _inspected(packet, common, report, (ref, commit))


def _seen(report: ExecutionReport, sighting: Sighting) -> ExecutionReport:
    seen = {"violations": sighting.violations, "special_changes": sighting.notes}
    return report.model_copy(update=seen)


async def _committed(
    made: Workspace, packet: TaskPacket, assignment: Assignment, surroundings: Surroundings
) -> str | None:
    trailers = (
        ("VSM-Directive", packet.directive_id),
        ("VSM-Task", packet.id),
        ("VSM-Node", assignment.node.id),
        ("VSM-Genome", assignment.genome_id),
    )
    commit = await commit_work(made, commit_message(packet.title, trailers))
    surroundings.crash("worker.after_commit")
    return commit


async def _inspected(
    packet: TaskPacket, common: Path, report: ExecutionReport, kept: tuple[str, str]
) -> ExecutionReport:
    """Measure the work under an attempt ref; work that holds a secret is no longer kept."""
    ref, commit = kept
    measured = await _measured(packet, common, report, commit)
    if all(each.kind is not GateKind.SECRET for each in measured.violations):
        return measured
    await delete_ref(common, ref, commit)
    return measured.model_copy(update={"commit": None})


async def _measured(
    packet: TaskPacket, common: Path, report: ExecutionReport, commit: str
) -> ExecutionReport:
    base = base_of(packet)
    measured = await measure(common, base, commit)
    return report.model_copy(
        update={
            "commit": commit,
            "files_touched": tuple(readable(path) for path in measured.paths),
            "special_changes": (*special_changes(measured), *report.special_changes),
            "diff": measured.size,
            "violations": (*report.violations, *await inspect(packet, common, base, measured)),
        }
    )


async def _work(packet: TaskPacket, folder: WorkingFolder, surroundings: Surroundings) -> Told:
    told = Told(ProviderOutcome(ProviderExit.FAILED, "the provider ended without an outcome"))
    async with aclosing(_events(packet, folder)) as events:
        async for event in events:
            _take_in(told, event, surroundings.artifacts)
            if not told.begun:
                told.begun = True
                surroundings.crash("worker.mid_work")
    return told


def _events(packet: TaskPacket, folder: WorkingFolder) -> AsyncGenerator[ProviderEvent, None]:
    assert packet.assignment is not None
    name = packet.assignment.node.model.provider
    provider = PROVIDERS.get(name)
    if provider is None:
        return _unknown(name)
    return provider.run(packet, folder, packet.budget, asyncio.Event())


async def _unknown(name: str) -> AsyncGenerator[ProviderEvent, None]:
    known = ", ".join(sorted(PROVIDERS))
    yield ProviderOutcome(
        ProviderExit.NEEDS_HUMAN, f"there is no provider {name!r}; known are {known}", Usage()
    )


def _take_in(told: Told, event: ProviderEvent, artifacts: ArtifactStore) -> None:
    if isinstance(event, ProviderOutcome):
        told.outcome = event
    elif isinstance(event, Said):
        told.narration = f"{told.narration}\n{redacted(event.text)}".strip()[-NARRATION_LIMIT:]
    elif isinstance(event, ToolRan):
        evidence = event.evidence
        if len(event.output) > REPORTED_OUTPUT:
            stored = artifacts.put(f"output of {event.tool}", event.output)
            evidence = evidence.model_copy(update={"output_digest": stored.digest})
            told.artifacts = (*told.artifacts, stored)
        told.evidence = (*told.evidence, evidence)
