"""System 3, decomposition: how a mandate is shared out among the children, at every level again."""

from tests.unit.controller.cast import (
    NOTHING_TO_DO,
    SILENCE,
    TESTER,
    WRITING,
    deep,
    directive,
    flat,
    leaf,
    organization,
    saying,
)
from tests.unit.controller.invariants import over
from tests.unit.controller.play import Play
from vsm_controller.system_3.decomposition import TITLES
from vsm_core.capability import Capability
from vsm_core.facts import TaskPlanned
from vsm_core.genome import OrganizationalGenome
from vsm_core.payloads.work import TaskPacket
from vsm_core.task import Outcome, Role

BOTH = "Fix the lint errors and modernise the syntax"


def reading(*classes: str) -> object:
    return leaf("reader", *classes, kind="research")


def nested() -> OrganizationalGenome:
    """Three levels of metasystems; each has a testing leaf."""
    return organization(
        delivery={
            "hygiene": {"linter": ("lint",), "hygiene-tester": TESTER},
            "style": {"moderniser": ("modernise",), "style-tester": TESTER},
            "delivery-tester": TESTER,
        },
        verifier=TESTER,
    )


def planned(play: Play, node: str = "root") -> list[TaskPacket]:
    facts = play.of("TaskPlanned", node)
    return [fact.packet for fact in facts if isinstance(fact, TaskPlanned) and not fact.verifies]


def test_leaves_get_one_task_per_class_and_edits_follow_one_another() -> None:
    # given
    play = Play(flat(), answer=saying(lint=SILENCE))
    # when
    play.give(directive(BOTH))
    # then
    lint, modernise = planned(play)
    assert (lint.task_class, modernise.task_class) == ("lint", "modernise")
    assert (lint.title, modernise.title) == (TITLES["lint"], TITLES["modernise"])
    assert (lint.dependencies, modernise.dependencies) == ((), (lint.id,))
    assert {lint.role, modernise.role} == {Role.IMPLEMENT}
    assert lint.predicates.task_classes == ("lint",)
    assert lint.required_capabilities == WRITING


def test_consecutive_classes_of_one_metasystem_travel_to_it_as_one_task() -> None:
    # given
    play = Play(deep(), answer=saying(lint=SILENCE))
    # when
    play.give(directive(BOTH))
    # then
    (sent,) = planned(play)
    assert sent.predicates.task_classes == ("lint", "modernise")
    assert sent.title == "Fix what the linter can fix safely; modernise the syntax"
    assert [each.task_class for each in planned(play, "engineering")] == ["lint", "modernise"]
    assert {each.parent_task_id for each in planned(play, "engineering")} == {sent.id}
    assert sent.parent_task_id is None


def test_three_levels_of_metasystems_each_decompose_integrate_and_verify() -> None:
    # given
    play = Play(nested())
    # when
    play.give(directive(BOTH))
    # then
    assert play.outcome() == (Outcome.COMPLETED, "")
    assert len(planned(play, "root")) == 1
    assert len(planned(play, "delivery")) == 2
    assert len(planned(play, "hygiene")) == len(planned(play, "style")) == 1
    for tester in ("hygiene-tester", "style-tester", "delivery-tester", "verifier"):
        assert play.packets(tester)
    over(play)


def test_no_change_at_every_level_is_no_change_of_the_directive() -> None:
    # given
    play = Play(nested(), answer=saying(implement=NOTHING_TO_DO))
    # when
    play.give(directive(BOTH))
    # then
    assert play.outcome() == (Outcome.NO_CHANGE, "nothing to change")
    assert play.refs == {}
    assert not any(packet.role is Role.TEST for packet in play.packets())
    over(play)


def test_a_change_of_one_task_and_none_of_another_is_completed() -> None:
    # given
    play = Play(flat(), answer=saying(lint=NOTHING_TO_DO))
    # when
    play.give(directive(BOTH))
    # then
    assert play.ends() == [Outcome.NO_CHANGE, Outcome.COMPLETED]
    assert play.outcome()[0] is Outcome.COMPLETED


def test_tasks_that_only_report_wait_for_nobody_and_write_nothing() -> None:
    # given
    play = Play(
        organization(linter=("lint",), reader=reading("spelling", "dead_code", "security")),
        answer=saying(lint=SILENCE, report=SILENCE),
    )
    # when
    play.give(directive("Fix the lint errors; find typos, dead code and security problems"))
    # then
    lint, *reports = planned(play)
    assert [each.task_class for each in reports] == ["spelling", "dead_code", "security"]
    for each in reports:
        assert (each.role, each.dependencies) == (Role.REPORT, ())
        assert each.required_capabilities == {Capability.READ_FILESYSTEM}
    assert len(play.packets()) == 4
    assert lint.role is Role.IMPLEMENT


def test_a_report_is_completed_without_a_commit() -> None:
    # given
    found = {"outcome": Outcome.COMPLETED, "summary": "2 typos"}
    play = Play(organization(reader=reading("spelling")), answer=saying(report=found))
    # when
    play.give(directive("Find typos"))
    # then
    assert play.ends() == [Outcome.COMPLETED]
    assert play.outcome()[0] is Outcome.COMPLETED
    assert play.refs == {}
    over(play)


def test_code_goes_to_the_leaf_meant_for_it_whatever_its_provider() -> None:
    # given
    says = {"outcome": Outcome.NEEDS_HUMAN, "reason": "no coding model is configured: set vsm.model"}
    play = Play(organization(linter=("lint",), coder=("code",)), answer=saying(code=says))
    # when
    play.give(directive("Fix the lint errors and write a parser", constraints=("no new dependency",)))
    # then
    (packet,) = play.packets("coder")
    assert packet.assignment.node.model.provider == "auto"
    assert packet.title == "Fix the lint errors and write a parser"
    assert packet.constraints == ("no new dependency",)
    assert play.outcome()[0] is Outcome.NEEDS_HUMAN
    assert says["reason"] in play.outcome()[1]


def test_what_nobody_can_do_needs_a_human_and_the_rest_is_done() -> None:
    # given
    play = Play(flat())
    # when
    play.give(directive("Fix the lint errors and write a parser"))
    # then
    assert play.ends() == [Outcome.COMPLETED, Outcome.NEEDS_HUMAN]
    assert play.outcome()[0] is Outcome.NEEDS_HUMAN
    assert "no child can take" in play.outcome()[1]
    assert "refs/heads/vsm/d-1" in play.refs
    over(play)


def test_a_text_that_asks_for_no_class_is_one_general_task() -> None:
    # given
    play = Play(organization(linter=("lint",), coder=(), tester=TESTER))
    # when
    play.give(directive("The tests must still pass"))
    # then
    (packet,) = planned(play)
    assert (packet.task_class, packet.title) == (None, "The tests must still pass")
    assert play.packets("coder")
    assert play.outcome()[0] is Outcome.COMPLETED


def test_named_files_are_the_scope_of_every_task() -> None:
    # given
    play = Play(flat())
    # when
    play.give(directive(f"{BOTH} in src/b.py"))
    # then
    assert {packet.scope for packet in planned(play)} == {("src/b.py",)}


def test_a_dependent_task_stands_on_what_the_one_before_it_left() -> None:
    # given
    play = Play(flat())
    # when
    play.give(directive(BOTH))
    # then
    (lint,), (modernise,) = play.packets("linter"), play.packets("moderniser")
    first = play.of("TaskIntegrated")[0]
    assert modernise.base_commit == first.tip != lint.base_commit
