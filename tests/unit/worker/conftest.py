"""Repositories for the worker's tests, and the promise that every one of them leaves nothing behind."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.worker.packets import reference
from vsm_core.task import RepositoryRef

Git = Callable[..., str]
Referred = Callable[..., RepositoryRef]


@pytest.fixture
def refer(git: Git) -> Referred:
    """`refer(root)` names a repository at its HEAD, as a packet would."""

    def at_head(root: Path, commit: str = "HEAD") -> RepositoryRef:
        return reference(root, git(root, "rev-parse", commit))

    return at_head
