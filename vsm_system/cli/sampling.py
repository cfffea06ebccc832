"""`vsm sample`: a repository to try things on."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from vsm_system.cli.options import wait_for


def sample(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A folder to make; it must be empty.")],
) -> int:
    """Lay out a small real Python repository with lint errors, old syntax and passing tests."""
    from vsm_system.cli.showing import called
    from vsm_system.sample.layout import lay_out

    commit = wait_for(lay_out(path))
    print(f"{path} is a repository at {commit[:12]}; now try:")
    where = shlex.quote(str(path))
    print(f'  {called()} run-directive "Fix the lint errors and modernise the syntax" --workspace {where}')
    return 0
