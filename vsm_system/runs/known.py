"""What the ledger knows of a request before anything runs: its words, whether its id is free, and whether it is over.

Nothing here writes.
"""

from dataclasses import replace

from vsm_core.payloads.work import Directive
from vsm_system.config import guess
from vsm_system.errors import UserError
from vsm_system.runs.ledger import FINISHED, facts_of, reading, standing
from vsm_system.runs.request import Prepared, repeated
from vsm_system.runs.result import Story, story_of
from vsm_worker.git import resolve


async def story_in(ledger: str, directive_id: str) -> Story:
    """Return what a ledger tells of a directive; raise LedgerError where there is none to read."""
    async with reading(ledger) as history:
        return story_of(directive_id, await facts_of(history, directive_id))


async def story_told(ledger: str, directive_id: str) -> Story:
    """Return what a ledger tells of a directive; raise UserError where it knows none of that id."""
    story = await story_in(ledger, directive_id)
    if story.directive is None:
        async with reading(ledger) as history:
            names = tuple(row.directive_id for row in await history.directives())
        raise UserError(
            f"no directive {directive_id!r} in this ledger{guess(directive_id, names)}; `vsm runs` lists them"
        )
    return story


async def worded(prepared: Prepared) -> Prepared:
    """Give a request that names a directive by its id alone the words and the terms of that directive."""
    request = prepared.request
    if request.directive is None or (request.text or "").strip():
        return prepared
    found = await recorded(prepared, request.directive)
    if found is not None:
        return replace(prepared, request=repeated(request, found))
    raise UserError(f"no directive {request.directive!r} is known here: say what to do, or see `vsm runs`")


async def recorded(prepared: Prepared, directive_id: str) -> Directive | None:
    """Return a directive as it was accepted; None where the ledger, or the directive, is not there."""
    if await standing(prepared.state.ledger, directive_id) is None:
        return None
    return (await story_in(prepared.state.ledger, directive_id)).directive


async def check_known(prepared: Prepared, words: str | None) -> None:
    """Refuse an id that means another directive already than these words say, or that could not be published."""
    known = await standing(prepared.state.ledger, prepared.directive_id)
    if known is None:
        await _check_branch_is_free(prepared)
        return
    text = (words or "").strip()
    if text and prepared.request.directive and known.title != text.partition("\n")[0].strip():
        raise UserError(
            f"directive {prepared.directive_id!r} is known already as {known.title!r}: "
            "choose another --directive, or leave the text out to go on with it"
        )
    if known.state != FINISHED:
        check_root(prepared, known.stream)


def check_root(prepared: Prepared, stream: str) -> None:
    """Refuse to go on with a directive of an organization with another root."""
    if stream != prepared.genome.root_id:
        raise UserError(
            f"directive {prepared.directive_id!r} belongs to an organization whose root is {stream!r}: "
            "name it with --organization"
        )


async def _check_branch_is_free(prepared: Prepared) -> None:
    """Refuse to begin what could not be published in the end."""
    branch = f"vsm/{prepared.directive_id}"
    if await resolve(prepared.repository.common, f"refs/heads/{branch}") is not None:
        raise UserError(
            f"branch {branch} is there already, from a run that this ledger does not know: "
            f"rename or delete it (git branch -m {branch} NAME), or add --again"
        )


async def is_over(prepared: Prepared) -> bool:
    """Say whether the request's directive is over."""
    known = await standing(prepared.state.ledger, prepared.directive_id)
    return known is not None and known.state == FINISHED
