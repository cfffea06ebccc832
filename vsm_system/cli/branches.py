"""`vsm diff`, `vsm apply` and `vsm discard`: what becomes of a directive's branch."""

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from vsm_system.cli.options import HERE, DirectiveId, Ledger, StateFolder, Workspace, Yes, state_of, wait_for

if TYPE_CHECKING:
    from vsm_system.repository.identity import OpenRepository
    from vsm_system.runs.apply import Candidate
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
    from vsm_system.runs import apply as applying

    _, repository, candidate = _found(directive, workspace, state, ledger)
    print(wait_for(applying.apply(repository, candidate, unverified=unverified)))
    return 0


def discard(
    directive: DirectiveId,
    *,
    yes: Yes = False,
    workspace: Workspace = HERE,
    state: StateFolder = None,
    ledger: Ledger = None,
) -> int:
    """Delete a directive's branch and refs; the ledger keeps what happened."""
    from vsm_system.errors import UserError
    from vsm_system.runs.apply import leavings_of, remove_refs
    from vsm_system.runs.state import live_owner

    place, repository, candidate = _found(directive, workspace, state, ledger)
    owner = live_owner(place)
    if owner is not None and owner.directive == directive:
        raise UserError(f"{owner} works on it: stop that first")
    if candidate.outcome is None:
        raise UserError(
            f"directive {directive} is not over: vsm run-directive --directive {directive} goes on with it"
        )
    leavings = wait_for(leavings_of(repository, directive))
    if not leavings.refs:
        print(f"directive {directive} has no branch and no refs")
        return 0
    for ref, target in leavings.refs.items():
        print(f"  {target[:12]}  {ref}")
    agreed(f"delete these refs of directive {directive} ({candidate.outcome or 'not over'})?", yes=yes)
    print(f"deleted {wait_for(remove_refs(repository, leavings.refs))} refs")
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
    directive: str, workspace: object, state: str | None, ledger: str | None
) -> "tuple[State, OpenRepository, Candidate]":
    from vsm_system.cli.records import story_in
    from vsm_system.errors import UserError
    from vsm_system.runs.apply import candidate_of

    place, repository = state_of(workspace, state, ledger)  # type: ignore[arg-type]
    if repository is None:
        raise UserError("this needs the repository: go there, or name it with --workspace")
    return place, repository, candidate_of(wait_for(story_in(place, directive)))
