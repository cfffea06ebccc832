"""The scripted provider: plays a recorded session, so that tests and replays meet every way an agent can behave.

The script is a YAML or JSON file named by the node's ``model.model``. It has ``steps``, or ``attempts`` (a list of
lists of steps, the last one for all further attempts). Each step is a mapping of one name to what it needs:

    write: {path: a.py, text: "x = 1"}     append: {path, text}     delete: a.py     link: {path, target}
    run: [argv]      spawn: [argv]         sleep: seconds           say: text        fail: reason
    exit: ok | failed | throttled | auth | crashed | timed_out | needs_human

A path may lead anywhere: that is what the gates are for.
"""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

from pydantic import Field

from vsm_core.payloads.jobs import ProviderExit
from vsm_core.payloads.work import TaskPacket
from vsm_core.task import Budget, Usage
from vsm_core.value import Value
from vsm_worker.errors import ProgramMissing
from vsm_worker.process import Program, allowed_environment
from vsm_worker.process import run as run_program
from vsm_worker.providers.protocol import ProviderEvent, ProviderOutcome, Said, WorkingFolder, run_unless

STEP_TIMEOUT_SECONDS = 3_600.0


class Text(Value):
    """A file and what goes into it."""

    path: str
    text: str = ""


class Link(Value):
    """A symbolic link."""

    path: str
    target: str


class Step(Value):
    """One thing that the recorded agent does."""

    write: Text | None = None
    append: Text | None = None
    delete: str | None = None
    link: Link | None = None
    run: tuple[str, ...] | None = None
    spawn: tuple[str, ...] | None = None
    sleep: float | None = Field(default=None, ge=0)
    say: str | None = None
    fail: str | None = None
    exit: ProviderExit | None = None


class Script(Value):
    """A recorded session, or one for each attempt."""

    steps: tuple[Step, ...] = ()
    attempts: tuple[tuple[Step, ...], ...] = ()

    def of_attempt(self, attempt: int) -> tuple[Step, ...]:
        """Return the steps of an attempt, counted from 1."""
        return self.attempts[min(attempt, len(self.attempts)) - 1] if self.attempts else self.steps


async def run(
    request: TaskPacket, workspace: WorkingFolder, budget: Budget, cancel: asyncio.Event
) -> AsyncGenerator[ProviderEvent, None]:
    """Play the script's steps; what it spawned is dead when this ends."""
    try:
        steps = load(request)
    except (OSError, ValueError) as error:
        yield ProviderOutcome(ProviderExit.FAILED, f"the script can't be read: {error}")
        return
    left_running: list[asyncio.Future[object]] = []
    try:
        for step in steps:
            event = await _play(step, workspace, cancel, left_running)
            if event is not None:
                yield event
            if isinstance(event, ProviderOutcome):
                return
        yield ProviderOutcome(ProviderExit.OK, usage=Usage(tool_calls=len(steps)))
    finally:
        await _stop(left_running)


def load(request: TaskPacket) -> tuple[Step, ...]:
    """Return the steps of the packet's attempt; raise OSError or ValueError for a bad script."""
    import yaml

    assignment = request.assignment
    if assignment is None or assignment.node.model.model is None:
        raise ValueError("model.model must name the script's file")
    try:
        content = yaml.safe_load(Path(assignment.node.model.model).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    return Script.model_validate(content).of_attempt(assignment.attempt)


async def _play(
    step: Step, folder: WorkingFolder, cancel: asyncio.Event, left_running: "list[asyncio.Future[object]]"
) -> ProviderEvent | None:
    if cancel.is_set():
        return ProviderOutcome(ProviderExit.CANCELLED)
    _edit(step, folder.root)
    if step.sleep is not None and await _cancelled_within(step.sleep, cancel):
        return ProviderOutcome(ProviderExit.CANCELLED)
    if step.run is not None:
        return await _run(step.run, folder, cancel)
    if step.spawn is not None:
        left_running.append(asyncio.ensure_future(run_program(_program(step.spawn, folder))))
        await asyncio.sleep(0)
    if step.fail is not None:
        return ProviderOutcome(ProviderExit.FAILED, step.fail)
    if step.exit is not None:
        return ProviderOutcome(step.exit, f"the script ends with {step.exit.value}")
    return Said(step.say) if step.say is not None else None


def _edit(step: Step, root: Path) -> None:
    for text, mode in ((step.write, "w"), (step.append, "a")):
        if text is not None:
            path = root / text.path
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open(mode, encoding="utf-8", newline="") as file:
                file.write(text.text)
    if step.delete is not None:
        (root / step.delete).unlink(missing_ok=True)
    if step.link is not None:
        (root / step.link.path).symlink_to(step.link.target)


async def _cancelled_within(seconds: float, cancel: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await cancel.wait()
    except TimeoutError:
        return False


async def _run(argv: tuple[str, ...], folder: WorkingFolder, cancel: asyncio.Event) -> ProviderEvent:
    try:
        ended = await run_unless(cancel, _program(argv, folder))
    except ProgramMissing as missing:
        return ProviderOutcome(ProviderExit.TOOL_MISSING, str(missing))
    if ended is None:
        return ProviderOutcome(ProviderExit.CANCELLED)
    if ended.crashed:
        return ProviderOutcome(
            ProviderExit.CRASHED, f"{argv[0]} was killed by signal {-(ended.exit_code or 0)}"
        )
    return Said(ended.text)


def _program(argv: tuple[str, ...], folder: WorkingFolder) -> Program:
    return Program(argv, folder.root, allowed_environment(folder.scratch), STEP_TIMEOUT_SECONDS)


async def _stop(left_running: "list[asyncio.Future[object]]") -> None:
    for each in left_running:
        each.cancel()
    if left_running:
        await asyncio.wait(left_running)
    for each in left_running:
        if not each.cancelled():
            each.exception()
