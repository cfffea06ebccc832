"""Lays the sample repository out: its files under their real names, and one commit with an identity of its own.

The files carry the ending ``.txt`` here, so that no tool of this project takes their errors for its own.
"""

from collections.abc import Iterator
from pathlib import Path

from vsm_system.errors import UserError
from vsm_system.repository.identity import check_git
from vsm_worker.git import Call, call, git

FILES = Path(__file__).parent / "files"
ENDING = ".txt"
BRANCH = "main"
AUTHOR = {
    "GIT_AUTHOR_NAME": "Ada Sample",
    "GIT_AUTHOR_EMAIL": "ada@localhost",
    "GIT_COMMITTER_NAME": "Ada Sample",
    "GIT_COMMITTER_EMAIL": "ada@localhost",
}


def sample_files() -> Iterator[tuple[str, bytes]]:
    """Yield the path and the content of each file."""
    for path in sorted(FILES.rglob(f"*{ENDING}")):
        yield path.relative_to(FILES).as_posix().removesuffix(ENDING), path.read_bytes()


async def lay_out(folder: Path) -> str:
    """Make the repository in a new or empty folder and return its commit; raise UserError where that can't be."""
    await check_git()
    _write(folder)
    await git(folder, "init", "--quiet", f"--initial-branch={BRANCH}", "--template=")
    await git(folder, "add", "--all")
    await call(folder, Call(("commit", "--quiet", "--message", "Keep track of expenses"), environment=AUTHOR))
    return await git(folder, "rev-parse", "HEAD")


def _write(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UserError(f"{folder} is not empty: name a new folder")
        for name, content in sample_files():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except OSError as error:
        raise UserError(f"{folder} can't be written ({error.strerror}): name another folder") from error
