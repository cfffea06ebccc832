"""Refs move by compare-and-swap: to a commit, if they still point where the asker thinks."""

from pathlib import Path

from vsm_core.payloads.jobs import MoveRef, MoveReport
from vsm_worker.errors import GitError
from vsm_worker.git import git, resolve


async def move_ref(request: MoveRef) -> MoveReport:
    """Point a ref at a commit; one that is there already counts as moved, so that a repeat is nothing new.

    Errors are git's, where the ref could not move for another reason than another value.
    """
    repository = Path(request.repository.location)
    found = await resolve(repository, request.ref)
    if found == request.commit:
        return MoveReport(moved=True, found=found)
    if found != request.expected:
        return MoveReport(moved=False, found=found)
    try:
        await git(repository, "update-ref", "-m", "vsm", request.ref, request.commit, request.expected or "")
    except GitError:
        now = await resolve(repository, request.ref)
        if now == found:
            raise
        return MoveReport(moved=now == request.commit, found=now)
    return MoveReport(moved=True, found=request.commit)
