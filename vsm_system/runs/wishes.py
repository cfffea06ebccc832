"""Wishes: what another process asks of the run that holds a state folder, which alone may act on it.

Theory of operation. A wish is a file in the state folder, put there whole by a rename, and locked by whoever wishes for
as long as that one waits. The owner looks for wishes, does what they ask and takes the file away: that is the answer.
A file that nobody locks is a wish of someone who is gone, and is thrown away unheard. The name tells everything: which
ledger is meant, which directive is to be cancelled, and by which process that is wished.
"""

import asyncio
import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp
from typing import TYPE_CHECKING

import structlog

from vsm_core.ids import NODE_ID_PATTERN
from vsm_ledger.errors import LedgerError
from vsm_system.compose import Organization
from vsm_system.errors import UserError
from vsm_system.runs.ledger import FINISHED, standing
from vsm_system.runs.state import State

if TYPE_CHECKING:
    from vsm_ledger.history import DirectiveRow

log = structlog.get_logger(__name__)

FOLDER = "wishes"  # below the state folder
HEED_SECONDS = 0.25  # between two looks for wishes


@dataclass(frozen=True, slots=True)
class Wish:
    """A directive is to be cancelled."""

    directive: str
    file: Path

    @property
    def open(self) -> bool:
        """Whether nobody has answered yet."""
        return self.file.exists()

    def answer(self) -> None:
        """Tell whoever wishes that it is done, or that there is nothing to do."""
        self.file.unlink(missing_ok=True)


@contextmanager
def wished(state: State, directive: str) -> Iterator[Wish]:
    """Wish for the length of the context that a directive be cancelled; raise UserError where that can't be said."""
    folder = state.folder / FOLDER
    try:
        folder.mkdir(exist_ok=True)
        descriptor, unnamed = mkstemp(prefix=".", dir=folder)
    except OSError as error:
        raise UserError(
            f"{folder} can't be written ({error.strerror}): the state belongs to somebody else"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        wish = Wish(directive, folder / f"{state.mark}.{directive}.{os.getpid()}")
        Path(unnamed).rename(wish.file)
        try:
            yield wish
        finally:
            wish.answer()
    finally:
        os.close(descriptor)


def wishes_of(state: State) -> tuple[Wish, ...]:
    """Return the wishes that somebody still waits for; what the dead have left is taken away."""
    found = [
        Wish(path.name.split(".")[1], path) for path in (state.folder / FOLDER).glob(f"{state.mark}.*.*")
    ]
    return tuple(
        each for each in found if re.fullmatch(NODE_ID_PATTERN, each.directive) and _is_waited_for(each)
    )


def _is_waited_for(wish: Wish) -> bool:
    with suppress(FileNotFoundError), wish.file.open("rb") as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        wish.answer()
    return False


async def heed(organization: Organization, state: State, root: str) -> None:
    """Cancel what others wish to have cancelled, until this is cancelled itself; a wish that can't be met is left."""
    cancelling: dict[str, asyncio.Task[object]] = {}
    try:
        while True:
            for wish in wishes_of(state):
                under_way = cancelling.get(wish.directive)
                if under_way is not None and not under_way.done():
                    continue
                known = await _known(wish, state)
                if known is None or known.stream != root:
                    continue
                if known.state == FINISHED:
                    wish.answer()
                else:
                    cancelling[wish.directive] = asyncio.create_task(organization.cancel(wish.directive))
            await asyncio.sleep(HEED_SECONDS)
    finally:
        for task in cancelling.values():
            task.cancel()
        await asyncio.gather(*cancelling.values(), return_exceptions=True)


async def _known(wish: Wish, state: State) -> "DirectiveRow | None":
    try:
        return await standing(state.ledger, wish.directive)
    except LedgerError as error:
        log.warning("wish_not_read", directive=wish.directive, error=str(error))
        return None
