"""Teeth: with any one guard switched off the simulator finds what it was there for, within a stated number of seeds."""

import pytest

from tests.simulation.guards import GUARDS, Guard, nothing_waits
from vsm_system.simulation.campaign import hush
from vsm_system.simulation.simulator import run_seed

SEEDS = 500

pytestmark = [pytest.mark.simulation, pytest.mark.timeout(300)]


@pytest.mark.parametrize("guard", GUARDS.values(), ids=GUARDS)
def test_a_missing_guard_is_noticed(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    guard.off(monkeypatch)
    hush()
    found = (text for seed in range(SEEDS) for text in run_seed(seed, guard.plan).violations)
    assert any(guard.sign in text for text in found)


def test_a_crowd_at_the_merge_queue_alone_is_no_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    """What makes the merge guard's removal visible does not itself break what that guard promises."""
    nothing_waits(monkeypatch)
    hush()
    sign = GUARDS["single merge"].sign
    assert not [
        text
        for seed in range(5)
        for text in run_seed(seed, GUARDS["single merge"].plan).violations
        if sign in text
    ]
