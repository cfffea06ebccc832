"""`vsm simulate`: what it prints, what it exits with, and how a found violation is replayed."""

import importlib.util
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from vsm_system.cli.app import run_command_line
from vsm_system.simulation import campaign, sweep
from vsm_system.simulation.simulator import Plan, SeedResult, run_seed

pytestmark = pytest.mark.simulation
KEYS = {
    "seeds",
    "virtual_hours",
    "faults",
    "restarts",
    "tasks",
    "violations",
    "slowest_recovery_seconds",
    "slowest_seed",
}
Simulate = Callable[..., tuple[int, str, str]]


@pytest.fixture
def simulate(capsys: pytest.CaptureFixture[str]) -> Simulate:
    def run(*arguments: str) -> tuple[int, str, str]:
        code = run_command_line(["simulate", "--jobs", "1", *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def broken(seed: int, plan: Plan) -> SeedResult:
    """Stand in for a seed that finds something."""
    return SeedResult(seed, "d" * 64, 100.0, 5.0, {"kill": 2}, 1, 48, {}, (f"I2 root: something in {seed}",))


def test_seeds_without_a_violation_exit_0(simulate: Simulate) -> None:
    code, out, _ = simulate("--seeds", "2", "--from", "5")
    assert code == 0
    assert out.startswith("2 seeds, ")
    assert out.rstrip().endswith("0 violations")


def test_the_document_has_its_keys_and_nothing_else_is_printed(simulate: Simulate) -> None:
    code, out, err = simulate("--seeds", "1", "--json")
    told = orjson.loads(out)
    assert (code, err, set(told)) == (0, "", KEYS)
    assert told["violations"] == []
    assert told["tasks"] >= 40


def test_a_violation_exits_1_and_names_the_command_that_replays_it(
    simulate: Simulate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign, "run_seed", broken)
    code, out, _ = simulate("--seeds", "2", "--from", "7", "--faults", "kill,pause", "--directives", "3")
    assert code == 1
    assert "seed 8: I2 root: something in 8" in out
    assert "replay: vsm simulate --seeds 1 --faults kill,pause --directives 3 --from 7\n" in out


def test_the_replay_tells_the_same_facts(simulate: Simulate) -> None:
    _, out, _ = simulate("--seeds", "1", "--from", "11", "--faults", "kill", "--directives", "2")
    _, again, _ = simulate("--seeds", "1", "--from", "11", "--faults", "kill", "--directives", "2")
    assert "digest of all facts" in out
    assert out == again


def test_another_organization_may_be_simulated(simulate: Simulate) -> None:
    code, out, _ = simulate("--seeds", "1", "--organization", "maintenance", "--directives", "1")
    assert code == 0, out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--faults", "gremlins"), "unknown fault 'gremlins'"),
        (("--organization", "nobody"), "nobody"),
        (("--question", "why"), "unknown question 'why'; known: span, lease"),
        (("--question", "span", "--values", "2,x"), "name whole numbers from 1"),
        (("--seeds", "0"), "greater than or equal to 1"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(simulate: Simulate, arguments: tuple[str, ...], line: str) -> None:
    code, out, err = simulate(*arguments)
    assert (code, out) == (2, "")
    assert line in err
    assert err.count("\n") == 1


def test_a_question_is_answered_value_by_value_and_drawn(
    simulate: Simulate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if importlib.util.find_spec("matplotlib") is None:
        pytest.skip("needs the extra `plots`")
    monkeypatch.setattr(sweep, "TEAMS", 4)
    monkeypatch.setattr(sweep, "DIRECTIVES", 4)
    picture = tmp_path / "span.svg"
    code, out, _ = simulate("--question", "span", "--values", "2,4", "--seeds", "2", "--plot", str(picture))
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["2", "4"]
    assert b"<svg" in picture.read_bytes()
    code, _, err = simulate(
        "--question", "span", "--values", "4", "--seeds", "1", "--plot", str(tmp_path / "x" / "y.svg")
    )
    assert (code, "can't be written" in err) == (2, True)


def test_wide_and_narrow_spans_run_the_same_teams() -> None:
    for span in (2, 64):
        genome = sweep.tree_of(8, span)
        assert sum(node.endswith("-coder") for node in genome.nodes) == 8
    assert len(sweep.tree_of(8, 2).nodes) > len(sweep.tree_of(8, 64).nodes)


def test_a_seed_result_can_be_read_by_a_program() -> None:
    result = run_seed(3, Plan(directives=1))
    assert campaign.summary_of([result]).as_json()["seeds"] == 1
    assert campaign.summary_of([]).slowest_seed is None
