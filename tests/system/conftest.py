"""Yards to run the program in, each checked afterwards: whatever happened, nothing is left running or lying about."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.databases import postgres, site
from tests.system.repositories import Files, Yard, assert_settled, lay_out

__all__ = ["postgres", "site"]


@pytest.fixture
def yard_with(tmp_path: Path) -> Iterator[Callable[..., Yard]]:
    """`yard_with({"a.py": "x = 1\\n"}, name="demo")` lays out a repository with one commit in a fresh yard."""
    made: list[Yard] = []

    def lay(files: Files, *, name: str = "repository") -> Yard:
        made.append(lay_out(tmp_path / f"yard-{len(made)}", files, name=name))
        return made[-1]

    yield lay
    for yard in made:
        assert_settled(yard)
