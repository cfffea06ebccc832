"""`vsm clean`: takes away what runs have left, and says how much that is."""

from typing import Annotated

import typer

from vsm_system.cli.branches import agreed
from vsm_system.cli.options import HERE, Ledger, StateFolder, Workspace, Yes, state_of, wait_for


def clean(
    *,
    everything: Annotated[
        bool, typer.Option("--state-too", help="Also the state folder: ledger, checkpoints, outputs.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what there is.")] = False,
    yes: Yes = False,
    workspace: Workspace = HERE,
    state: StateFolder = None,
    ledger: Ledger = None,
) -> int:
    """Take away work trees of dead processes, and refs of directives that are over; branches stay."""
    from vsm_system.errors import UserError
    from vsm_system.report.wording import counted, size
    from vsm_system.runs.clean import clean_refs, clean_state, clean_worktrees, leftovers_of

    place, repository = state_of(workspace, state, ledger)
    if repository is None:
        raise UserError("this needs the repository: go there, or name it with --workspace")
    found = wait_for(leftovers_of(place, repository))
    print(f"work trees  {size(found.worktrees_bytes):>10}  {found.worktrees}")
    print(f"refs        {len(found.refs):>10}  attempts and rescues of finished directives")
    print(f"state       {size(found.state_bytes):>10}  {found.state}{'' if everything else ' (kept)'}")
    if dry_run:
        return 0
    agreed("take these away?", yes=yes)
    for left in wait_for(clean_worktrees()):
        print(f"removed {left.root}{f', work saved as {left.rescue_ref}' if left.rescue_ref else ''}")
    print(f"deleted {counted(wait_for(clean_refs(repository, found)), 'ref')}")
    if everything:
        wait_for(clean_state(place, repository))
        print(f"deleted {place.folder}")
    return 0
