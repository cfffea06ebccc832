"""One run: a directive goes through an organization on a repository, from request to result, and leaves nothing behind.

Theory of operation. The state folder is held by one run at a time. What earlier processes left is taken away first.
Then the organization runs in this process until the directive is over, or until the run is interrupted: everything
that runs is stopped, work is rescued, and the same request goes on from the ledger later. The result is always read
from the ledger, so a run that finds its directive finished has nothing to do but to say so.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vsm_core.facts import RecordedFact
from vsm_core.genome import OrganizationalGenome
from vsm_core.task import Outcome
from vsm_ledger.checkpoints import load_signer
from vsm_ledger.connect import shown
from vsm_ledger.errors import LedgerError, LedgerMissing
from vsm_ledger.journal import SqlJournal
from vsm_system.clock import new_process_id
from vsm_system.compose import Assembly, Organization, running
from vsm_system.config import Config
from vsm_system.crash import Crash, crash_from_environment
from vsm_system.errors import UserError
from vsm_system.report.wording import one_line
from vsm_system.runs.checkpoint import copy_checkpoints
from vsm_system.runs.clean import clean_worktrees
from vsm_system.runs.git import changed_files
from vsm_system.runs.known import check_known, is_over, recorded, story_in, worded
from vsm_system.runs.ledger import FINISHED, facts_of, is_there, reading, stored_checkpoints, writing
from vsm_system.runs.request import Prepared, Request, directive_of, prepare
from vsm_system.runs.result import INTERRUPTED, Result, Story, Unfinished, result_of
from vsm_system.runs.state import Patience, alone, make_folder
from vsm_system.runs.vouching import vouch
from vsm_system.runs.wishes import heed
from vsm_worker.artifacts import ArtifactStore, default_cache_folder
from vsm_worker.errors import WorkerError
from vsm_worker.execution import Surroundings

CHECKPOINT_SECONDS = 60.0
# What a run is for: it begins when the organization is up, and its end is the end of the run.
Errand = Callable[[Organization, Prepared, Crash], Coroutine[Any, Any, None]]


def _say_nothing(_line: str) -> None:
    """Tell nobody."""


def _see_nothing(_node: str, _recorded: RecordedFact) -> None:
    """Show nobody."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Who is told of a run: notices in one line each, and every fact as it is recorded."""

    tell: Callable[[str], None] = _say_nothing
    observe: Callable[[str, RecordedFact], None] = _see_nothing
    begun: Callable[[Prepared], None] = lambda _prepared: None
    recall: Callable[[str, RecordedFact], None] = _see_nothing  # what was recorded before this run


@dataclass(frozen=True, slots=True)
class Told:
    """A run's end: the result document, and the story it was made from; ``ran`` is False where it only was read."""

    result: Result
    story: Story
    prepared: Prepared
    ran: bool

    @property
    def finished(self) -> bool:
        """Whether the directive is over; if not, the same request goes on with it."""
        return self.story.finished is not None


async def run(request: Request, audience: Audience, stop: asyncio.Event | None = None) -> Told:
    """Run a request to its end, or until ``stop`` is set.

    Raise UserError, RepositoryError or LedgerError where nothing could be run, and RecordChanged where what was run
    can't be believed.
    """
    crash_points()
    prepared = await prepare(request)
    await check_known(prepared, request.text)
    if await is_over(prepared):
        return await told_again(prepared, audience)
    prepared = await worded(prepared)
    await _notice_deadline(prepared, audience)
    make_folder(prepared.state)
    stop = stop or asyncio.Event()
    patience = Patience(audience.tell, stop, request.wait)
    async with alone(prepared.state, prepared.directive_id, patience) as held:
        if not held or stop.is_set():
            return await told(prepared, INTERRUPTED, ran=False)
        if await is_over(prepared):
            return await told_again(prepared, audience)
        return await told(prepared, await run_held(prepared, audience, stop, _through), ran=True)


async def told_again(prepared: Prepared, audience: Audience) -> Told:
    """Return what was recorded of a directive that is over; raise RecordChanged where the ledger is not whole."""
    await vouch(prepared.state, prepared.repository.common, audience.tell)
    return await told(prepared, INTERRUPTED, ran=False)


async def _notice_uncommitted(prepared: Prepared, audience: Audience) -> None:
    count = await changed_files(prepared.repository.root)
    if count:
        files, them = ("1 changed file is", "it") if count == 1 else (f"{count} changed files are", "them")
        audience.tell(
            f"{files} not committed; this run starts from {prepared.repository.head[:12]} without {them}"
        )


async def _notice_deadline(prepared: Prepared, audience: Audience) -> None:
    """Say that a directive which was begun without a deadline gets none by being gone on with."""
    if prepared.request.config.timeout is None:
        return
    known = await recorded(prepared, prepared.directive_id)
    if known is not None and known.deadline is None:
        audience.tell(
            f"directive {prepared.directive_id} was begun without a deadline and goes on without one: "
            "--timeout counts from the beginning only"
        )


async def _notice_open(prepared: Prepared, audience: Audience) -> None:
    """Say which other directives the organization goes on with: it is one organization, and they are its open work."""
    if not await is_there(prepared.state.ledger):
        return
    async with reading(prepared.state.ledger) as history:
        rows = await history.directives()
    for row in rows:
        ours = row.directive_id == prepared.directive_id or row.stream != prepared.genome.root_id
        if row.state != FINISHED and not ours:
            audience.tell(
                f"directive {row.directive_id} ({one_line(row.title)[:60]}) is open and goes on as well"
            )


# ------------------------------------------------------------------------------------------------------ running


