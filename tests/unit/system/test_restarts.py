"""A host that fails and comes back within its process goes on with its jobs: none twice, none forgotten."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.unit.system.letters import NODE, control, execute_request, job, work
from tests.unit.system.stage import Stage, turns, until
from vsm_core.actor import Context, Decision, Limits, Step
from vsm_core.envelope import Envelope
from vsm_core.facts import RecordedFact, TaskFinished
from vsm_core.genome import OrganizationalGenome, add_child, new_genome
from vsm_core.node import LeafOperation, ModelSpec, ViableNode
from vsm_core.payloads.jobs import ExecuteTask, ExecutionReport
from vsm_core.payloads.work import Directive
from vsm_core.task import Outcome
from vsm_ledger import open_journal
from vsm_system import compose
from vsm_system.clock import new_process_id
from vsm_system.compose import Assembly, running
from vsm_transport.protocol import Deliveries, Hold, Subscription
from vsm_worker.actor import LeafActor
from vsm_worker.artifacts import ArtifactStore
from vsm_worker.execution import execute
from vsm_worker.state import LeafState
from vsm_worker.surroundings import Surroundings

SLOTS = 2
DIRECTIVES = 5
WAIT_SECONDS = 30.0
WORK_SECONDS = 0.3
TROUBLE = OSError("the disk is gone")


# ------------------------------------------------------------------------------------------- one host on a stage


@pytest.fixture
def leaf(stage: Stage) -> Stage:
    """A stage whose work lane is held until the work has ended, and whose jobs are executions."""
    stage.slots, stage.hold = SLOTS, Hold.UNTIL_FREED
    names = [f"task-{number}" for number in range(5)]
    stage.play(**{name: Step(jobs=(job(f"job-{name}", execute_request()),)) for name in names})
    return stage


async def broken_off(leaf: Stage, *names: str) -> None:
    """Let a host begin some tasks, and fail."""
    host = leaf.host()
    breaking = asyncio.create_task(leaf.breaks(host))
    await leaf.deliver(*map(work, names))
    await until(lambda: len(leaf.workshop.begun) == len(names))
    leaf.journal.errors["commit"] = [TROUBLE]
    await leaf.deliver(control("note"))
    await breaking


async def test_a_job_that_runs_on_keeps_its_slot_and_reports_to_the_next_host(leaf: Stage) -> None:
    await broken_off(leaf, "task-0", "task-1")
    async with leaf.hosting():
        await leaf.deliver(work("task-2"), work("task-3"))
        await leaf.until_recorded("note")
        await turns()
        assert len(leaf.jobs) == len(leaf.workshop.begun) == SLOTS
        leaf.workshop.finish("execute")
        await leaf.until_recorded(*(f"ended:job-task-{number}" for number in range(4)))
        await until(lambda: leaf.jobs._unheard == {})
    assert len(leaf.workshop.begun) == 4


async def test_an_end_that_no_host_heard_is_told_to_the_next_one_once(leaf: Stage) -> None:
    await broken_off(leaf, "task-0", "task-1")
    leaf.workshop.finish("execute")
    await until(lambda: not len(leaf.jobs))
    for _ in range(2):
        async with leaf.hosting():
            await leaf.until_recorded("ended:job-task-0", "ended:job-task-1")
            await leaf.deliver(work("task-2"), work("task-3"))
            await leaf.until_recorded("ended:job-task-2", "ended:job-task-3")
    assert leaf.actor.decided.count("ended:job-task-0") == 1
    assert len(leaf.workshop.begun) == 4


@pytest.mark.parametrize("late", ["subscribe", "to_send"])
async def test_a_slot_that_comes_free_while_the_next_host_comes_up_is_free(
    leaf: Stage, monkeypatch: pytest.MonkeyPatch, late: str
) -> None:
    troubles: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, trouble: troubles.append(trouble))
    await broken_off(leaf, "task-0", "task-1")

    async def all_end() -> None:
        leaf.workshop.finish("execute")
        await until(lambda: not len(leaf.jobs))

    @asynccontextmanager
    async def subscribe(wish: Subscription) -> AsyncIterator[Deliveries]:
        await all_end()
        async with leaf.transport.inner.subscribe(wish) as deliveries:
            yield deliveries

    async def to_send(node: str) -> tuple[Envelope, ...]:
        await all_end()
        return await leaf.journal.inner.to_send(node)

    if late == "subscribe":
        monkeypatch.setattr(leaf.transport, "subscribe", subscribe, raising=False)
    else:
        monkeypatch.setattr(leaf.journal, "to_send", to_send, raising=False)
    async with leaf.hosting():
        await leaf.deliver(work("task-2"), work("task-3"), work("task-4"))
        await leaf.until_recorded("ended:job-task-4")
    assert troubles == []


async def test_what_runs_and_is_open_no_longer_is_stopped_and_holds_its_slot_until_then(leaf: Stage) -> None:
    leaf.play(stop=Step(jobs_cancelled=("job-task-0",)))
    host = leaf.host()
    breaking = asyncio.create_task(leaf.breaks(host))
    await leaf.deliver(work("task-0"), work("task-1"))
    await until(lambda: len(leaf.workshop.begun) == SLOTS)
    leaf.journal.errors["after_commit"] = [TROUBLE]  # the cancel is durable, and was not carried out
    await leaf.deliver(control("stop"))
    await breaking
    assert len(leaf.jobs) == SLOTS
    async with leaf.hosting():
        await leaf.until_recorded("ended:job-task-0")
        await until(lambda: len(leaf.jobs) == 1)


async def test_a_job_that_is_open_and_was_never_begun_is_given_up_aloud(leaf: Stage) -> None:
    leaf.journal.errors["after_commit"] = [TROUBLE]
    await leaf.deliver(work("task-0"))
    await leaf.breaks(leaf.host())
    async with leaf.hosting():
        await leaf.until_recorded("ended:job-task-0")
    assert leaf.workshop.begun == []
    assert (await leaf.journal.load(NODE)).jobs == ()


# -------------------------------------------------------------------------------------------- a whole organization


@dataclass
class Watch:
    """What a leaf's executions and its decisions were seen to do."""

    begun: list[str] = field(default_factory=list)
    at_once: int = 0
    most: int = 0
    raised: int = 0
    finished: list[str] = field(default_factory=list)

    async def execute(self, request: ExecuteTask, surroundings: Surroundings) -> ExecutionReport:
        self.begun.append(request.packet.id)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await asyncio.sleep(WORK_SECONDS)
            return await execute(request, surroundings)
        finally:
            self.at_once -= 1

    def observe(self, _node: str, recorded: RecordedFact) -> None:
        if isinstance(recorded.fact, TaskFinished):
            self.finished.append(recorded.fact.result.execution_id)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    watch = Watch()
    monkeypatch.setattr(compose, "execute", watch.execute)
    yield watch
    assert watch.at_once == 0


