"""Taking a directive's result into the user's own branch, or forgetting it: by compare-and-swap, or not at all.

A branch that is checked out moves as a fast-forward in that checkout, so its files follow; git refuses where a changed,
untracked or ignored file would be overwritten, and nothing has moved then.
"""

from dataclasses import dataclass
from pathlib import Path

from vsm_core.task import Outcome
from vsm_system.errors import UserError
from vsm_system.repository.identity import OpenRepository
from vsm_system.runs.git import checkout_of, refs_below
from vsm_system.runs.result import Story
from vsm_worker.errors import GitError
from vsm_worker.git import Call, call, git, resolve

HEADS = "refs/heads/"
OWN_REFS = ("refs/vsm/attempts", "refs/vsm/rescue")
FILES_NAMED = 5  # in a refusal


@dataclass(frozen=True, slots=True)
class Candidate:
    """A directive's result, and the branch it was made for."""

    directive_id: str
    outcome: Outcome | None  # None: it is not over
    branch: str | None
    commit: str | None
    base: str | None
    target: str | None  # None: the run began on a detached HEAD
    verified: bool = True  # somebody other than its author saw all of it hold


def candidate_of(story: Story) -> Candidate:
    """Return what a directive's story offers."""
    over, repository = story.finished, story.directive.repository if story.directive else None
    return Candidate(
        directive_id=story.directive_id,
        outcome=over.outcome if over else None,
        branch=(over.branch if over else None) or story.branch,
        commit=(over.commit if over else None) or story.commit,
        base=(over.base if over else None) or (repository.base_commit if repository else None),
        target=repository.branch if repository else None,
        verified=story.verified,
    )


# ------------------------------------------------------------------------------------------------------ apply


async def apply(repository: OpenRepository, candidate: Candidate, *, unverified: bool = False) -> str:
    """Move the user's branch to a result and return a line that says so; raise UserError where that can't be."""
    if await is_gone(repository, candidate) and not await _is_taken(repository, candidate):
        raise UserError(gone_line(candidate.directive_id))
    commit, base, target = _applicable(candidate, unverified=unverified)
    ref = f"{HEADS}{target}"
    found = await resolve(repository.common, ref)
    if found == commit:
        return f"{target} is at {commit[:12]} already"
    if found != base:
        now = f"is at {found[:12]}" if found else "is gone"
        raise UserError(
            f"branch {target} {now}, not at {base[:12]} where the run began: merge it yourself "
            f"(git merge {candidate.branch})"
        )
    place = await checkout_of(repository.common, ref)
    if place is None:
        await _swap(repository.common, ref, commit, base)
    else:
        await _fast_forward(place, candidate, commit)
    return f"{target} is at {commit[:12]} now"


async def is_gone(repository: OpenRepository, candidate: Candidate) -> bool:
    """Return whether a directive that is over had a branch, and has it no more."""
    if candidate.outcome is None or candidate.branch is None:
        return False
    return await resolve(repository.common, f"{HEADS}{candidate.branch}") is None


def gone_line(directive_id: str) -> str:
    """Return the line that says so, and how the work is done anew."""
    return (
        f"the branch vsm/{directive_id} is gone: it was discarded; "
        f"vsm run-directive --directive {directive_id} --again does the work anew"
    )


async def _is_taken(repository: OpenRepository, candidate: Candidate) -> bool:
    if candidate.target is None or candidate.commit is None:
        return False
    return await resolve(repository.common, f"{HEADS}{candidate.target}") == candidate.commit


def _applicable(candidate: Candidate, *, unverified: bool) -> tuple[str, str, str]:
    directive = candidate.directive_id
    if candidate.outcome is None:
        raise UserError(f"directive {directive} is not over: vsm run-directive --directive {directive}")
    if candidate.commit is None or candidate.base is None:
        raise UserError(f"directive {directive} left no change to apply ({candidate.outcome})")
    if candidate.target is None:
        raise UserError(
            f"directive {directive} began on a detached HEAD, so there is no branch to move: "
            f"git checkout a branch and git merge {candidate.branch}"
        )
    if not candidate.verified and not unverified:
        raise UserError(
            f"directive {directive} ended as {candidate.outcome}, and nobody vouches for its result: look at it "
            f"(vsm diff {directive}), then vsm apply {directive} --unverified"
        )
    return candidate.commit, candidate.base, candidate.target


async def _swap(common: Path, ref: str, commit: str, base: str) -> None:
    try:
        await git(common, "update-ref", "-m", "vsm apply", ref, commit, base)
    except GitError as error:
        raise UserError(
            f"branch {ref.removeprefix(HEADS)} moved meanwhile: {error.complaint.strip()}"
        ) from error


async def _fast_forward(place: Path, candidate: Candidate, commit: str) -> None:
    asked = (
        "merge",
        "--ff-only",
        "--no-overwrite-ignore",
        "--no-stat",
        "--quiet",
        "--end-of-options",
        commit,
    )
    try:
        await call(place, Call(asked))
    except GitError as error:
        raise UserError(_in_the_way(error, candidate)) from error


def _in_the_way(error: GitError, candidate: Candidate) -> str:
    again = f"then vsm apply {candidate.directive_id}"
    files = [line.strip() for line in error.complaint.splitlines() if line.startswith("\t")]
    if files:
        more = f" and {len(files) - FILES_NAMED} more" if len(files) > FILES_NAMED else ""
        return f"your own changes are in the way: {', '.join(files[:FILES_NAMED])}{more}; commit or move them, {again}"
    first = next((line for line in error.complaint.splitlines() if line.strip()), "git refused")
    return f"{candidate.target} can't be fast-forwarded: {first}; mend that, {again}"


# ---------------------------------------------------------------------------------------------------- discard


@dataclass(frozen=True, slots=True)
class Leavings:
    """The refs of a directive: ref -> what it points at."""

    refs: dict[str, str]


async def leavings_of(repository: OpenRepository, directive_id: str) -> Leavings:
    """Return every ref that a directive left; raise UserError where its branch is checked out."""
    branch = f"{HEADS}vsm/{directive_id}"
    prefixes = [branch, *(f"{prefix}/{directive_id}/" for prefix in OWN_REFS)]
    refs = await refs_below(repository.common, *prefixes)
    if branch in refs and (place := await checkout_of(repository.common, branch)) is not None:
        raise UserError(
            f"branch vsm/{directive_id} is checked out in {place}: check another one out there first"
        )
    return Leavings(refs)


async def remove_refs(repository: OpenRepository, refs: dict[str, str]) -> int:
    """Delete refs that still point where they were seen, all or none, and return how many."""
    if not refs:
        return 0
    lines = "".join(f"delete {ref} {target}\n" for ref, target in refs.items())
    try:
        await call(repository.common, Call(("update-ref", "--stdin"), stdin=lines.encode()))
    except GitError as error:
        why = next(iter(error.complaint.splitlines()), "git refused")
        moved = "the refs moved meanwhile" if " but expected " in why else "git can't delete the refs"
        raise UserError(f"{moved}: {why.strip()}; try again") from error
    return len(refs)
