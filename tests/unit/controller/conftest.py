"""Every play of every test is checked when the test is over."""

from collections.abc import Iterator

import pytest

from tests.unit.controller.invariants import check
from tests.unit.controller.play import PLAYS


@pytest.fixture(autouse=True)
def _every_play_is_checked() -> Iterator[None]:
    PLAYS.clear()
    yield
    for play in PLAYS:
        check(play)
