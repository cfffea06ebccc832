"""What a batch adds up to: the last word on each timer and each job counts, in the journal and in memory alike."""

import pytest

from tests.unit.system.letters import NODE, START, control, job, timer
from tests.unit.system.stage import Stage
from vsm_core.actor import Context, Decision, Limits, Step
from vsm_core.payloads.control import HostStopping
from vsm_system.batch import Batch, Input

CONTEXT = Context(START, "cause", 1, Limits(), "process-1")
SET, OFF = Step(timers=(timer("alarm"),)), Step(timers_cancelled=("alarm",))
BEGIN, END = Step(jobs=(job("merged"),)), Step(jobs_cancelled=("merged",))
LATE = timer("alarm", START.replace(year=2030))


def batch_of(*steps: tuple[Step, dict[str, str]]) -> Batch:
    batch = Batch()
    for number, (step, origin) in enumerate(steps):
        given = Input(control(f"note-{number}"), **origin)
        decision = Decision(
            timers=step.timers,
            timers_cancelled=step.timers_cancelled,
            jobs=step.jobs,
            jobs_cancelled=step.jobs_cancelled,
        )
        batch.add(given, CONTEXT, decision)
    return batch


def words(*steps: Step) -> Batch:
    return batch_of(*((step, {}) for step in steps))


FIRED, ENDED = {"timer_id": "alarm"}, {"job_id": "merged"}
TIMERS = {
    "set then cancelled": (words(SET, OFF), []),
    "cancelled then set": (words(OFF, SET), ["alarm"]),
    "cancelled and set by one decision": (words(OFF + SET), ["alarm"]),
    "fired": (batch_of((Step(), FIRED)), []),
    "fired and set again": (batch_of((SET, FIRED)), ["alarm"]),
    "fired, then set by a later decision": (batch_of((Step(), FIRED), (SET, {})), ["alarm"]),
    "set by an earlier decision, then the old one fired": (batch_of((SET, {}), (Step(), FIRED)), ["alarm"]),
}
JOBS = {
    "started then cancelled": (words(BEGIN, END), []),
    "cancelled then started": (words(END, BEGIN), ["merged"]),
    "ended": (batch_of((Step(), ENDED)), []),
    "ended and started again": (batch_of((BEGIN, ENDED)), ["merged"]),
    "ended, then started by a later decision": (batch_of((Step(), ENDED), (BEGIN, {})), ["merged"]),
}


@pytest.mark.parametrize("case", TIMERS)
def test_timers_net_out_in_order(case: str) -> None:
    batch, standing = TIMERS[case]
    commit = batch.commit(NODE, 1, 0)
    assert [each.id for each in commit.timers] == standing
    assert set(commit.timers_done) == {"alarm"} - set(standing)


@pytest.mark.parametrize("case", JOBS)
def test_jobs_net_out_in_order(case: str) -> None:
    batch, standing = JOBS[case]
    commit = batch.commit(NODE, 1, 0)
    assert [each.id for each in commit.jobs] == standing
    assert set(commit.jobs_done) == {"merged"} - set(standing)


def test_the_last_of_two_settings_counts() -> None:
    commit = words(SET, Step(timers=(LATE,))).commit(NODE, 1, 0)
    assert commit.timers == (LATE,)


def test_facts_and_envelopes_keep_the_order_of_their_decisions() -> None:
    commit = words(Step(), Step(), Step()).commit(NODE, 3, 8)
    assert [entry.envelope.id for entry in commit.entries] == ["env_note-0", "env_note-1", "env_note-2"]
    assert (commit.stream, commit.epoch, commit.expected_version) == (NODE, 3, 8)


async def in_one_batch(stage: Stage, *names: str) -> None:
    """Let envelopes wait until a host takes all of them together."""
    await stage.deliver(*(control(name) for name in names))
    async with stage.hosting() as host:
        await stage.until_recorded(*names)
        await host.settled()
        durable = {each.id: each.due_at for each in (await stage.journal.load(NODE)).timers}
        assert {each.id: each.due_at for _, each in host._timers._by_id.values()} == durable
    assert len(stage.journal.commits[0].entries) == len(names)


async def test_a_timer_cancelled_after_it_was_set_never_fires(stage: Stage) -> None:
    stage.play(on=SET, off=OFF)
    await in_one_batch(stage, "on", "off")
    assert await stage.facts() == ["on", "off"]


async def test_a_timer_set_after_it_was_cancelled_fires(stage: Stage) -> None:
    stage.play(on=SET, off=OFF)
    await in_one_batch(stage, "off", "on")
    await stage.until_recorded("off", "on")
    async with stage.hosting():
        await stage.until_recorded("fired:alarm")


async def test_a_timer_cancelled_and_set_by_one_decision_stands(stage: Stage) -> None:
    stage.play(on=SET, move=OFF + Step(timers=(LATE,)))
    await in_one_batch(stage, "on", "move")
    assert (await stage.journal.load(NODE)).timers == (LATE,)


async def test_a_timer_that_fired_and_was_set_again_stays(stage: Stage) -> None:
    stage.play(on=SET, **{"fired:alarm": Step(timers=(LATE,))})
    await stage.deliver(control("on"))
    async with stage.hosting():
        await stage.until_recorded("fired:alarm")
    assert (await stage.journal.load(NODE)).timers == (LATE,)


async def test_a_timer_moved_in_the_batch_in_which_it_was_due_stays(stage: Stage) -> None:
    stage.play(host_stopping=Step(timers=(LATE,)))
    await stage.past(step=SET)
    host = stage.host()
    host.inject(HostStopping(process="process-1", nodes=(NODE,)), "cause", "story")
    async with stage.hosting(host):
        await stage.until_recorded("host_stopping", "fired:alarm")
    assert (await stage.journal.load(NODE)).timers == (LATE,)


async def test_a_job_cancelled_after_it_was_started_is_not_open(stage: Stage) -> None:
    stage.play(on=BEGIN, off=END)
    await in_one_batch(stage, "on", "off")
    assert (await stage.journal.load(NODE)).jobs == ()
    assert len(stage.jobs) == 0


async def test_a_job_started_after_it_was_cancelled_runs(stage: Stage) -> None:
    stage.play(on=BEGIN, off=END)
    await in_one_batch(stage, "off", "on")
    assert [each.id for each in (await stage.journal.load(NODE)).jobs] == ["merged"]
    assert stage.workshop.begun == ["merge"]
