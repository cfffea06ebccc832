"""After an unclean stop: what waits is handled one by one, its attempt written first, until there is nothing left."""

from tests.contract.journals import dead_owner, owner
from tests.unit.system.letters import NODE, control
from tests.unit.system.stage import Stage, until
from vsm_core.actor import Step
from vsm_transport.protocol import ATTEMPT_LIMIT

TTL_SECONDS = 15.0


async def left(stage: Stage) -> None:
    """Let an earlier process hold the node and never give it up."""
    await stage.journal.inner.claim(NODE, dead_owner(), TTL_SECONDS)
    stage.clock.advance(TTL_SECONDS + 1)


def entries(stage: Stage) -> list[int]:
    return [len(commit.entries) for commit in stage.journal.commits]


async def test_what_waits_is_committed_one_by_one(stage: Stage) -> None:
    await left(stage)
    await stage.deliver(*(control(name) for name in ("a", "b", "c")))
    async with stage.hosting() as host:
        await stage.until_recorded("a", "b", "c")
        await host.settled()
    assert entries(stage) == [1, 1, 1]


async def test_after_a_clean_stop_it_is_committed_together(stage: Stage) -> None:
    await stage.past()
    await stage.deliver(*(control(name) for name in ("a", "b", "c")))
    async with stage.hosting():
        await stage.until_recorded("a", "b", "c")
    assert max(entries(stage)) > 1


async def test_what_is_new_is_trusted(stage: Stage) -> None:
    await left(stage)
    noted: list[str] = []

    async def attempt(_node: str, _epoch: int, envelope_id: str) -> int:
        noted.append(envelope_id)
        return 1

    async with stage.hosting() as host:
        await host.settled()
        stage.journal.attempt = attempt  # type: ignore[attr-defined]
        await stage.deliver(control("a", stage.clock.now()))
        await stage.until_recorded("a")
    assert noted == []


async def test_the_attempt_is_durable_before_the_envelope_is_decided_on(stage: Stage) -> None:
    await left(stage)
    poison = control("poison")
    noted: list[int] = []
    attempt = stage.journal.inner.attempt

    async def watched(node: str, epoch: int, envelope_id: str) -> int:
        assert stage.actor.decided == []
        noted.append(await attempt(node, epoch, envelope_id))
        return noted[-1]

    stage.journal.attempt = watched  # type: ignore[attr-defined]
    await stage.deliver(poison)
    async with stage.hosting():
        await stage.until_recorded("poison")
    assert noted == [1]


async def test_an_envelope_that_ended_the_process_too_often_is_dead_and_never_decided_on(
    stage: Stage,
) -> None:
    await left(stage)
    poison = control("poison")
    for _ in range(ATTEMPT_LIMIT):
        await stage.journal.inner.attempt(NODE, 1, poison.id)
    await stage.deliver(poison, control("innocent"))
    async with stage.hosting():
        await stage.until_recorded("EnvelopeRefused", "innocent")
        await until(lambda: _dead(stage))
    assert stage.actor.decided == ["innocent"]
    assert "each time the process ended" in (await stage.dead())["poison"].reason


async def test_a_node_given_up_in_good_order_forgets_its_attempts(stage: Stage) -> None:
    journal = stage.journal.inner
    epoch = await journal.claim(NODE, owner("process-0"), TTL_SECONDS)
    assert [await journal.attempt(NODE, epoch, "e") for _ in range(2)] == [1, 2]
    await journal.release(NODE, epoch)
    epoch = await journal.claim(NODE, owner("process-0"), TTL_SECONDS)
    assert await journal.attempt(NODE, epoch, "e") == 1


async def test_a_commit_that_fails_takes_nothing_else_along_the_second_time(stage: Stage) -> None:
    """The host that comes back after a failure is careful too: only the envelope to blame fails again."""
    stage.play(bad=Step())
    await stage.deliver(control("good"), control("bad"))
    stage.journal.errors["commit"] = [RuntimeError("the row can't be written")]
    assert isinstance(await stage.breaks(stage.host()), RuntimeError)
    async with stage.hosting() as host:
        await stage.until_recorded("good", "bad")
        await host.settled()
    assert entries(stage) == [1, 1]


async def _dead(stage: Stage) -> bool:
    return bool(await stage.dead())
