"""Random plays: leaves fail, crash, reject, fall silent; what they send is lost, doubled, overtaken; all ends well.

Envelopes between controllers are kept and sent again by their hosts until they arrive once, so here they arrive once,
in any order. What goes to or comes from a leaf may be lost or come twice. After the storm everybody behaves, time
passes, and everything must have come to its one end.
"""

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.controller.cast import (
    CANNOT_TELL,
    NOTHING_TO_DO,
    REJECTS,
    SILENCE,
    TESTER,
    crew,
    deep,
    directive,
    does_it,
    failed,
    flat,
    organization,
    plan,
    task,
)
from tests.unit.controller.invariants import check, over
from tests.unit.controller.play import Play
from vsm_core.actor import Limits
from vsm_core.envelope import Envelope
from vsm_core.genome import OrganizationalGenome
from vsm_core.payloads.control import Cancel, CancelScope
from vsm_core.payloads.jobs import MergeCommits
from vsm_core.payloads.work import TaskPacket
from vsm_core.task import FailureClass, Outcome

TEXTS = (
    "Fix the lint errors",
    "Fix the lint errors and modernise the syntax",
    "Fix the lint errors and write a poem",
)
AUTHORS = (
    None,
    SILENCE,
    NOTHING_TO_DO,
    failed(FailureClass.CRASH),
    failed(FailureClass.TIMEOUT),
    failed(FailureClass.MODEL_ERROR),
    {"outcome": Outcome.REFUSED, "reason": "not my trade"},
    {"outcome": Outcome.THROTTLED, "reason": "too many requests"},
)
TESTERS = (None, SILENCE, REJECTS, CANNOT_TELL, failed(FailureClass.CRASH))
EVENTS = ("steps", "steps", "steps", "time", "restart", "stop", "cancel", "directive")
CALM_ROUNDS = 40


def without_a_tester() -> OrganizationalGenome:
    return organization(
        team={"linter": ("lint",), "moderniser": ("modernise",)}, coder=("code",), tester=TESTER
    )


@dataclass
class Weather:
    """A source of chance: every choice of a play is drawn from it, so that a failure can be made smaller."""

    numbers: list[int]
    drawn: int = 0
    calm: bool = False

    def choose(self, count: int) -> int:
        """Return one of so many choices; the first, once the storm is over."""
        if self.calm or not self.numbers:
            return 0
        self.drawn += 1
        return self.numbers[self.drawn % len(self.numbers)] % count

    def answer(self, packet: TaskPacket) -> dict[str, object]:
        """Answer as a leaf in a storm."""
        lines = TESTERS if packet.author_node else AUTHORS
        line = lines[self.choose(len(lines))]
        return does_it(packet) if line is None else line

    def copies(self, _envelope: Envelope) -> int:
        """Return how often something arrives: mostly once."""
        return (1, 1, 1, 0, 2)[self.choose(5)]

    def conflicts(self, _request: MergeCommits) -> tuple[str, ...]:
        """Return the paths that conflict: mostly none."""
        return ((), (), (), ("a.py",))[self.choose(4)]


def storm(genome: OrganizationalGenome, numbers: list[int]) -> tuple[Play, Weather]:
    weather = Weather(numbers)
    play = Play(
        genome,
        answer=weather.answer,
        pick=weather.choose,
        copies=weather.copies,
        conflicts=weather.conflicts,
        limits=Limits(work_in_progress=3, admit_seconds=50, lease_seconds=20),
    )
    return play, weather


def happens(play: Play, weather: Weather, number: int, event: str) -> None:
    if event == "time":
        play.pass_time(1 + weather.choose(60))
    elif event == "restart":
        play.restart(f"p{number + 2}")
    elif event == "stop":
        play.stop()
    elif event == "cancel":
        play.give(Cancel(scope=CancelScope.DIRECTIVE, subject=f"d-{weather.choose(number + 1)}"))
    elif event == "directive":
        text = TEXTS[weather.choose(len(TEXTS))]
        play.give(directive(text, id=f"d-{number}"))
    else:
        play.run(1 + weather.choose(12))


def calm(play: Play, weather: Weather) -> None:
    """Let the storm end: everybody behaves, and time passes until nothing is left to do."""
    weather.calm = True
    play.restart("last")
    for _ in range(CALM_ROUNDS):
        play.run()
        play.pass_time(60)


NUMBERS = st.lists(st.integers(0, 10_000), min_size=1, max_size=40)
HAPPENINGS = st.lists(st.sampled_from(EVENTS), max_size=12)
CALMLY = settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)


@pytest.mark.parametrize("genome", [flat(), deep(), without_a_tester()], ids=["flat", "deep", "untested"])
@CALMLY
@given(numbers=NUMBERS, events=HAPPENINGS)
def test_after_any_storm_every_task_and_every_directive_has_come_to_its_one_end(
    genome: OrganizationalGenome, numbers: list[int], events: list[str]
) -> None:
    # given
    play, weather = storm(genome, numbers)
    play.give(directive(TEXTS[1], id="d-0"))
    # when
    for number, event in enumerate(events, 1):
        happens(play, weather, number, event)
        check(play)
    calm(play, weather)
    # then
    over(play)
    nothing_of_an_old_token_counted(play)
    the_branch_is_ours(play)


@CALMLY
@given(numbers=NUMBERS, events=HAPPENINGS)
def test_tasks_side_by_side_survive_any_storm(numbers: list[int], events: list[str]) -> None:
    # given
    play, weather = storm(crew(3), numbers)
    side = [task(f"t-{number}", path) for number, path in enumerate(("src", "src/a.py", "docs", "b.py"))]
    play.begin(*plan(*side, task("t-last", after=("t-0", "t-2"))))
    # when
    for number, event in enumerate(events, 1):
        happens(play, weather, number + 1, event)
        check(play)
    calm(play, weather)
    # then
    over(play)
    nothing_of_an_old_token_counted(play)
    the_branch_is_ours(play)


def nothing_of_an_old_token_counted(play: Play) -> None:
    """What was integrated is the work of a finished attempt, and each attempt finished at most once."""
    for node in play.states:
        finished = play.of("TaskFinished", node)
        attempts = [(fact.task_id, fact.result.fencing_token) for fact in finished]
        assert len(set(attempts)) == len(attempts)
        merged = {request.commit for request in play.requests("merge")}
        assert merged <= {fact.result.commit for fact in play.of("TaskFinished")}


def the_branch_is_ours(play: Play) -> None:
    """Each branch points where its last recorded move says."""
    moved = {fact.ref: fact.commit for fact in play.of("BranchMoved")}
    for ref, commit in moved.items():
        assert play.refs[ref] == commit
