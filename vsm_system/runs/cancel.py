"""Cancelling a directive from outside: by the run that is at work on its state, else by a short run of our own.

A live run is asked, never fought: it owns the organization, and its own stopping saves work and takes work trees away.
Where nobody is at work, the organization is brought up, told, and stopped again as after an interruption.
"""

import asyncio
from contextlib import ExitStack, suppress

from vsm_system.compose import Organization
from vsm_system.crash import Crash
from vsm_system.errors import UserError
from vsm_system.runs.known import check_root, is_over
from vsm_system.runs.ledger import standing
from vsm_system.runs.request import Prepared, Request, prepare
from vsm_system.runs.result import INTERRUPTED
from vsm_system.runs.run import Audience, Told, crash_points, run_held, told
from vsm_system.runs.state import POLL_SECONDS, Owner, Patience, alone, make_folder, owner_of
from vsm_system.runs.wishes import Wish, wished

ANSWER_SECONDS = 30.0  # that whoever holds the state has for ending the directive
OWN_SECONDS = 60.0  # that a run of our own has for it


async def cancel(request: Request, audience: Audience, stop: asyncio.Event) -> Told:
    """Cancel a known directive and return how it stands then; it may have completed meanwhile, or ``stop`` came first.

    Raise UserError where whoever holds the state does not answer, or nobody here could cancel it.
    """
    crash_points()
    prepared = await prepare(request)
    make_folder(prepared.state)
    asking = Asking(prepared, audience, stop)
    async with alone(prepared.state, prepared.directive_id, Patience(asking.begin, asking.enough)) as held:
        await asking.end()
        if stop.is_set() or await is_over(prepared):
            return await told(prepared, INTERRUPTED, ran=False)
        if not held:
            raise UserError(
                f"{asking.owner} did not cancel it within {ANSWER_SECONDS:.0f} seconds: stop that first, then try again"
            )
        known = await standing(prepared.state.ledger, prepared.directive_id)
        if known is not None:
            check_root(prepared, known.stream)
        return await told(prepared, await run_held(prepared, audience, stop, _cancelled), ran=True)


async def _cancelled(organization: Organization, prepared: Prepared, _crash: Crash) -> None:
    async with asyncio.timeout(OWN_SECONDS):
        await organization.cancel(prepared.directive_id)


class Asking:
    """What is done while another process holds the state: it is asked once, and given time to answer."""

    def __init__(self, prepared: Prepared, audience: Audience, stop: asyncio.Event) -> None:
        self.enough = asyncio.Event()  # there is nothing more to wait for
        self.owner: Owner | str = "another process"
        self._prepared = prepared
        self._audience = audience
        self._stop = stop
        self._wishing = ExitStack()
        self._waiting: asyncio.Task[None] | None = None

    def begin(self, _line: str) -> None:
        """Ask, and begin to wait for the answer."""
        state, directive_id = self._prepared.state, self._prepared.directive_id
        self.owner = owner_of(state) or self.owner
        wish = self._wishing.enter_context(wished(state, directive_id))
        self._waiting = asyncio.create_task(self._wait(wish), name="answer")
        self._audience.tell(f"{self.owner} runs on this state, and is asked to cancel {directive_id}")

    async def _wait(self, wish: Wish) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                while wish.open and not self._stop.is_set():  # noqa: ASYNC110 - a file has no event
                    await asyncio.sleep(POLL_SECONDS)
        self.enough.set()

    async def end(self) -> None:
        """Take the question back; harmless where none was asked."""
        self._wishing.close()
        if self._waiting is not None:
            await asyncio.gather(self._waiting)