def failing_once(watch: Watch, on: str) -> type[LeafActor]:
    """Return a leaf whose decision raises once, in the middle of its work."""

    class Failing(LeafActor):
        def decide(self, state: LeafState, envelope: Envelope, context: Context) -> Decision:
            if envelope.payload_type == on and not watch.raised:
                watch.raised += 1
                raise RuntimeError("a bug")
            return super().decide(state, envelope, context)

    return Failing


def one_leaf() -> OrganizationalGenome:
    leaf = ViableNode(id="echo", operation=LeafOperation.research(), model=ModelSpec(provider="echo"))
    return add_child(new_genome(ViableNode(id="root")), "root", leaf)


@pytest.fixture
async def assembly(tmp_path: Path, watch: Watch) -> AsyncIterator[Assembly]:
    journal = await open_journal(tmp_path / "ledger.sqlite", organization="demo")
    yield Assembly(
        organization="demo",
        genome=one_leaf(),
        journal=journal,
        surroundings=Surroundings(
            tmp_path / "cache", ArtifactStore(tmp_path / "artifacts"), new_process_id()
        ),
        slots=SLOTS,
        limits=Limits(heartbeat_seconds=1),
        observe=watch.observe,
    )
    await journal.close()


@pytest.mark.parametrize("on", ["job_finished", "task_result_ack"])
async def test_a_leaf_that_fails_in_the_middle_of_its_work_finishes_all_of_it_once(
    assembly: Assembly, watch: Watch, monkeypatch: pytest.MonkeyPatch, on: str
) -> None:
    monkeypatch.setattr(compose, "LeafActor", failing_once(watch, on))
    names = [f"say-{number}" for number in range(DIRECTIVES)]
    async with asyncio.timeout(WAIT_SECONDS), running(assembly) as organization:
        for name in names:
            await organization.submit(Directive(id=name, title="Say it back"))
        reports = [await organization.finished(name) for name in names]
    assert {each.outcome for each in reports} <= {Outcome.COMPLETED, Outcome.NO_CHANGE}
    assert watch.raised == 1
    assert watch.most == SLOTS
    assert len(watch.begun) == len(set(watch.begun)) == DIRECTIVES
    assert len(set(watch.finished)) == DIRECTIVES


async def test_a_leaf_that_fails_at_a_heartbeat_keeps_its_slots(
    assembly: Assembly, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compose, "LeafActor", failing_once(watch, "timer_fired"))
    monkeypatch.setattr("tests.unit.system.test_restarts.WORK_SECONDS", 1.5)
    names = [f"say-{number}" for number in range(SLOTS + 1)]
    async with asyncio.timeout(WAIT_SECONDS), running(assembly) as organization:
        for name in names:
            await organization.submit(Directive(id=name, title="Say it back"))
        for name in names:
            await organization.finished(name)
    assert (watch.raised, watch.most) == (1, SLOTS)
    assert len(watch.begun) == len(set(watch.begun)) == len(names)
