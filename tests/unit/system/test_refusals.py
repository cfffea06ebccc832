"""What becomes of envelopes that can't be handled: refused, expired, without a target, or too much for the actor."""

from datetime import timedelta

from tests.unit.system.letters import NODE, PEER, START, control, fact_of, work
from tests.unit.system.stage import Stage, turns, until
from tests.unit.system.tally import sending
from vsm_core.actor import Send, Step
from vsm_core.channel import Channel, Lane
from vsm_core.envelope import BODY_LIMIT, CLOCK_SKEW
from vsm_core.payloads.control import CoordinationKind, CoordinationSignal, HostStopping
from vsm_system.supervisor import RESTARTS, Supervisor
from vsm_transport.protocol import ATTEMPT_LIMIT

BUG = ValueError("a bug")
STOPPING = HostStopping(process="process-1", nodes=(NODE,))


async def test_a_refusal_becomes_a_dead_letter_with_its_reason_and_a_fact(stage: Stage) -> None:
    stage.play(note="you are not my parent", task="not for me")
    async with stage.hosting():
        await stage.deliver(control("note"), work("task"))
        await stage.until_recorded("note", "task")
        await until(lambda: _dead(stage, 2))
    dead = await stage.dead()
    assert {name: letter.reason for name, letter in dead.items()} == {
        "note": "you are not my parent",
        "task": "not for me",
    }
    assert dead["task"].lane is Lane.WORK


async def test_a_refused_envelope_that_comes_again_is_refused_once(stage: Stage) -> None:
    stage.play(note="no")
    async with stage.hosting():
        await stage.deliver(control("note"))
        await stage.until_recorded("note")
        await stage.deliver(control("note"), control("last"))
        await stage.until_recorded("last")
    assert (await stage.facts()).count("note") == 1


async def test_an_envelope_that_expires_in_the_hands_of_the_host_is_dead_and_not_decided(
    on_memory: Stage,
) -> None:
    on_memory.transport.inner.now = lambda: START  # only the host's clock sees that it is late
    short = control("late").model_copy(update={"expires_at": START + timedelta(seconds=1)})
    on_memory.clock.advance(2 + CLOCK_SKEW.total_seconds())
    async with on_memory.hosting():
        await on_memory.deliver(short, control("note"))
        await on_memory.until_recorded("note")
    assert on_memory.actor.decided == ["note"]
    assert (await on_memory.dead())["late"].reason == "expired"


async def test_an_envelope_without_a_target_comes_back_to_its_sender(stage: Stage) -> None:
    stage.play(ask=sending("nobody", PEER))
    async with stage.hosting() as host:
        await stage.deliver(control("ask"))
        await stage.until_recorded("unroutable:nobody")
        await host.settled()
    assert [each.target for each in stage.transport.sent] == [PEER]
    assert await stage.journal.to_send(NODE) == ()


async def test_a_decision_that_raises_hurts_only_its_envelope(stage: Stage) -> None:
    stage.play(poison=BUG)
    await stage.deliver(control("before"), control("poison"), control("after"))
    async with stage.hosting():
        await stage.until_recorded("before", "after")
        await until(stage.dead)
    assert await stage.facts() == ["before", "after"]
    assert stage.actor.decided.count("poison") == ATTEMPT_LIMIT
    assert (await stage.dead())["poison"].attempts == ATTEMPT_LIMIT
    assert stage.actor.decided.count("after") == 1


async def test_a_decision_that_raises_once_is_made_again(stage: Stage) -> None:
    errors = [BUG]
    stage.play(shaky=lambda _state: errors.pop() if errors else Step())
    async with stage.hosting():
        await stage.deliver(control("shaky"))
        await stage.until_recorded("shaky")
    assert stage.actor.attempts == [1, 2]


async def test_facts_of_a_decision_that_could_not_be_evolved_leave_no_trace_in_the_state(
    stage: Stage,
) -> None:
    stage.actor.evolve_fails_on = "broken"
    stage.play(poison=Step(facts=(fact_of("broken"),)))
    await stage.deliver(control("poison"), control("after"))
    async with stage.hosting():
        await stage.until_recorded("after")
        await until(stage.dead)
    assert stage.actor.states[stage.actor.decided.index("after")] == ()
    assert await stage.facts() == ["after"]


async def test_an_own_envelope_whose_decision_raises_ends_the_host_and_then_the_run(stage: Stage) -> None:
    stage.play(host_stopping=BUG)
    supervisor = Supervisor()
    await supervisor.start(NODE, stage.host)
    for number in range(RESTARTS + 1):
        assert not supervisor.failed.done()
        await until(supervisor.host(NODE).ready.is_set)
        ended = supervisor.host(NODE)
        ended.inject(STOPPING, f"cause-{number}", "story")
        await until(lambda ended=ended: supervisor.failed.done() or supervisor.host(NODE) is not ended)
    assert await supervisor.failed is BUG
    assert stage.actor.decided == ["host_stopping"] * (RESTARTS + 1)
    await supervisor.stop()


async def test_what_shares_a_batch_with_a_raising_own_envelope_is_not_lost(stage: Stage) -> None:
    stage.play(host_stopping=BUG)
    supervisor = Supervisor()
    await supervisor.start(NODE, stage.host)
    supervisor.host(NODE).inject(STOPPING, "cause", "story")
    await stage.deliver(control("note"))
    await stage.until_recorded("note")
    assert await stage.facts() == ["note"]
    await supervisor.stop()


async def test_an_envelope_that_no_ledger_can_take_does_not_take_others_with_it(stage: Stage) -> None:
    payload = CoordinationSignal(kind=CoordinationKind.BLOCKED, paths=("x" * (BODY_LIMIT + 1),))
    stage.play(poison=Step(sends=(Send(target=PEER, channel=Channel.COMMAND, payload=payload),)))
    await stage.deliver(control("before"), control("poison"), control("after"))
    supervisor = Supervisor()
    await supervisor.start(NODE, stage.host)
    await until(stage.dead)
    await turns()
    await supervisor.stop()
    assert list(await stage.dead()) == ["poison"]
    assert await stage.facts() == ["before", "after"]


async def _dead(stage: Stage, count: int) -> bool:
    return len(await stage.dead()) == count
