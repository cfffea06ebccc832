"""System 3, intake: a directive or a packet becomes a mandate once, and whoever asks is told how it stands."""

from datetime import timedelta

import pytest

from tests.unit.controller.cast import (
    BASE,
    CLIENT,
    NOTHING_TO_DO,
    PYTEST,
    SILENCE,
    START,
    deep,
    directive,
    flat,
    leaf,
    organization,
    saying,
    task,
)
from tests.unit.controller.invariants import over
from tests.unit.controller.play import Play
from vsm_controller.state.mandate import MandateState
from vsm_controller.system_3.directives import brief_of
from vsm_core.capability import Capability
from vsm_core.channel import Channel
from vsm_core.payloads.jobs import RepositoryInventory, SurveyReport
from vsm_core.payloads.signals import DirectiveQuery, DirectiveReport, DirectiveState
from vsm_core.task import AcceptanceCriterion, Budget, ExecutionOptions, Needs, Outcome, Risk

DOWN = Channel.RESOURCE_BARGAINING


def reports(play: Play, to: str = CLIENT) -> list[DirectiveReport]:
    return play.payloads("directive_report", to)  # type: ignore[return-value]


def test_a_directive_about_a_repository_is_accepted_and_surveyed_before_anything_is_planned() -> None:
    # given
    play = Play(flat())
    play.held.add("survey")
    # when
    play.give(directive())
    # then
    assert [fact.kind for _, fact in play.facts] == ["DirectiveAccepted"]
    assert [report.state for report in reports(play)] == [DirectiveState.ACCEPTED]
    assert [request.repository.location for request in play.requests("survey")] == ["repo"]


def test_a_directive_runs_to_its_end_and_its_client_gets_the_whole_result() -> None:
    # given
    play = Play(flat())
    # when
    play.give(directive())
    # then
    assert play.outcome() == (Outcome.COMPLETED, "")
    last = reports(play)[-1]
    assert (last.state, last.outcome, last.branch, last.base) == (
        DirectiveState.FINISHED,
        Outcome.COMPLETED,
        "vsm/d-1",
        BASE,
    )
    assert last.commit == play.refs["refs/heads/vsm/d-1"]
    assert [each.node for each in last.tasks] == ["linter", "moderniser", "tester", "tester"]
    assert last.counts == {"concluded": 4}
    assert last.evidence
    over(play)


def test_a_directive_given_again_while_it_runs_is_answered_and_not_done_twice() -> None:
    # given
    play = Play(flat(), answer=saying(lint=SILENCE))
    play.give(directive())
    # when
    again = play.give(directive())
    # then
    assert not again.facts
    assert reports(play)[-1].state is DirectiveState.WORKING
    assert len(play.packets("linter")) == 1


def test_a_directive_given_again_when_it_is_over_is_told_its_recorded_outcome() -> None:
    # given
    play = Play(flat(), answer=saying(implement=NOTHING_TO_DO))
    play.give(directive())
    # when
    again = play.give(directive())
    # then
    assert (again.facts, again.jobs) == ((), ())
    assert reports(play)[-1].state is DirectiveState.FINISHED
    assert reports(play)[-1].outcome is Outcome.NO_CHANGE


def test_nobody_is_told_of_a_directive_that_names_no_client() -> None:
    # given
    play = Play(flat())
    # when
    play.give(directive(reply_to=None))
    again = play.give(directive(reply_to=None))
    # then
    assert play.outcome() == (Outcome.COMPLETED, "")
    assert reports(play) == []
    assert again.sends == ()


def test_a_repository_that_cannot_be_surveyed_fails_the_directive_with_the_reason() -> None:
    # given
    play = Play(flat(), survey=lambda: None)
    # when
    play.give(directive())
    # then
    assert play.outcome() == (Outcome.FAILED, "the repository could not be surveyed: no such thing")
    assert reports(play)[-1].outcome is Outcome.FAILED
    over(play)


def test_a_survey_that_ends_after_its_directive_is_of_no_use() -> None:
    # given
    play = Play(flat())
    play.give(directive())
    (survey,) = (job for job in play.jobs if job.request.kind == "survey")
    # when
    late = play.finish(survey, SurveyReport(inventory=RepositoryInventory()))
    # then
    assert late.facts == ()


def test_the_directives_own_acceptance_goes_before_what_the_survey_found() -> None:
    # given
    own = AcceptanceCriterion(name="own", verifier=("make", "check"))
    play = Play(flat())
    # when
    play.give(directive(acceptance=(own,)))
    # then
    assert {packet.acceptance for packet in play.packets("tester")} == {(own,)}


