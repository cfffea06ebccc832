"""Merging without a work tree: two commits in, one commit or the conflicting paths out.

The same request always makes the same commit: author, committer, times, parents, tree and message are all functions of
the request. No hook runs, and nothing of what the commits hold, and no merge driver: text is merged as text.
"""

import os
from pathlib import Path

from vsm_core.payloads.jobs import MergeCommits, MergeMode, MergeReport
from vsm_worker.git import Call, call, fields, readable

MERGED, CONFLICTING = 0, 1
IS_ANCESTOR, IS_NOT = 0, 1
UNVERIFIED = ("VSM-Verified", "no")
AS_TEXT = "git merge-file --quiet --marker-size=%L %A %O %B"  # what git does where no driver is named
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
    drivers = await _drivers(_place(request))
    answer = await call(
        _place(request), Call(asked, environment=_all_as_text(drivers), accepted=(MERGED, CONFLICTING))
    )
    tree, *paths = fields(answer.output)
    if answer.exit_code == CONFLICTING:
        return MergeReport(conflicts=tuple(dict.fromkeys(readable(path) for path in paths if path)))
    return MergeReport(tip=await _commit(request, tree))


async def _drivers(where: Path) -> list[str]:
    """Return the settings that name a program for merging: anybody may have put them there."""
    asked = Call(("config", "--name-only", "-z", "--get-regexp", r"^merge\..*\.driver$"), accepted=(0, 1))
    return list(dict.fromkeys(fields((await call(where, asked)).output)))


def _all_as_text(drivers: list[str]) -> dict[str, str]:
    """Return an environment that replaces these settings; on the command line a name with ``=`` in it would not do."""
    first = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    pairs = {
        f"GIT_CONFIG_{what}_{number}": word
        for number, driver in enumerate(drivers, start=first)
        for what, word in (("KEY", driver), ("VALUE", AS_TEXT))
    }
    return {**pairs, "GIT_CONFIG_COUNT": str(first + len(drivers))}


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
