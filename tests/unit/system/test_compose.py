"""An organization in one process: a directive goes in, its report comes out, and nothing is left running."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.system.stage import TTL_SECONDS, owner
from tests.unit.system.tally import Tally
from vsm_core.actor import Claimed, Commit
from vsm_core.facts import RecordedFact
from vsm_core.genome import OrganizationalGenome, add_child, new_genome
from vsm_core.node import LeafOperation, ModelSpec, ViableNode
from vsm_core.payloads.jobs import JobReport
from vsm_core.payloads.signals import DirectiveState
from vsm_core.payloads.work import Directive
from vsm_core.task import Outcome
from vsm_ledger import open_journal
from vsm_ledger.errors import LedgerUnavailable
from vsm_system import compose, supervisor
from vsm_system.clock import new_process_id
from vsm_system.compose import Assembly, running
from vsm_system.errors import StandstillError
from vsm_worker.artifacts import ArtifactStore
from vsm_worker.surroundings import Surroundings

WAIT_SECONDS = 10.0
SOON_SECONDS = 0.1
ASKED = Directive(id="say-it", title="Say it back")


def echoing() -> OrganizationalGenome:
    """Return root over middle over a leaf that says its task back."""
    genome = add_child(new_genome(ViableNode(id="root")), "root", ViableNode(id="middle"))
    leaf = ViableNode(id="echo", operation=LeafOperation.research(), model=ModelSpec(provider="echo"))
    return add_child(genome, "middle", leaf)


@pytest.fixture
async def assembly(tmp_path: Path) -> AsyncIterator[Assembly]:
    journal = await open_journal(tmp_path / "ledger.sqlite", organization="demo")
    surroundings = Surroundings(tmp_path / "cache", ArtifactStore(tmp_path / "artifacts"), new_process_id())
    yield Assembly(organization="demo", genome=echoing(), journal=journal, surroundings=surroundings)
    await journal.close()


async def kinds(assembly: Assembly, stream: str = "root") -> list[str]:
    return [recorded.fact.kind for recorded in (await assembly.journal.load(stream)).facts]


async def test_a_directive_goes_all_the_way_and_nothing_stays_behind(assembly: Assembly) -> None:
    before = asyncio.all_tasks()
    async with asyncio.timeout(WAIT_SECONDS), running(assembly) as organization:
        await organization.submit(ASKED)
        report = await organization.finished(ASKED.id)
    assert report.outcome is Outcome.NO_CHANGE or report.outcome is Outcome.COMPLETED
    assert asyncio.all_tasks() == before
    assert {"DirectiveAccepted", "DirectiveFinished"} <= set(await kinds(assembly))
    for stream in ("root", "middle"):
        loaded = await assembly.journal.load(stream)
        assert (loaded.jobs, await assembly.journal.to_send(stream)) == ((), ())


async def test_starting_and_stopping_are_on_record_for_every_controller(assembly: Assembly) -> None:
    async with asyncio.timeout(WAIT_SECONDS), running(assembly):
        pass
    for stream in ("root", "middle"):
        assert await kinds(assembly, stream) == ["ProcessStarted", "ProcessStopping"]


async def test_every_claim_is_given_up(assembly: Assembly) -> None:
    async with asyncio.timeout(WAIT_SECONDS), running(assembly):
        pass
    for stream in ("root", "middle"):
        await assembly.journal.claim(stream, owner("somebody-else"), TTL_SECONDS)


async def test_a_directive_that_is_over_is_only_reported_again(assembly: Assembly) -> None:
    for _ in range(2):
        again = replace(assembly, surroundings=replace(assembly.surroundings, process=new_process_id()))
        async with asyncio.timeout(WAIT_SECONDS), running(again) as organization:
            await organization.submit(ASKED)
            await organization.finished(ASKED.id)
    found = await kinds(assembly)
    assert found.count("DirectiveAccepted") == found.count("DirectiveFinished") == 1


async def ask(assembly: Assembly, broken: BaseException | None = None) -> None:
    """Ask for a report; where ``broken`` is given, a host fails with it for good while we wait."""
    async with asyncio.timeout(WAIT_SECONDS), running(assembly) as organization:
        if broken is not None:
            failed = organization._supervisor.failed
            asyncio.get_running_loop().call_later(SOON_SECONDS, failed.set_result, broken)
        await organization.submit(ASKED)
        await organization.finished(ASKED.id)


async def test_an_organization_in_which_nothing_moves_says_so(
    assembly: Assembly, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compose, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(
        compose, "ControllerActor", lambda _seat: Tally()
    )  # it notes the directive: that is all
    before = asyncio.all_tasks()
    with pytest.raises(StandstillError, match=ASKED.id):
        await ask(assembly)
    assert asyncio.all_tasks() == before


async def test_what_ends_a_host_for_good_ends_the_wait_for_a_report(
    assembly: Assembly, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compose, "ControllerActor", lambda _seat: Tally())
    monkeypatch.setattr(compose, "LOOK_SECONDS", 2 * WAIT_SECONDS)  # it is heard of, not looked for
    broken = LedgerUnavailable("ledger", "the disk is full")
    with pytest.raises(LedgerUnavailable):
        await ask(assembly, broken)


async def test_who_watches_can_not_stop_the_work(assembly: Assembly) -> None:
    told: list[str] = []

    def observe(_node: str, recorded: RecordedFact) -> None:
        told.append(recorded.fact.kind)
        raise RuntimeError("the watcher broke")

    await ask(replace(assembly, observe=observe))
    assert told == ["ProcessStarted"]
    assert "DirectiveFinished" in await kinds(assembly)


@pytest.mark.parametrize("held", ["root", "middle"])
async def test_a_node_that_another_process_holds_is_named_and_nothing_stays_behind(
    assembly: Assembly, held: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compose, "STOP_SECONDS", 0.1)
    await assembly.journal.claim(held, owner("somebody-else"), TTL_SECONDS)
    before = asyncio.all_tasks()
    try:
        with pytest.raises(Claimed):
            async with asyncio.timeout(WAIT_SECONDS), running(assembly):
                pass
        assert asyncio.all_tasks() == before
    finally:
        for task in asyncio.all_tasks() - before:
            task.cancel()


async def test_a_controller_whose_journal_fails_once_goes_on(
    assembly: Assembly, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compose, "STOP_SECONDS", 0.1)
    once = [OSError("the disk went away for a moment")]
    journal = assembly.journal

    class FailsOnce:
        def __getattr__(self, name: str) -> object:
            return getattr(journal, name)

        async def commit(self, commit: object) -> None:
            if once and any(fact.fact.kind == "DirectiveAccepted" for fact in commit.facts):
                raise once.pop()
            await journal.commit(commit)

    async with asyncio.timeout(WAIT_SECONDS), running(replace(assembly, journal=FailsOnce())) as organization:
        await organization.submit(ASKED)
        await organization.finished(ASKED.id)
    assert (await kinds(assembly)).count("DirectiveAccepted") == 1


async def test_a_node_that_can_not_write_its_ledger_raises_pain_and_goes_on_when_it_can(
    assembly: Assembly, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "BACKOFF_SECONDS", 0.02)
    full = [LedgerUnavailable("the ledger", "no space left on device")] * 4
    journal = assembly.journal

    class FullForTheMiddle:
        def __getattr__(self, name: str) -> object:
            return getattr(journal, name)

        async def commit(self, commit: Commit) -> None:
            if (
                full
                and commit.stream == "middle"
                and any(f.fact.kind == "TaskAdmitted" for f in commit.facts)
            ):
                raise full.pop()
            await journal.commit(commit)

    hurting = replace(assembly, journal=FullForTheMiddle())
    async with asyncio.timeout(WAIT_SECONDS), running(hurting) as organization:
        await organization.submit(ASKED)
        assert (await organization.finished(ASKED.id)).outcome is Outcome.COMPLETED
    assert not full
    felt = [
        each.fact.signal
        for each in (await journal.load("root")).facts
        if each.fact.kind == "AlgedonicReceived"
    ]
    assert [(each.raised_by, each.detail) for each in felt] == [
        ("middle", "the ledger can't be written: no space left on device")
    ]


async def test_a_directive_is_cancelled_and_its_executions_are_waited_for(
    assembly: Assembly, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a leaf that takes its time, also for cleaning up
    begun, cleaned = asyncio.Event(), []

    async def slowly(_request: object, _surroundings: Surroundings) -> JobReport:
        begun.set()
        try:
            await asyncio.sleep(WAIT_SECONDS)
        finally:
            await asyncio.sleep(SOON_SECONDS)
            cleaned.append(True)
        raise AssertionError("it was not cancelled")

    monkeypatch.setattr(compose, "execute", slowly)
    async with asyncio.timeout(WAIT_SECONDS), running(assembly) as organization:
        await organization.submit(ASKED)
        await begun.wait()
        # when it is cancelled, twice
        reports = await asyncio.gather(organization.cancel(ASKED.id, "enough"), organization.cancel(ASKED.id))
        # then it is over, and what was executed for it has cleaned up
        assert {report.outcome for report in reports} == {Outcome.CANCELLED}
        assert reports[0].reason == "enough"
        assert cleaned == [True]
        # and once more is only an answer
        assert await organization.cancel(ASKED.id) == reports[0]
    assert (await kinds(assembly)).count("DirectiveFinished") == 1


async def test_a_cancel_of_what_is_over_or_unknown_tells_so(assembly: Assembly) -> None:
    async with asyncio.timeout(WAIT_SECONDS), running(assembly) as organization:
        await organization.submit(ASKED)
        over = await organization.finished(ASKED.id)
    anew = replace(assembly, surroundings=replace(assembly.surroundings, process=new_process_id()))
    async with asyncio.timeout(WAIT_SECONDS), running(anew) as organization:
        assert (await organization.cancel(ASKED.id)).outcome is over.outcome
        assert (await organization.cancel("nobody-knows")).state is DirectiveState.UNKNOWN
        # and an unknown one may still be handed in
        later = ASKED.model_copy(update={"id": "nobody-knows"})
        await organization.submit(later)
        assert (await organization.finished(later.id)).outcome is over.outcome
