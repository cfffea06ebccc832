"""Wishes: heard while somebody waits for the answer, and thrown away when nobody does any more."""

import os
from pathlib import Path

import pytest

from vsm_system.errors import UserError
from vsm_system.runs.state import State, make_folder
from vsm_system.runs.wishes import FOLDER, Wish, wished, wishes_of


@pytest.fixture
def state(tmp_path: Path) -> State:
    made = State(tmp_path / "state", str(tmp_path / "state" / "ledger.db"))
    make_folder(made)
    return made


def test_a_wish_is_heard_by_whoever_holds_the_same_ledger(state: State) -> None:
    with wished(state, "d-one") as wish:
        assert wishes_of(state) == (wish,)
        assert (wish.directive, wish.open) == ("d-one", True)
        assert wishes_of(State(state.folder, "another.db")) == ()
        wishes_of(state)[0].answer()
        assert not wish.open
        assert wishes_of(state) == ()
    assert list((state.folder / FOLDER).iterdir()) == []


def test_a_wish_ends_with_the_waiting(state: State) -> None:
    with wished(state, "d-one"):
        pass
    assert wishes_of(state) == ()


def test_a_wish_of_someone_who_is_gone_is_thrown_away(state: State) -> None:
    with wished(state, "d-one") as wish:
        left = wish.file.with_name(f"{state.mark}.d-two.{os.getpid()}")
        left.write_bytes(b"")  # as a kill leaves it: nobody holds it
        assert wishes_of(state) == (wish,)
    assert not left.exists()


def test_a_name_that_is_no_wish_is_none(state: State) -> None:
    folder = state.folder / FOLDER
    folder.mkdir()
    for name in (f"{state.mark}.No Id.1", f"{state.mark}.d-one", ".half-made", "d-one"):
        (folder / name).write_bytes(b"")
    assert wishes_of(state) == ()
    with wished(state, "No Id"):
        assert wishes_of(state) == ()


def test_a_state_of_somebody_else_is_one_line(state: State) -> None:
    (state.folder / FOLDER).write_bytes(b"")
    with pytest.raises(UserError, match="can't be written"), wished(state, "d-one"):
        pass
    assert Wish("d-one", state.folder / "none").open is False
