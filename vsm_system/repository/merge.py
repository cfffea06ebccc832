"""Merging without a work tree: two commits in, one commit or the conflicting paths out.

The same request always makes the same commit: author, committer, times, parents, tree and message are all functions of
the request. No hook runs, and nothing of what the commits hold.
"""

from pathlib import Path

from vsm_core.payloads.jobs import MergeCommits, MergeMode, MergeReport
from vsm_worker.git import Call, call, fields, readable

MERGED, CONFLICTING = 0, 1
IS_ANCESTOR, IS_NOT = 0, 1
UNVERIFIED = ("VSM-Verified", "no")
NO_DRIVERS = ("-c", "merge.default=text", "-c", "merge.renormalize=false")


async def merge(request: MergeCommits) -> MergeReport:
    """Merge a commit onto a tip; errors are git's, where a commit is missing for example."""
    forward = await _is_ancestor(request, request.onto, request.commit)
    if forward and request.mode is MergeMode.FAST_FORWARD:
        return MergeReport(tip=request.commit, fast_forward=True)
    contained = await _is_ancestor(request, request.commit, request.onto)
    if contained and request.mode is MergeMode.FAST_FORWARD:
        return MergeReport(tip=request.onto, fast_forward=True)
    asked = (
        *NO_DRIVERS,
        "merge-tree",
        "--write-tree",
        "--name-only",
        "--no-messages",
        "-z",
        request.onto,
        request.commit,
    )
    answer = await call(_place(request), Call(asked, accepted=(MERGED, CONFLICTING)))
    tree, *paths = fields(answer.output)
    if answer.exit_code == CONFLICTING:
        return MergeReport(conflicts=tuple(dict.fromkeys(readable(path) for path in paths if path)))
    return MergeReport(tip=await _commit(request, tree))


def _place(request: MergeCommits) -> Path:
    return Path(request.repository.location)


async def _is_ancestor(request: MergeCommits, older: str, newer: str) -> bool:
    asked = Call(("merge-base", "--is-ancestor", older, newer), accepted=(IS_ANCESTOR, IS_NOT))
    return (await call(_place(request), asked)).exit_code == IS_ANCESTOR


async def _commit(request: MergeCommits, tree: str) -> str:
    moment = f"{int(request.moment.timestamp())} +0000"
    asked = Call(
        ("commit-tree", tree, "-p", request.onto, "-p", request.commit, "-F", "-"),
        stdin=message_of(request).encode(errors="replace"),
        environment={"GIT_AUTHOR_DATE": moment, "GIT_COMMITTER_DATE": moment},
    )
    return (await call(_place(request), asked)).output.decode().strip()


def message_of(request: MergeCommits) -> str:
    """Return the merge's message: its subject on one line, then the trailers; an unverified one says so."""
    trailers = request.trailers
    if request.mode is MergeMode.UNVERIFIED and UNVERIFIED not in trailers:
        trailers = (*trailers, UNVERIFIED)
    subject = " ".join(request.subject.replace("\0", " ").split()) or "Merge"
    lines = "".join(f"{name}: {value}\n" for name, value in trailers)
    return f"{subject}\n\n{lines}" if lines else f"{subject}\n"
