"""The guards of the organization, each with a way to switch it off: what the simulator must then find."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from vsm_controller import assignment
from vsm_controller.state.task import WITH_CHILD
from vsm_controller.system_1 import leases, results
from vsm_controller.system_3 import decomposition, integration
from vsm_core.actor import Fenced
from vsm_ledger import memory
from vsm_system.batch import Batch, Input
from vsm_system.host import Host
from vsm_system.inbox import InboxMemory
from vsm_system.simulation import world
from vsm_system.simulation.chances import Fault
from vsm_system.simulation.simulator import Plan

Off = Callable[[pytest.MonkeyPatch], None]


def inbox_dedupe(patch: pytest.MonkeyPatch) -> None:
    """An envelope that comes twice is decided on twice."""

    async def never_seen(_self: InboxMemory, _envelopes: Sequence[object]) -> set[str]:
        return set()

    def unchecked(stream: Any, commit: Any) -> Any:
        if stream is None or stream.epoch != commit.epoch or stream.version != commit.expected_version:
            raise Fenced(commit.stream, "it moved")
        return stream

    patch.setattr(InboxMemory, "seen", never_seen)
    patch.setattr(memory, "_checked", unchecked)


def fencing(patch: pytest.MonkeyPatch) -> None:
    """A host that lost its node goes on writing."""

    def unchecked(stream: Any, commit: Any) -> Any:
        assert stream is not None
        return stream

    patch.setattr(memory, "_checked", unchecked)


def execution_binding(patch: pytest.MonkeyPatch) -> None:
    """Whatever a child says of a task counts, whichever execution says it."""

    def anybody(task: Any, source: str, _said: Any) -> bool:
        return task.status in WITH_CHILD and task.child == source

    patch.setattr(leases, "holds", anybody)
    patch.setattr(results, "holds", anybody)


def outbox_flush(patch: pytest.MonkeyPatch) -> None:
    """What was committed and not sent before a crash is never sent."""

    async def nothing(_self: Host) -> None:
        return

    patch.setattr(Host, "_publish_again", nothing)


def ack_after_commit(patch: pytest.MonkeyPatch) -> None:
    """An envelope is acknowledged before what follows from it is durable."""
    handle = Host._handle

    async def too_early(self: Host, inputs: Sequence[Input]) -> None:
        for each in inputs:
            if each.delivery is not None:
                await each.delivery.ack()
        await handle(self, inputs)

    patch.setattr(Host, "_handle", too_early)


def publish_after_commit(patch: pytest.MonkeyPatch) -> None:
    """What a decision sends goes out before the decision is durable."""
    decide = Host._decide

    async def too_early(self: Host, given: Input, state: object, batch: Batch) -> object:
        before = len(batch.decisions)
        after = await decide(self, given, state, batch)
        for _, decision in batch.decisions[before:]:
            self._relay.put(decision.sends)
        return after

    patch.setattr(Host, "_decide", too_early)


def attempt_bound(patch: pytest.MonkeyPatch) -> None:
    """A task is tried for ever."""
    assembly = world.World._assembly

    def boundless(self: world.World, *given: Any) -> Any:
        made = assembly(self, *given)
        return replace(made, limits=made.limits.model_copy(update={"attempts_per_task": 1_000}))

    patch.setattr(world.World, "_assembly", boundless)
    patch.setattr(results, "RETRIES", dict.fromkeys(results.RETRIES, 1_000))


def path_leases(patch: pytest.MonkeyPatch) -> None:
    """Two tasks may write the same files at once."""
    patch.setattr(assignment, "conflict", lambda _state, _task: None)


def nothing_waits(patch: pytest.MonkeyPatch) -> None:
    """The tasks of a plan start at once, whatever they write: no guard, but what makes a crowd at the merge queue."""
    patch.setattr(decomposition, "_waits_for", lambda _editing, _portion: ())
    path_leases(patch)


def single_merge(patch: pytest.MonkeyPatch) -> None:
    """Several results are merged onto one tip at once."""
    nothing_waits(patch)
    patch.setattr(integration, "merge_under_way", lambda _mandate: False)


@dataclass(frozen=True, slots=True)
class Guard:
    """How to switch a guard off, what its absence breaks, and the plan that shows it soonest."""

    off: Off
    sign: str  # in a violation that speaks of this guard
    plan: Plan = field(default_factory=Plan)


CRASHES = Plan(faults=frozenset({Fault.CRASH, Fault.KILL}), intensity=5.0)
GUARDS: dict[str, Guard] = {
    "inbox dedupe": Guard(inbox_dedupe, "was decided on twice"),
    "fencing": Guard(fencing, "wrote under epoch"),
    "execution binding": Guard(execution_binding, "took a result of"),
    "outbox flush": Guard(outbox_flush, "never over", CRASHES),
    "ack after commit": Guard(ack_after_commit, "never over", CRASHES),
    "publish after commit": Guard(publish_after_commit, "was published before it was committed"),
    "attempt bound": Guard(
        attempt_bound, "attempts and goes on", Plan(faults=frozenset({Fault.PROVIDER_CRASH}), intensity=12.0)
    ),
    "path leases": Guard(path_leases, "hold overlapping paths"),
    "single merge": Guard(single_merge, "is merged while"),
}
