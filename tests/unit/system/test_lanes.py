"""Control never waits behind work, and a leaf never does more at once than its slots allow."""

import asyncio

import pytest

from tests.unit.system.letters import NODE, control, job, work
from tests.unit.system.stage import Stage, turns, until
from vsm_core.actor import Step
from vsm_core.channel import Lane
from vsm_system.host import BATCH_LIMIT
from vsm_transport.protocol import Hold

FLOOD = 10_000
SLOTS = 2


@pytest.fixture
def leaf(stage: Stage) -> Stage:
    """A stage whose work lane is held until the work has ended."""
    stage.slots, stage.hold = SLOTS, Hold.UNTIL_FREED
    return stage


def does_jobs(stage: Stage, *names: str) -> None:
    stage.play(**{name: Step(jobs=(job(f"job-{name}"),)) for name in names})


async def test_control_is_decided_before_work_that_came_earlier(stage: Stage) -> None:
    await stage.deliver(work("task-1"), work("task-2"), control("note"))
    async with stage.hosting():
        await stage.until_recorded("task-1", "task-2", "note")
    assert stage.actor.decided == ["note", "task-1", "task-2"]


async def test_a_control_envelope_waits_for_two_batches_of_a_flood_at_most(stage: Stage) -> None:
    await stage.deliver(*(work(f"task-{number}") for number in range(FLOOD)))
    async with stage.hosting():
        await until(lambda: len(stage.actor.decided) >= BATCH_LIMIT)
        await stage.deliver(control("note"))
        before = len(stage.actor.decided)
        await until(lambda: "note" in stage.actor.decided)
        assert stage.actor.decided.index("note") - before <= 2 * BATCH_LIMIT
    assert await stage.transport.depth(NODE, Lane.WORK) > FLOOD / 2


async def test_a_batch_is_bounded(stage: Stage) -> None:
    stage.slots = 10 * BATCH_LIMIT
    await stage.deliver(*(work(f"task-{number}") for number in range(3 * BATCH_LIMIT)))
    async with stage.hosting():
        await stage.until_recorded(f"task-{3 * BATCH_LIMIT - 1}")
    assert max(len(commit.entries) for commit in stage.journal.commits) == BATCH_LIMIT


async def test_a_leaf_begins_as_much_as_it_has_slots(leaf: Stage) -> None:
    names = [f"task-{number}" for number in range(5)]
    does_jobs(leaf, *names)
    await leaf.deliver(*map(work, names))
    async with leaf.hosting():
        await leaf.until_recorded(*names[:SLOTS])
        await until(lambda: len(leaf.jobs) == SLOTS)
        await turns()
        assert len(leaf.jobs) == SLOTS
        assert await leaf.facts() == names[:SLOTS]
        assert await leaf.transport.depth(NODE, Lane.WORK) == len(names) - SLOTS


async def test_the_end_of_a_job_makes_room_for_one_more(leaf: Stage) -> None:
    names = [f"task-{number}" for number in range(5)]
    does_jobs(leaf, *names)
    await leaf.deliver(*map(work, names))
    most = 0

    def look() -> bool:
        nonlocal most
        most = max(most, len(leaf.jobs))
        return len(leaf.workshop.begun) == len(names)

    async with leaf.hosting():
        await until(lambda: len(leaf.workshop.begun) == SLOTS)
        leaf.workshop.finish("merge")
        await until(look)
        await leaf.until_recorded(*(f"ended:job-{name}" for name in names))
    assert most <= SLOTS


async def test_a_cancelled_job_makes_room(leaf: Stage) -> None:
    does_jobs(leaf, "one", "two", "three")
    leaf.play(stop=Step(jobs_cancelled=("job-one",)))
    await leaf.deliver(work("one"), work("two"), work("three"))
    async with leaf.hosting():
        await until(lambda: len(leaf.workshop.begun) == SLOTS)
        await leaf.deliver(control("stop"))
        await leaf.until_recorded("ended:job-one", "three")
        await until(lambda: len(leaf.workshop.begun) == SLOTS + 1)


@pytest.mark.parametrize("line", [Step(), "not for me", ValueError("a bug")], ids=["idle", "refused", "bug"])
async def test_work_that_begins_nothing_holds_no_slot(leaf: Stage, line: Step | str | Exception) -> None:
    names = [f"task-{number}" for number in range(2 * SLOTS)]
    leaf.play(**dict.fromkeys(names, line))
    does_jobs(leaf, "one", "two", "three")
    await leaf.deliver(*map(work, (*names, "one", "two", "three")))
    async with leaf.hosting():
        await until(lambda: len(leaf.workshop.begun) == SLOTS)
        await turns()
        assert len(leaf.jobs) == SLOTS
        assert await leaf.transport.depth(NODE, Lane.WORK) == 1


async def test_a_duplicate_holds_no_slot(leaf: Stage) -> None:
    does_jobs(leaf, "one", "two")
    await leaf.deliver(*[work("one")] * (2 * SLOTS), work("two"))
    async with leaf.hosting():
        await until(lambda: len(leaf.workshop.begun) == SLOTS)
    assert leaf.actor.decided == ["one", "two"]


async def test_work_cancelled_in_the_batch_that_began_it_holds_no_slot(on_memory: Stage) -> None:
    on_memory.slots, on_memory.hold = SLOTS, Hold.UNTIL_FREED
    does_jobs(on_memory, "one", "three", "four")
    on_memory.play(two=Step(jobs_cancelled=("job-one",)))
    await on_memory.deliver(work("one"), work("two"), work("three"), work("four"))
    async with on_memory.hosting():
        await turns()
        assert len(on_memory.jobs) == SLOTS


async def test_control_is_heard_while_all_slots_are_busy(leaf: Stage) -> None:
    does_jobs(leaf, "one", "two", "three")
    await leaf.deliver(work("one"), work("two"), work("three"))
    async with leaf.hosting():
        await until(lambda: len(leaf.workshop.begun) == SLOTS)
        await leaf.deliver(control("note"))
        await leaf.until_recorded("note")
        await asyncio.sleep(0)
        assert len(leaf.jobs) == SLOTS
