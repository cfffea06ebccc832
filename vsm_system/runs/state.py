"""Where a run keeps its state, and who may use it: one run at a time on one state folder.

The lock is the operating system's: it is gone with its owner, however that one ended. What the lock file says of its
owner is for people to read.
"""

import asyncio
import fcntl
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from vsm_system.errors import UserError

LEDGER, ARTIFACTS, CHECKPOINTS, LOCK = "ledger.db", "artifacts", "checkpoints.ndjson", "run.lock"
FOLDER = "vsm"  # below a repository's common git directory
MARK_LENGTH = 16  # hexadecimal digits of a sha256
POLL_SECONDS = 0.1
OWNER_LIMIT = 4_096  # bytes of a lock file that are read


@dataclass(frozen=True, slots=True)
class State:
    """The folder of one organization's state, and its ledger: a path or a URL."""

    folder: Path
    ledger: str

    @property
    def artifacts(self) -> Path:
        """The folder of large outputs, by content."""
        return self.folder / ARTIFACTS

    @property
    def copies(self) -> Path:
        """The file of checkpoint copies; a ledger that lies elsewhere has one of its own."""
        if Path(self.ledger) == self.folder / LEDGER:
            return self.folder / CHECKPOINTS
        return self.folder / f"{self.mark}.{CHECKPOINTS}"

    @property
    def mark(self) -> str:
        """A name for the place of the ledger, for what is kept of several ledgers side by side."""
        return sha256(self.ledger.encode(errors="surrogateescape")).hexdigest()[:MARK_LENGTH]


@dataclass(frozen=True, slots=True)
class Owner:
    """Who holds a state folder."""

    pid: int
    directive: str
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} (directive {self.directive}, since {self.since})"


def locate(common: Path | None, state: str | None, ledger: str | None, organization: str) -> State:
    """Return the state of a repository (``common`` is its git directory), or of an organization that has none."""
    if state is not None:
        folder = Path(state).expanduser().absolute()
    elif common is not None:
        folder = common / FOLDER
    else:
        home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
        folder = Path(home) / "vsm" / organization
    if ledger is None:
        return State(folder, str(folder / LEDGER))
    return State(folder, ledger if "://" in ledger else str(Path(ledger).expanduser().absolute()))


def make_folder(state: State) -> None:
    """Make the state folder; raise UserError where it can't be written."""
    try:
        state.folder.mkdir(parents=True, exist_ok=True)
        with (state.folder / LOCK).open("ab"):
            pass
    except OSError as error:
        raise UserError(
            f"the state folder {state.folder} can't be written ({error.strerror}): choose another with --state DIR"
        ) from error


@dataclass(frozen=True, slots=True)
class Patience:
    """How a second run waits for the first: whom it tells so, what ends its waiting, and whether it waits at all."""

    tell: Callable[[str], None]
    stop: asyncio.Event
    wait: bool = True


@asynccontextmanager
async def alone(state: State, directive: str, patience: Patience) -> AsyncIterator[bool]:
    """Hold the state folder against every other run; yield False where the waiting was ended.

    While another live run holds it, say so once and wait, or raise UserError for who does not want to wait.
    """
    with (state.folder / LOCK).open("r+b") as held:
        if not await _acquired(held.fileno(), state, patience):
            yield False
            return
        owner = Owner(os.getpid(), directive, datetime.now(UTC).isoformat(timespec="seconds"))
        held.truncate(0)
        held.write(json.dumps(asdict(owner)).encode())
        held.flush()
        try:
            yield True
        finally:
            held.truncate(0)


async def _acquired(descriptor: int, state: State, patience: Patience) -> bool:
    if _taken(descriptor):
        return True
    owner = owner_of(state) or "another process"
    if not patience.wait:
        raise UserError(f"{owner} runs on this state: wait for it, or leave --no-wait out")
    patience.tell(f"waiting for {owner}, which runs on this state")
    while not patience.stop.is_set():
        if _taken(descriptor):
            return True
        await asyncio.sleep(POLL_SECONDS)
    return False


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def owner_of(state: State) -> Owner | None:
    """Return who the lock file names; None where it names nobody."""
    try:
        with (state.folder / LOCK).open("rb") as file:
            found = json.loads(file.read(OWNER_LIMIT))
        return Owner(int(found["pid"]), str(found["directive"]), str(found["since"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def live_owner(state: State) -> Owner | None:
    """Return who runs on a state right now; None where nobody does."""
    try:
        with (state.folder / LOCK).open("rb") as held:
            return None if _taken(held.fileno()) else owner_of(state) or Owner(0, "?", "?")
    except OSError:
        return None  # nobody made it yet, or somebody whose state is none of ours
