"""One suite for every provider: the contract of vsm_worker/providers/protocol.py, whoever does the work.

Each adapter says how it is set up for a kind of session; a kind that it has no way to behave in is left out for it.
"""

import asyncio
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.unit.worker.packets import leaf, packet, script
from tests.unit.worker.processes import PROMPT_SECONDS, alive, sleeper
from vsm_core.node import ToolSpec, ViableNode
from vsm_core.payloads.jobs import ProviderExit
from vsm_core.task import Budget
from vsm_worker.process import Scratch
from vsm_worker.providers import PROVIDERS
from vsm_worker.providers.protocol import ProviderOutcome, Said, ToolRan, WorkingFolder

MARKER = sleeper(89)
EDIT = "open('made.txt', 'w').write('made')"
SPAWN = f"setsid {MARKER} & {MARKER}"

Setup = Callable[[Path], ViableNode]


def tool(*argv: str, **fields: object) -> ViableNode:
    content = {"name": "tool", "argv": argv, "task_class": "lint", **fields}
    return leaf("command", tools=[ToolSpec.model_validate(content)])


def scripted(*steps: object) -> Setup:
    return lambda path: leaf("scripted", model=script(path, *steps))


SESSIONS: Mapping[str, Mapping[str, Setup]] = {
    "works": {
        "command": lambda _: tool(sys.executable, "-c", EDIT),
        "scripted": scripted({"write": {"path": "made.txt", "text": "made"}}),
    },
    "ends well": {
        "command": lambda _: tool("true"),
        "scripted": scripted({"say": "done"}),
        "echo": lambda _: leaf("echo"),
    },
    "fails": {
        "command": lambda _: tool("sh", "-c", "echo broken; exit 7"),
        "scripted": scripted({"fail": "broken"}),
    },
    "crashes": {
        "command": lambda _: tool("sh", "-c", "kill -KILL $$"),
        "scripted": scripted({"run": ["sh", "-c", "kill -KILL $$"]}),
    },
    "hangs": {
        "command": lambda _: tool("sh", "-c", SPAWN),
        "scripted": scripted({"spawn": ["sh", "-c", SPAWN]}, {"sleep": 60}),
    },
    "is missing": {
        "command": lambda _: tool("no-such-program"),
        "scripted": scripted({"run": ["no-such-program"]}),
    },
    "is out of time": {
        "command": lambda _: tool("sleep", "60", timeout_seconds=1),
        "scripted": scripted({"exit": "timed_out"}),
    },
    "is not set up": {
        "command": lambda _: leaf("command"),
        "auto": lambda _: leaf("auto"),
    },
}


@dataclass(frozen=True)
class Session:
    """One provider, set up to behave in one way."""

    provider: str
    node: ViableNode
    folder: WorkingFolder

    async def events(self, cancel: asyncio.Event, budget: Budget) -> list[object]:
        run = PROVIDERS[self.provider].run(packet(self.node, goal="say this"), self.folder, budget, cancel)
        async with aclosing(run) as events:
            return [event async for event in events]

    async def all(self, budget: Budget | None = None) -> list[object]:
        return await self.events(asyncio.Event(), budget or Budget())

    async def outcome(self) -> ProviderOutcome:
        return (await self.all())[-1]


def pytest_generate_tests(metafunc):
    kind = metafunc.definition.get_closest_marker("parametrize")
    if kind is None and "session" in metafunc.fixturenames:
        named = metafunc.function.session
        metafunc.parametrize(
            "session", [(named, each) for each in SESSIONS[named]], indirect=True, ids=lambda each: each[1]
        )


def that(session: str):
    """Run a test with every provider that can behave so."""

    def mark(test):
        test.session = session
        return test

    return mark


@pytest.fixture
def session(request, tmp_path) -> Session:
    kind, provider = request.param
    root = tmp_path / "root"
    root.mkdir()
    scratch = Scratch.below(tmp_path / "scratch")
    scratch.make()
    return Session(provider, SESSIONS[kind][provider](tmp_path), WorkingFolder(root, scratch))


@that("works")
async def test_work_is_done_in_the_workspace(session):
    assert (await session.outcome()).exit is ProviderExit.OK
    assert (session.folder.root / "made.txt").read_text() == "made"


@that("ends well")
async def test_the_outcome_is_the_last_event_and_the_only_one(session):
    *others, last = await session.all()
    assert isinstance(last, ProviderOutcome)
    assert last.exit is ProviderExit.OK
    assert all(isinstance(each, Said | ToolRan) for each in others)


@that("ends well")
async def test_what_is_cancelled_from_the_start_does_nothing(session):
    cancel = asyncio.Event()
    cancel.set()
    (outcome,) = await session.events(cancel, Budget())
    assert outcome.exit is ProviderExit.CANCELLED


@that("fails")
async def test_a_failure_says_why(session):
    outcome = await session.outcome()
    assert outcome.exit is ProviderExit.FAILED
    assert "broken" in outcome.reason


@that("crashes")
async def test_a_crash_is_told_from_a_failure(session):
    assert (await session.outcome()).exit is ProviderExit.CRASHED


@that("is missing")
async def test_a_missing_program_is_named(session):
    outcome = await session.outcome()
    assert outcome.exit is ProviderExit.TOOL_MISSING
    assert "no-such-program" in outcome.reason


@that("is out of time")
async def test_a_time_limit_is_an_outcome(session):
    assert (await session.outcome()).exit is ProviderExit.TIMED_OUT


@that("is not set up")
async def test_what_is_not_set_up_asks_a_human(session):
    outcome = await session.outcome()
    assert outcome.exit is ProviderExit.NEEDS_HUMAN
    assert outcome.reason


@that("hangs")
async def test_setting_cancel_ends_it_soon_and_leaves_no_process(session):
    cancel = asyncio.Event()
    running = asyncio.create_task(session.events(cancel, Budget()))
    await asyncio.sleep(0.3)
    begun = time.monotonic()
    cancel.set()
    assert (await running)[-1].exit is ProviderExit.CANCELLED
    assert time.monotonic() - begun < PROMPT_SECONDS
    assert alive(MARKER) == []


@that("hangs")
async def test_cancelling_the_task_ends_it_soon_and_leaves_no_process(session):
    running = asyncio.create_task(session.all())
    await asyncio.sleep(0.3)
    begun = time.monotonic()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert time.monotonic() - begun < PROMPT_SECONDS
    assert alive(MARKER) == []


async def test_the_budget_bounds_the_time_of_all_tools_together(tmp_path):
    scratch = Scratch.below(tmp_path / "scratch")
    scratch.make()
    session = Session("command", tool("sleep", "60"), WorkingFolder(tmp_path, scratch))
    assert (await session.all(Budget(worker_seconds=0.5)))[-1].exit is ProviderExit.TIMED_OUT


def test_every_provider_is_in_the_suite():
    assert {provider for setups in SESSIONS.values() for provider in setups} == set(PROVIDERS)
