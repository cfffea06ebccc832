"""The options that several commands share, as annotations."""

import asyncio
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from vsm_system.config import Configured
    from vsm_system.repository.identity import OpenRepository
    from vsm_system.runs.state import State

ResultT = TypeVar("ResultT")

Workspace = Annotated[
    Path, typer.Option("--workspace", "-w", metavar="PATH", help="A folder of the git repository to work on.")
]
Organization = Annotated[
    str | None,
    typer.Option("--organization", "-o", metavar="FILE|NAME", help="A starter's name or a YAML file."),
]
StateFolder = Annotated[
    str | None,
    typer.Option("--state", metavar="DIR", help="Folder of the state; by default vsm/ in the git directory."),
]
Ledger = Annotated[
    str | None,
    typer.Option("--ledger", metavar="PATH|URL", help="The ledger; by default ledger.db in the state."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DirectiveId = Annotated[
    str, typer.Argument(metavar="DIRECTIVE", help="A directive's id, as `vsm runs` lists it.")
]
TaskId = Annotated[str, typer.Argument(metavar="TASK", help="A task's id, or the beginning of one.")]

HERE = Path()


def wait_for(work: Coroutine[Any, Any, ResultT]) -> ResultT:
    """Run a coroutine to its end."""
    return asyncio.run(work)


def configured(workspace: Path, **flags: object) -> "Configured":
    """Return the configuration of a command: its flags over the environment over the workspace's file."""
    from vsm_system.config import load_config
    from vsm_system.errors import UserError

    if not workspace.is_dir():
        raise UserError(f"{workspace} is not a folder")
    return load_config(top_of(workspace), flags, os.environ)


def top_of(workspace: Path) -> Path | None:
    """Return the top of the checkout that a folder lies in, found without git; None where there is none."""
    start = workspace.absolute()
    return next((folder for folder in (start, *start.parents) if (folder / ".git").exists()), None)


def state_of(workspace: Path, state: str | None, ledger: str | None) -> "tuple[State, OpenRepository | None]":
    """Return where the records lie, and the repository they are about, where the workspace lies in one."""
    from vsm_system.repository.identity import RepositoryError, open_repository
    from vsm_system.runs.state import locate

    values = configured(workspace, state=state, ledger=ledger).values
    repository: OpenRepository | None = None
    try:
        repository = wait_for(open_repository(workspace))
    except RepositoryError:
        if top_of(workspace) is not None or (values.state is None and values.ledger is None):
            raise
    name = Path(values.organization).stem
    return locate(repository.common if repository else None, values.state, values.ledger, name), repository
