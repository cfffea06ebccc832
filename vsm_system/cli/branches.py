"""`vsm diff`, `vsm apply` and `vsm discard`: what becomes of a directive's branch."""

import os
import shlex
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from vsm_system.cli.options import (
    HERE,
    DirectiveId,
    Ledger,
    Organization,
    StateFolder,
    Workspace,
    Yes,
    state_of,
    wait_for,
)

if TYPE_CHECKING:
    from pathlib import Path

    from vsm_system.repository.identity import OpenRepository
    from vsm_system.runs.apply import Candidate, Leavings
    from vsm_system.runs.state import State


def diff(
    directive: DirectiveId,
    *,
    stat: Annotated[bool, typer.Option("--stat", help="Only which files, and how much.")] = False,
    workspace: Workspace = HERE,
    state: StateFolder = None,
    ledger: Ledger = None,
) -> None:
    """Show what a directive changed, as git shows it."""
    from vsm_system.errors import UserError
    from vsm_system.runs.apply import gone_line, is_gone

    _, repository, candidate = _found(directive, workspace, state, ledger)
    if wait_for(is_gone(repository, candidate)):
        raise UserError(gone_line(directive))
    if candidate.base is None or candidate.commit is None:
        raise UserError(f"directive {directive} changed nothing ({candidate.outcome or 'it is not over'})")
    arguments = ["git", "-C", str(repository.root), "diff", *(["--stat"] if stat else [])]
    sys.stdout.flush()
    os.execvp("git", [*arguments, candidate.base, candidate.commit])  # noqa: S606 - git, with the user's own pager


def apply(
    directive: DirectiveId,
    *,
    unverified: Annotated[
        bool, typer.Option("--unverified", help="Also a result that nobody vouches for.")
    ] = False,
    workspace: Workspace = HERE,
    state: StateFolder = None,
    ledger: Ledger = None,
) -> int:
    """Take a directive's result into the branch that you stood on, if that did not move."""
    from vsm_system.cli.showing import say
    from vsm_system.runs import apply as applying
    from vsm_system.runs.vouching import vouch

    place, repository = _opened(workspace, state, ledger)
    wait_for(vouch(place, repository.common, say))
    candidate = _candidate(place, repository, directive)
    print(wait_for(applying.apply(repository, candidate, unverified=unverified)))
    return 0


def discard(
    directive: DirectiveId,
    *,
    yes: Yes = False,
    workspace: Workspace = HERE,
    organization: Organization = None,
    state: StateFolder = None,
    ledger: Ledger = None,
) -> int:
    """Delete a directive's branch and refs; the ledger keeps what happened. One that is not over is cancelled first."""
    from vsm_system.cli.cancelling import cancelled, request_for
    from vsm_system.runs.apply import leavings_of

    place, repository, candidate = _found(directive, workspace, state, ledger)
    leavings = wait_for(leavings_of(repository, directive))
    if candidate.outcome is not None:
        _check_nobody_works_on(place, directive)
        return _forgotten(repository, candidate, leavings, yes=yes)
    agreed(f"cancel directive {directive}, which is not over, and delete its branch and refs?", yes=yes)
    flags = {"organization": organization, "state": state, "ledger": ledger}
    code = cancelled(request_for(directive, workspace, flags))
    if code != 0:
        return code
    return _forgotten(repository, candidate, wait_for(leavings_of(repository, directive)), yes=True)


def _check_nobody_works_on(place: "State", directive: str) -> None:
    from vsm_system.errors import UserError
    from vsm_system.runs.state import live_owner

    owner = live_owner(place)
    if owner is not None and owner.directive == directive:
        raise UserError(f"{owner} is about to end its work on it: try again in a moment")


def _forgotten(
    repository: "OpenRepository", candidate: "Candidate", leavings: "Leavings", *, yes: bool
) -> int:
    from vsm_system.report.wording import counted
    from vsm_system.runs.apply import remove_refs

    if not leavings.refs:
        print(f"directive {candidate.directive_id} has no branch and no refs")
        return 0
    for ref, target in leavings.refs.items():
        print(f"  {target[:12]}  {ref}")
    agreed(f"delete these refs of directive {candidate.directive_id} ({candidate.outcome})?", yes=yes)
    print(f"deleted {counted(wait_for(remove_refs(repository, leavings.refs)), 'ref')}")
    return 0


def agreed(question: str, *, yes: bool) -> None:
    """Ask, where there is somebody to ask; raise UserError where nobody answers, or the answer is no."""
    from vsm_system.errors import UserError

    if yes:
        return
    if not sys.stdin.isatty():
        raise UserError("nobody is there to ask: add --yes")
    if not typer.confirm(question):
        raise UserError("nothing was deleted")


def _found(
    directive: str, workspace: "Path", state: str | None, ledger: str | None
) -> "tuple[State, OpenRepository, Candidate]":
    place, repository = _opened(workspace, state, ledger)
    return place, repository, _candidate(place, repository, directive)


def _opened(workspace: "Path", state: str | None, ledger: str | None) -> "tuple[State, OpenRepository]":
    from vsm_system.errors import UserError

    place, repository = state_of(workspace, state, ledger)
    if repository is None:
        raise UserError("this needs the repository: go there, or name it with --workspace")
    return place, repository


def _candidate(place: "State", repository: "OpenRepository", directive: str) -> "Candidate":
    from vsm_system.errors import UserError
    from vsm_system.runs.apply import candidate_of
    from vsm_system.runs.known import story_told

    story = wait_for(story_told(place.ledger, directive))
    about = story.directive.repository if story.directive else None
    elsewhere = about is not None and about.location != str(repository.root)
    if about is not None and elsewhere and about.identity != repository.identity:
        raise UserError(
            f"directive {directive} is about another repository: --workspace {shlex.quote(about.location)}"
        )
    return candidate_of(story)
