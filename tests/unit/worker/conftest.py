"""Repositories for the worker's tests, and the promise that every one of them leaves nothing behind."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.worker.packets import reference
from vsm_core.task import RepositoryRef

Lay = Callable[..., Path]
Git = Callable[..., str]
Referred = Callable[..., RepositoryRef]


@pytest.fixture
def refer(git: Git) -> Referred:
    """`refer(root)` names a repository at its HEAD, as a packet would."""

    def at_head(root: Path, commit: str = "HEAD") -> RepositoryRef:
        return reference(root, git(root, "rev-parse", commit))

    return at_head


@pytest.fixture
def with_ruff() -> None:
    """Ruff is part of the crew: without it these tests can't say anything."""
    if shutil.which("ruff") is None:
        pytest.skip("ruff is not installed")
