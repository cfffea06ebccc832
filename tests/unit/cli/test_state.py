"""The state folder: where it lies, and that one run at a time holds it, whatever became of the last one."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from vsm_system.errors import UserError
from vsm_system.runs.state import (
    LOCK,
    Owner,
    Patience,
    State,
    alone,
    live_owner,
    locate,
    make_folder,
    owner_of,
)

SHORT_SECONDS = 0.3
LONG_SECONDS = 20
HOLDER = """
import asyncio, sys
from pathlib import Path
from vsm_system.runs.state import Patience, State, alone, make_folder
async def hold():
    state = State(Path(sys.argv[1]), "")
    make_folder(state)
    async with alone(state, "d-other", Patience(print, asyncio.Event())):
        print("held", flush=True)
        await asyncio.sleep(60)
asyncio.run(hold())
"""


@pytest.fixture
def state(tmp_path: Path) -> State:
    made = State(tmp_path / "state", "")
    make_folder(made)
    return made


def patience(told: list[str], *, wait: bool = True) -> Patience:
    return Patience(told.append, asyncio.Event(), wait)


def test_the_state_lies_in_the_git_directory_or_where_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert locate(tmp_path, None, None, "crew") == State(
        tmp_path / "vsm", str(tmp_path / "vsm" / "ledger.db")
    )
    assert locate(tmp_path, "/elsewhere", None, "crew").folder == Path("/elsewhere")
    assert locate(tmp_path, None, "sqlite:////x.db", "crew").ledger == "sqlite:////x.db"
    assert locate(tmp_path, None, "x.db", "crew").ledger == str(Path("x.db").absolute())
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "states"))
    assert locate(None, None, None, "crew").folder == tmp_path / "states" / "vsm" / "crew"
    monkeypatch.delenv("XDG_STATE_HOME")
    assert locate(None, None, None, "crew").folder == Path.home() / ".local" / "state" / "vsm" / "crew"


def test_a_state_that_can_not_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="choose another with --state DIR"):
        make_folder(State(tmp_path / "file" / "state", ""))


async def test_whoever_holds_it_is_named(state: State) -> None:
    told: list[str] = []
    async with alone(state, "d-one", patience(told)) as held:
        assert held
        owner = owner_of(state)
        assert owner is not None
        assert (owner.pid, owner.directive) == (os.getpid(), "d-one")
        assert live_owner(state) == owner
        with pytest.raises(
            UserError, match=rf"process {os.getpid()} \(directive d-one, since .*\) runs on this state"
        ):
            async with alone(state, "d-two", patience(told, wait=False)):
                pass
    assert live_owner(state) is None
    assert told == []


async def test_the_second_waits_with_one_line_until_the_first_is_done(state: State) -> None:
    told: list[str] = []
    order: list[str] = []

    async def run(name: str, seconds: float) -> None:
        async with alone(state, name, patience(told)):
            order.append(f"{name} begins")
            await asyncio.sleep(seconds)
            order.append(f"{name} ends")

    first = asyncio.create_task(run("d-one", SHORT_SECONDS))
    await asyncio.sleep(0)
    await asyncio.gather(first, run("d-two", 0))
    assert order == ["d-one begins", "d-one ends", "d-two begins", "d-two ends"]
    assert len(told) == 1
    assert told[0].startswith(f"waiting for process {os.getpid()} (directive d-one, since ")


async def test_waiting_can_be_ended(state: State) -> None:
    told: list[str] = []
    async with alone(state, "d-one", patience(told)):
        waiting = patience(told)
        asyncio.get_running_loop().call_later(SHORT_SECONDS, waiting.stop.set)
        async with alone(state, "d-two", waiting) as held:
            assert not held


@pytest.fixture
def holder(state: State) -> Iterator[int]:
    """A process that holds the state."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(state.folder)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        owner = live_owner(state)
        assert owner is not None
        yield owner.pid
    finally:
        process.kill()
        process.communicate(timeout=LONG_SECONDS)


@pytest.fixture
def dead(holder: int, state: State) -> Owner:
    owner = live_owner(state)
    assert owner is not None
    os.kill(holder, signal.SIGKILL)
    return owner


async def test_a_dead_owner_is_taken_over_at_once(state: State, dead: Owner) -> None:
    told: list[str] = []
    assert owner_of(state) == dead  # it had no time to take its name away
    async with asyncio.timeout(LONG_SECONDS), alone(state, "d-one", patience(told)) as held:
        assert held
        assert json.loads((state.folder / LOCK).read_text())["directive"] == "d-one"


def test_a_lock_file_of_any_bytes_names_nobody(state: State) -> None:
    for content in (b"", b"{", b"[]", b'{"pid": "x"}', b"\xff\xfe"):
        (state.folder / LOCK).write_bytes(content)
        assert owner_of(state) is None
    assert owner_of(State(state.folder / "none", "")) is None
    assert live_owner(State(state.folder / "none", "")) is None


def test_a_lock_that_can_not_be_opened_names_nobody(state: State) -> None:
    (state.folder / LOCK).unlink()
    (state.folder / LOCK).mkdir()
    assert live_owner(state) is None
