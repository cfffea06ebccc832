"""`vsm cancel`: ends a directive that is not over."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from vsm_system.cli.options import (
    HERE,
    DirectiveId,
    Ledger,
    Organization,
    StateFolder,
    Workspace,
    configured,
    state_of,
    wait_for,
)

if TYPE_CHECKING:
    from vsm_system.runs.request import Request
    from vsm_system.runs.run import Told


def cancel(
    directive: DirectiveId,
    *,
    workspace: Workspace = HERE,
    organization: Organization = None,
    state: StateFolder = None,
    ledger: Ledger = None,
) -> int:
    """End a directive that is not over: what runs for it is stopped, its work is saved, and it does not go on.

    A run that is at work on it is asked to do so. Exit code 0: it is cancelled; 2: it was over already.
    """
    from vsm_system.errors import UserError
    from vsm_system.runs.known import story_told

    place, _ = state_of(workspace, state, ledger)
    over = wait_for(story_told(place.ledger, directive)).finished
    if over is not None:
        raise UserError(f"directive {directive} is over already: {over.outcome}")
    flags = {"organization": organization, "state": state, "ledger": ledger}
    return cancelled(request_for(directive, workspace, flags))


def request_for(directive: str, workspace: Path, flags: dict[str, str | None]) -> "Request":
    """Return the request that names a directive by its id, and where it lies."""
    from vsm_system.runs.request import Request

    return Request(None, workspace, configured(workspace, **flags).values, directive)


def cancelled(request: "Request") -> int:
    """Cancel a directive, say what came of it in one line, and return the exit code."""
    from vsm_core.task import Outcome
    from vsm_system.cli.exits import FAILED, INTERRUPTED
    from vsm_system.cli.running import quiet_logs
    from vsm_system.cli.showing import say
    from vsm_system.errors import UserError

    quiet_logs()
    told = wait_for(_cancelled(request))
    result = told.result
    if told.finished and result.outcome is Outcome.CANCELLED:
        print(f"directive {result.directive_id} is cancelled")
        return 0
    if told.finished:
        raise UserError(
            f"directive {result.directive_id} was over before it could be cancelled: {result.outcome}"
        )
    if result.outcome is Outcome.CANCELLED:
        say(f"interrupted: directive {result.directive_id} may not be over; `vsm runs` tells")
        return INTERRUPTED
    say(f"directive {result.directive_id} could not be cancelled: {result.reason}")
    return FAILED


async def _cancelled(request: "Request") -> "Told":
    from vsm_system.cli.showing import say
    from vsm_system.cli.signals import on_signal
    from vsm_system.runs.cancel import cancel as end
    from vsm_system.runs.run import Audience

    stop = asyncio.Event()
    on_signal(stop.set)
    return await end(request, Audience(say), stop)
