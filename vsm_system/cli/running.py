"""`vsm run-directive`: one directive from words to a verified branch."""

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Annotated

import typer

from vsm_system.cli.options import (
    HERE,
    Json,
    Ledger,
    Organization,
    StateFolder,
    Workspace,
    configured,
    wait_for,
)
from vsm_system.cli.signals import act_at_once, on_signal
from vsm_system.cli.streams import flushed, silence

if TYPE_CHECKING:
    from vsm_system.cli.showing import Show
    from vsm_system.runs.request import Request
    from vsm_system.runs.run import Told

Text = Annotated[str | None, typer.Argument(metavar="[TEXT]", help="What to do, in your own words.")]
Acceptance = Annotated[
    list[str] | None,
    typer.Option("--acceptance", metavar="ARGV", help="A command the result is verified with; may repeat."),
]
Timeout = Annotated[
    float | None, typer.Option("--timeout", metavar="SECONDS", help="How long the directive may take.")
]
Jobs = Annotated[
    int | None, typer.Option("--jobs", "-j", metavar="N", help="Tasks that one leaf runs at once.")
]
Rules = Annotated[
    list[str] | None,
    typer.Option("--rules", metavar="CODES", help="Lint rules instead of the crew's own, such as F,I."),
]
Python = Annotated[
    str | None,
    typer.Option("--python", metavar="PATH", help="Interpreter or environment that the tests run with."),
]


def run_directive(
    text: Text = None,
    *,
    workspace: Workspace = HERE,
    organization: Organization = None,
    acceptance: Acceptance = None,
    state: StateFolder = None,
    ledger: Ledger = None,
    timeout: Timeout = None,
    jobs: Jobs = None,
    rules: Rules = None,
    python: Python = None,
    directive: Annotated[
        str | None, typer.Option("--directive", metavar="ID", help="The directive's id; by default derived.")
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Start anew where the same was done already.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for a run on the same state.")] = True,
    apply: Annotated[
        bool | None, typer.Option("--apply", help="Take a completed result into the branch you are on.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and do nothing.")] = False,
    as_json: Json = False,
) -> int:
    """Do what TEXT says on a git repository, and leave the result on branch `vsm/<directive>`.

    The same command again goes on with what was interrupted, or prints the result that is there.
    Exit code 0: done or nothing to do; 1: failed, rejected or not applied; 2: usage; 3: a human has to decide;
    130: interrupted.
    """
    from vsm_ledger.connect import shown
    from vsm_system.runs.request import Request

    values = configured(
        workspace,
        organization=organization,
        acceptance=tuple(acceptance or ()),
        state=state,
        ledger=ledger,
        timeout=timeout,
        jobs=jobs,
        rules=tuple(code for each in rules or () for code in each.replace(",", " ").split()),
        python=python,
        apply=apply,
    ).values
    request = Request(text, workspace, values, directive, again=again, wait=wait)
    if dry_run:
        return _plan(request, as_json=as_json)
    place = {
        "workspace": None if workspace == HERE else workspace,
        "state": state,
        "ledger": ledger and shown(ledger),
    }
    return _run(request, place, {"organization": organization}, as_json=as_json)


def _plan(request: "Request", *, as_json: bool) -> int:
    from vsm_system.cli.showing import print_plan, say
    from vsm_system.runs.plan import plan

    act_at_once()
    print_plan(wait_for(plan(request, say)), as_json=as_json)
    return 0


def _run(
    request: "Request", place: Mapping[str, object], organization: Mapping[str, object], *, as_json: bool
) -> int:
    from vsm_system.cli.exits import INTERRUPTED, USAGE, exit_code_after, explained

    try:
        from vsm_system.cli.showing import Flags, flags_of, show_for

        quiet_logs()
        show = show_for(Flags(flags_of(place), flags_of(organization)), as_json=as_json)
        return wait_for(_run_and_show(request, show))
    except KeyboardInterrupt:
        if as_json:
            _print_bare(request, "cancelled", "interrupted before anything was run")
        return INTERRUPTED
    except Exception as error:
        if as_json and exit_code_after(error) != USAGE:
            _print_bare(
                request, "failed", explained(error) or f"internal error: {type(error).__name__}: {error}"
            )
        raise


def _print_bare(request: "Request", outcome: str, reason: str) -> None:
    """Print the document of a run that never came to a ledger."""
    from vsm_core.task import Outcome
    from vsm_system.runs.result import Story, Unfinished, result_of

    story = Story(request.directive or "")
    print(result_of(story, "", Unfinished(Outcome(outcome), reason)).model_dump_json(indent=2))


async def _run_and_show(request: "Request", show: "Show") -> int:
    from vsm_system.cli.exits import FAILED, exit_code_of
    from vsm_system.runs.run import Audience, run

    started, stop = monotonic(), asyncio.Event()
    on_signal(partial(_stop, stop, show))
    try:
        told = await run(request, Audience(show.tell, show.observe, show.begin, show.recall), stop)
    finally:
        show.end()
    applied = await _applied(request, told, show)
    seconds = monotonic() - started if told.ran else None
    try:
        await show.result(told, seconds, applied.line)
    except OSError:  # nobody reads, or nothing can be written; the exit code still says how it ended
        silence(sys.stdout)
    flushed()
    return FAILED if applied.refused else exit_code_of(told.result.outcome)


def _stop(stop: asyncio.Event, show: "Show") -> None:
    if not stop.is_set():
        show.tell("stopping: children are ended, work is saved")
    stop.set()


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of the user's branch, where it was to move."""

    line: str = ""
    refused: bool = False


async def _applied(request: "Request", told: "Told", show: "Show") -> Applied:
    """Apply a completed result where that was asked for; what stands in the way is one line, the result stays."""
    from vsm_core.task import Outcome
    from vsm_system.errors import UserError
    from vsm_system.runs.apply import apply, candidate_of

    if not request.config.apply or told.result.outcome is not Outcome.COMPLETED or not told.result.commit:
        return Applied()
    try:
        line = await apply(told.prepared.repository, candidate_of(told.story))
    except UserError as error:
        show.tell(f"not applied: {error}")
        return Applied(refused=True)
    show.tell(line)
    return Applied(line)


def quiet_logs() -> None:
    """Send what the program logs to the error stream, errors only unless VSM_LOG names another level."""
    import logging

    import structlog

    named = logging.getLevelNamesMapping().get(os.environ.get("VSM_LOG", "error").upper(), logging.ERROR)
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(  # without the values of local variables: they hold what the log must not
        processors=[structlog.processors.add_log_level, structlog.processors.TimeStamper(fmt="iso"), plain],
        wrapper_class=structlog.make_filtering_bound_logger(named),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
