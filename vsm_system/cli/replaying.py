"""`vsm ledger replay`: what was decided, decided again."""

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
    state_of,
    wait_for,
)

if TYPE_CHECKING:
    from vsm_system.runs.replay import Replayed
    from vsm_system.runs.state import State


def replay(
    *,
    node: Annotated[
        str | None, typer.Option("--node", metavar="NODE", help="Only this metasystem's.")
    ] = None,
    workspace: Workspace = HERE,
    organization: Organization = None,
    state: StateFolder = None,
    ledger: Ledger = None,
    as_json: Json = False,
) -> int:
    """Decide again all that was decided, and compare facts and envelopes byte by byte; exit code 1 where they differ.

    Of what another version of this program decided the facts are compared, and the envelopes are not.
    """
    import orjson

    place, _ = state_of(workspace, state, ledger)
    named = configured(workspace, organization=organization).values.organization
    told = wait_for(_replayed(place, named, node))
    if as_json:
        print(orjson.dumps([_document(each) for each in told], option=orjson.OPT_INDENT_2).decode())
    else:
        for each in told:
            _print(each)
    return 1 if any(each.divergence for each in told) else 0


async def _replayed(place: "State", organization: str, node: str | None) -> "tuple[Replayed, ...]":
    from vsm_system.organizations import load_organization
    from vsm_system.runs.ledger import code_version, reading
    from vsm_system.runs.replay import replay as decide_again

    genome = load_organization(organization)
    async with reading(place.ledger) as history:
        return await decide_again(history, genome, node, code_version())


def _document(told: "Replayed") -> dict[str, object]:
    from dataclasses import asdict

    return {**asdict(told), "versions": sorted(told.versions)}


def _print(told: "Replayed") -> None:
    from vsm_system.report.wording import counted, one_line

    print(
        f"{told.node}: {counted(told.decisions, 'decision')}, {counted(told.facts, 'fact')} and "
        f"{counted(told.envelopes, 'envelope')} compared"
    )
    if told.facts_only:
        others = ", ".join(sorted(each or "an unknown one" for each in told.versions))
        print(
            f"note: {counted(told.facts_only, 'decision')} by another version ({others}): only facts compared"
        )
    if told.pruned:
        print(f"note: {counted(told.pruned, 'decision')} passed over: the bytes were pruned or redacted")
    if told.foreign:
        print(f"note: {counted(told.foreign, 'decision')} passed over: another organization made them")
    if told.envelopes_pruned:
        print(f"note: {counted(told.envelopes_pruned, 'envelope')} not compared: the bytes were pruned")
    print(f"found: {one_line(str(told.divergence))}" if told.divergence else "all came out the same")