def test_without_an_own_acceptance_the_survey_says_how_it_is_verified() -> None:
    play = Play(flat())
    play.give(directive())
    assert {packet.acceptance for packet in play.packets("tester")} == {(PYTEST,)}


def test_what_a_directive_says_travels_with_its_packets() -> None:
    # given
    said = {
        "body": "every file",
        "desired_state": "no warnings",
        "constraints": ("keep the API",),
        "options": ExecutionOptions(python="3.12"),
        "risk": Risk.HIGH,
        "budget": Budget(tokens=5),
        "deadline": START + timedelta(hours=1),
        "needs": Needs(review=False),
    }
    play = Play(flat())
    # when
    play.give(directive("Fix the lint errors", **said))
    # then
    (packet,) = play.packets("linter")
    assert (packet.goal, packet.target_state) == (said["body"], said["desired_state"])
    for name in ("constraints", "options", "risk", "budget", "deadline", "needs"):
        assert getattr(packet, name) == said[name]


def test_a_capability_a_directive_asks_for_is_asked_of_its_leaf() -> None:
    # given
    play = Play(organization(reader=leaf("reader", kind="research"), coder=()))
    asked = directive("Look into it", repository=None, required_capability=Capability.RESEARCH)
    # when
    play.give(asked)
    # then
    (packet,) = play.packets()
    assert packet.required_capabilities == {Capability.RESEARCH}
    assert play.packets("reader") == [packet]


def test_a_directive_without_a_repository_is_planned_at_once_and_needs_no_verification() -> None:
    # given
    play = Play(organization(coder=()), answer=saying(implement={"outcome": Outcome.COMPLETED}))
    # when
    play.give(directive("Say hello", repository=None))
    # then
    assert play.outcome() == (Outcome.COMPLETED, "")
    assert play.jobs == []
    (packet,) = play.packets()
    assert (packet.repository, packet.base_commit) == (None, None)
    over(play)


def test_a_client_that_asks_learns_how_a_directive_stands() -> None:
    # given
    play = Play(flat(), answer=saying(lint=SILENCE))
    play.give(directive())
    # when
    play.give(DirectiveQuery(directive_id="d-1"), source="_client-other")
    play.give(DirectiveQuery(directive_id="d-9"), source="_client-other")
    # then
    assert [each.state for each in reports(play, "_client-other")] == [
        DirectiveState.WORKING,
        DirectiveState.UNKNOWN,
    ]


def test_a_client_that_asks_after_the_end_learns_the_outcome() -> None:
    # given
    play = Play(flat())
    play.give(directive())
    # when
    play.give(DirectiveQuery(directive_id="d-1"), source="_client-other")
    # then
    (told,) = reports(play, "_client-other")
    assert (told.state, told.outcome) == (DirectiveState.FINISHED, Outcome.COMPLETED)


def test_a_metasystem_admits_a_packet_and_says_so_at_once() -> None:
    # given
    play = Play(deep(), answer=saying(implement=SILENCE))
    # when
    play.give(directive())
    # then
    (admitted,) = (fact for fact in play.of("TaskAdmitted", "engineering") if fact.packet)
    (heard,) = play.of("TaskAdmitted", "root")
    assert heard.execution_id == admitted.execution_id
    assert heard.task_id == admitted.packet.id


def test_a_packet_that_came_already_is_not_taken_on_twice() -> None:
    # given
    play = Play(deep(), answer=saying(implement=SILENCE))
    play.give(directive())
    (packet,) = play.packets("engineering")
    # when
    again = play.give(packet, "engineering", "root", channel=DOWN)
    # then
    assert again.facts == ()
    assert len(play.packets("linter")) == 1


def test_a_packet_without_an_assignment_or_for_another_node_is_not_taken_on() -> None:
    # given
    play = Play(deep(), answer=saying(implement=SILENCE))
    play.give(directive())
    (packet,) = play.packets("linter")
    # when
    misdirected = play.give(packet, "engineering", "root", channel=DOWN)
    unassigned = play.give(task("t"), "engineering", "root", channel=DOWN)
    # then
    assert (misdirected.facts, unassigned.facts) == ((), ())


def test_a_mandate_that_asks_nothing_has_no_brief() -> None:
    with pytest.raises(ValueError, match="neither a directive nor a packet"):
        brief_of(MandateState(id="m", directive_id="d-1"), RepositoryInventory())


def test_the_brief_of_a_packet_is_the_packet() -> None:
    mandate = MandateState(id="t", directive_id="d-1", packet=task("t"))
    assert brief_of(mandate, RepositoryInventory()) == task("t")