async def run_held(prepared: Prepared, audience: Audience, stop: asyncio.Event, errand: Errand) -> Unfinished:
    """Run the organization for an errand, and return what is to be said if the directive is not over after that.

    The caller holds the state folder.
    """
    crash = crash_points()
    await _notice_uncommitted(prepared, audience)
    await _notice_open(prepared, audience)
    await _clear_up(audience)
    audience.begun(prepared)
    await _recall(prepared, audience)
    async with writing(prepared.state.ledger, prepared.genome.root_id) as journal:
        await _copy(prepared, crash, audience)
        signing = asyncio.create_task(_sign_regularly(prepared, journal, crash, audience), name="checkpoints")
        try:
            assembly = _assembly(prepared, journal, audience, crash)
            await _run_organization(assembly, prepared, stop, errand)
        except Exception as error:  # noqa: BLE001 - whatever ended a host for good is how this run ended
            return Unfinished(Outcome.FAILED, f"{type(error).__name__}: {error}")
        finally:
            signing.cancel()
            await asyncio.gather(signing, return_exceptions=True)
            await _checkpoint(prepared, journal, crash, audience)
    return INTERRUPTED


def crash_points() -> Crash:
    """Return what to call at crash points; raise UserError where the environment names one that there is not."""
    try:
        return crash_from_environment()
    except ValueError as error:
        raise UserError(str(error)) from error


async def _recall(prepared: Prepared, audience: Audience) -> None:
    """Tell what is known already, so that a run that goes on is shown like one that never stopped."""
    if not await is_there(prepared.state.ledger):
        return
    async with reading(prepared.state.ledger) as history:
        for stream, recorded in await facts_of(history, prepared.directive_id):
            audience.recall(stream, recorded)


async def _clear_up(audience: Audience) -> None:
    for left in await clean_worktrees():
        saved = f", its work saved as {left.rescue_ref}" if left.rescue_ref else ""
        audience.tell(f"took away a work tree of a dead process{saved}: {left.problem or left.root}")


def _assembly(prepared: Prepared, journal: SqlJournal, audience: Audience, crash: Crash) -> Assembly:
    return Assembly(
        organization=journal.organization,
        genome=prepared.genome,
        journal=journal,
        surroundings=Surroundings(
            cache=default_cache_folder(),
            artifacts=ArtifactStore(prepared.state.artifacts),
            process=new_process_id(),
            crash=crash,
        ),
        slots=prepared.request.config.jobs,
        observe=audience.observe,
        crash=crash,
    )


async def _run_organization(
    assembly: Assembly, prepared: Prepared, stop: asyncio.Event, errand: Errand
) -> None:
    """Run until the errand is done or ``stop`` is set; leaving stops everything and saves what is under way."""
    async with running(assembly) as organization:
        heeding = asyncio.ensure_future(heed(organization, prepared.state, prepared.genome.root_id))
        through = asyncio.ensure_future(errand(organization, prepared, assembly.crash))
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({through, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if through.done():
                through.result()
        finally:
            for each in (through, stopping, heeding):
                each.cancel()
            await asyncio.gather(through, stopping, heeding, return_exceptions=True)


async def _through(organization: Organization, prepared: Prepared, crash: Crash) -> None:
    crash("run.before_submit")
    known = await recorded(prepared, prepared.directive_id)
    await organization.submit(known or directive_of(prepared))
    crash("run.after_submit")
    await organization.finished(prepared.directive_id)


async def told(prepared: Prepared, unfinished: Unfinished, *, ran: bool) -> Told:
    """Return what the ledger tells of a request now."""
    try:
        story = await story_in(prepared.state.ledger, prepared.directive_id)
    except LedgerMissing:
        story = Story(prepared.directive_id)
    return Told(result_of(story, shown(prepared.state.ledger), unfinished), story, prepared, ran)


# -------------------------------------------------------------------------------------------------- checkpoints


async def _sign_regularly(prepared: Prepared, journal: SqlJournal, crash: Crash, audience: Audience) -> None:
    while True:
        await asyncio.sleep(CHECKPOINT_SECONDS)
        await _checkpoint(prepared, journal, crash, audience)


async def _checkpoint(prepared: Prepared, journal: SqlJournal, crash: Crash, audience: Audience) -> None:
    """Sign what the ledger holds; a key or a disk that fails costs the checkpoint, not the run."""
    try:
        await journal.checkpoint(load_signer(prepared.state.folder))
    except (OSError, ValueError, LedgerError) as error:
        audience.tell(f"no checkpoint was made: {error}")
    else:
        await _copy(prepared, crash, audience)


async def _copy(prepared: Prepared, crash: Crash, audience: Audience) -> None:
    try:
        stored = await stored_checkpoints(prepared.state.ledger)
        await copy_checkpoints(prepared.state, prepared.repository.common, stored, crash)
    except (OSError, WorkerError, LedgerError) as error:
        audience.tell(f"the checkpoints could not be copied: {error}")


# ------------------------------------------------------------------------------------------------------ library


def run_directive(
    text: str,
    *,
    workspace: Path | str = ".",
    organization: str | OrganizationalGenome = "maintenance",
    config: Config | None = None,
    directive: str | None = None,
) -> Result:
    """Run a directive on a repository and return its result: what ``vsm run-directive`` does, as a call.

    ``organization`` is a starter's name, a YAML file or a genome, and goes before that of ``config``. Raises what
    ``run`` raises.
    """
    named = organization if isinstance(organization, str) else (config or Config()).organization
    request = Request(
        text=text,
        workspace=Path(workspace),
        config=(config or Config()).model_copy(update={"organization": named}),
        directive=directive,
        genome=organization if isinstance(organization, OrganizationalGenome) else None,
    )
    return asyncio.run(run(request, Audience())).result
