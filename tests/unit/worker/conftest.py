"""Repositories for the worker's tests, and the promise that every one of them leaves nothing behind."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.worker.packets import reference
from tests.unit.worker.planting import make_spy
from vsm_core.task import RepositoryRef

Git = Callable[..., str]
Referred = Callable[..., RepositoryRef]


@pytest.fixture
def refer(git: Git) -> Referred:
    """`refer(root)` names a repository at its HEAD, as a packet would."""

    def at_head(root: Path, commit: str = "HEAD") -> RepositoryRef:
        return reference(root, git(root, "rev-parse", commit))

    return at_head


@pytest.fixture
def spy(tmp_path: Path) -> Path:
    """A program that notes that it ran."""
    return make_spy(tmp_path)


@pytest.fixture
def root(git_repository) -> Path:
    return git_repository(
        {"a.py": "x = 1\n", "b.py": "z = 3\n", ".gitattributes": "*.py filter=spy diff=spy\n"}
    )
