"""What a leaf remembers, as a fold of facts: its open executions, the newest claims, what was cancelled."""

from collections.abc import Callable, Mapping
from functools import cached_property

from pydantic import Field, NonNegativeInt

from vsm_core.facts import (
    AnyFact,
    CancelRequested,
    ExecutionRevoked,
    ResultAcknowledged,
    TaskAdmitted,
    TaskFinished,
)
from vsm_core.ids import Id, NodeId, derive_id
from vsm_core.payloads.control import CancelScope
from vsm_core.payloads.work import Assignment, TaskPacket, TaskResult
from vsm_core.value import Value
from vsm_worker.admission import Claim

CLAIMS_REMEMBERED = 1_024  # tasks
CANCELS_REMEMBERED = 1_024  # tasks and directives


class Execution(Value):
    """One execution of an attempt, open until its result is acknowledged or it is revoked."""

    node: NodeId
    execution_id: Id
    process: Id
    packet: TaskPacket
    result: TaskResult | None = None

    @classmethod
    def of(cls, fact: TaskAdmitted, packet: TaskPacket) -> "Execution":
        """Return the execution that an admission began."""
        return cls(node=fact.node, execution_id=fact.execution_id, process=fact.process, packet=packet)

    @property
    def assignment(self) -> Assignment:
        """The assignment, which every admitted packet has."""
        assert self.packet.assignment is not None
        return self.packet.assignment

    @cached_property
    def job_id(self) -> str:
        """The id of its job."""
        return derive_id("job", self.node, self.execution_id)

    @cached_property
    def heartbeat_id(self) -> str:
        """The id of the timer that makes it give signs of life."""
        return derive_id("timer", self.node, self.execution_id, 0)

    @cached_property
    def resend_id(self) -> str:
        """The id of the timer that makes it say its result again."""
        return derive_id("timer", self.node, self.execution_id, 1)


class LeafState(Value):
    """A leaf's memory; every part of it is bounded."""

    executions: Mapping[Id, Execution] = Field(default_factory=dict)  # by task
    newest: Mapping[Id, Claim] = Field(default_factory=dict)  # by task
    cancelled: tuple[Id, ...] = ()  # tasks and directives, oldest first
    cancel_epoch: NonNegativeInt = 0


def evolve(state: LeafState, fact: AnyFact) -> LeafState:
    """Return the state after a fact; kinds without a row are history."""
    evolver = EVOLVERS.get(type(fact))
    return evolver(state, fact) if evolver else state


def _admitted(state: LeafState, fact: TaskAdmitted) -> LeafState:
    if fact.packet is None:
        return state
    begun = Execution.of(fact, fact.packet)
    newest = {**state.newest, fact.task_id: Claim(fact.attempt, fact.fencing_token)}
    while len(newest) > CLAIMS_REMEMBERED:
        del newest[next(iter(newest))]
    return state.model_copy(
        update={"executions": {**state.executions, fact.task_id: begun}, "newest": newest}
    )


def _finished(state: LeafState, fact: TaskFinished) -> LeafState:
    running = state.executions.get(fact.task_id)
    if running is None or running.execution_id != fact.result.execution_id:
        return state
    ended = running.model_copy(update={"result": fact.result})
    return state.model_copy(update={"executions": {**state.executions, fact.task_id: ended}})


def _closed(state: LeafState, fact: ResultAcknowledged | ExecutionRevoked) -> LeafState:
    running = state.executions.get(fact.task_id)
    if running is None or running.execution_id != fact.execution_id:
        return state
    left = {task: each for task, each in state.executions.items() if task != fact.task_id}
    return state.model_copy(update={"executions": left})


def _cancelled(state: LeafState, fact: CancelRequested) -> LeafState:
    if fact.scope is CancelScope.SUBTREE:
        return state.model_copy(update={"cancel_epoch": max(state.cancel_epoch, fact.cancel_epoch)})
    known = tuple(each for each in state.cancelled if each != fact.subject)
    return state.model_copy(update={"cancelled": (*known, fact.subject)[-CANCELS_REMEMBERED:]})


EVOLVERS: Mapping[type, Callable[..., LeafState]] = {
    TaskAdmitted: _admitted,
    TaskFinished: _finished,
    ResultAcknowledged: _closed,
    ExecutionRevoked: _closed,
    CancelRequested: _cancelled,
}
