"""System 1, routing: which child does a task, and why no other."""

from tests.unit.controller.cast import (
    SILENCE,
    TESTER,
    crew,
    deep,
    directive,
    flat,
    leaf,
    organization,
    plan,
    saying,
    task,
)
from tests.unit.controller.play import Play
from vsm_controller.state.controller import with_task
from vsm_controller.system_1.routing import route
from vsm_core.capability import Capability
from vsm_core.facts import TaskAssigned
from vsm_core.genome import OrganizationalGenome, replace_node
from vsm_core.node import RoutingRules, Status, System5Policy
from vsm_core.task import Outcome, Role

FILES = ("a.py", "b.py", "c.py")


def changed(genome: OrganizationalGenome, node: str, **changes: object) -> OrganizationalGenome:
    return replace_node(genome, genome.nodes[node].model_copy(update=changes))


def assigned(play: Play) -> list[TaskAssigned]:
    return play.of("TaskAssigned", "root")  # type: ignore[return-value]


def test_the_choice_and_each_rejected_child_with_its_reason_are_recorded() -> None:
    # given
    play = Play(flat(), answer=saying(lint=SILENCE))
    # when
    play.give(directive("Fix the lint errors"))
    # then
    (fact,) = assigned(play)
    assert (fact.child, fact.reason) == ("linter", "eligible for lint")
    assert [child for child, _ in fact.rejected_children] == ["moderniser", "tester"]
    assert all("meant for lint" in reason for _, reason in fact.rejected_children)


def test_the_least_busy_of_the_eligible_children_is_chosen() -> None:
    # given
    play = Play(crew(3), answer=saying(implement=SILENCE))
    # when
    play.begin(*plan(*(task(f"t-{path}", path) for path in FILES)))
    # then
    assert [fact.child for fact in assigned(play)] == ["coder-0", "coder-1", "coder-2"]
    assert ("coder-0", "coder-1 is preferred or less busy") in assigned(play)[1].rejected_children


def test_a_preferred_child_is_chosen_even_when_it_is_busy() -> None:
    # given
    genome = changed(crew(2), "coder-1", routing=RoutingRules(weight=5))
    play = Play(genome, answer=saying(implement=SILENCE))
    # when
    play.begin(*plan(*(task(f"t-{path}", path) for path in FILES)))
    # then
    assert {fact.child for fact in assigned(play)} == {"coder-1"}


def test_a_child_that_is_not_active_gets_no_work() -> None:
    # given
    play = Play(changed(crew(2), "coder-0", status=Status.PROBATION), answer=saying(implement=SILENCE))
    # when
    play.begin(*plan(task("t")))
    # then
    (fact,) = assigned(play)
    assert fact.child == "coder-1"
    assert ("coder-0", "it is probation") in fact.rejected_children


def test_a_child_without_the_capability_gets_no_work() -> None:
    # given
    denied = System5Policy(denied_capabilities=frozenset({Capability.WRITE_CODE}))
    play = Play(changed(crew(1), "coder-0", system_5=denied))
    # when
    play.begin(*plan(task("t")))
    # then
    assert play.packets() == []
    assert play.outcome()[0] is Outcome.NEEDS_HUMAN
    assert "coder-0: nothing in it is meant for general work" in play.outcome()[1]


def test_retired_children_are_not_even_asked() -> None:
    # given
    play = Play(changed(changed(crew(1), "coder-0", status=Status.RETIRED), "tester", status=Status.RETIRED))
    assert not play.actors  # without a working child a node is no metasystem


def test_a_metasystem_is_eligible_for_what_a_leaf_below_it_can_do() -> None:
    # given
    play = Play(deep(), answer=saying(implement=SILENCE))
    # when
    play.give(directive("Modernise the syntax"))
    # then
    assert [fact.child for fact in assigned(play)] == ["engineering"]
    assert play.packets("moderniser")


def test_an_operation_of_a_node_with_children_is_inert() -> None:
    # given
    inert = {"operation": leaf("x").operation, "routing": RoutingRules()}
    play = Play(changed(deep(), "engineering", **inert))
    # when
    play.give(directive("Find typos"))
    # then
    assert play.packets("engineering") == []


def test_an_author_never_verifies_its_own_work() -> None:
    # given
    play = Play(organization(tester=TESTER, other=TESTER), answer=saying(test=SILENCE))
    asked = task("v", role=Role.TEST, author_node="tester", required_capabilities=frozenset())
    # when
    play.begin(*plan(asked))
    # then
    (fact,) = assigned(play)
    assert fact.child == "other"
    assert ("tester", "it is the author") in fact.rejected_children


def test_a_verification_goes_to_a_testing_leaf_directly_below_that_may_run_tests() -> None:
    # given
    genome = organization(coder=(), weak=TESTER, team={"inner": TESTER}, asleep=TESTER, tester=TESTER)
    denied = System5Policy(denied_capabilities=frozenset({Capability.RUN_TESTS}))
    genome = changed(changed(genome, "weak", system_5=denied), "asleep", status=Status.SHADOW)
    play = Play(genome)
    # when
    play.give(directive("Fix the lint errors"))
    # then
    verification = assigned(play)[-1]
    assert verification.child == "tester"
    assert dict(verification.rejected_children) == {
        "coder": "it is the author",
        "weak": "it may not run tests",
        "team": "it is no testing leaf",
        "asleep": "it is shadow",
    }


def test_work_never_goes_to_a_testing_leaf() -> None:
    # given
    play = Play(organization(tester=TESTER))
    # when
    play.begin(*plan(task("t", required_capabilities=frozenset({Capability.READ_FILESYSTEM}))))
    # then
    assert play.packets() == []


def test_a_task_that_nobody_holds_is_nobodys_load() -> None:
    # given: by hand, since no fact leads here
    play = Play(crew(2), answer=saying(implement=SILENCE))
    play.begin(*plan(task("t")))
    state = play.states["root"]
    odd = with_task(state, state.tasks["t"].model_copy(update={"child": None}))
    # when, then
    assert route(odd, odd.tasks["t"]).child == play.genome.nodes["coder-0"]


# -- to mend: each of these shows a fault; take its mark away with the mend ----------------------------------------


def test_a_metasystem_gets_several_classes_only_if_it_can_supply_them_all() -> None:
    # given: both can lint, only the first can modernise, and the second is preferred
    genome = organization(
        whole={"a": ("lint",), "b": ("modernise",), "c": TESTER},
        half={"d": ("lint",), "e": TESTER},
        tester=TESTER,
    )
    play = Play(changed(genome, "half", routing=RoutingRules(weight=2)))
    # when
    play.give(directive("Fix the lint errors and modernise the syntax"))
    # then
    assert play.packets("whole")
    assert play.outcome()[0] is Outcome.COMPLETED


def test_a_class_that_only_reads_may_travel_with_one_that_writes() -> None:
    # given: the leaf that reads may not write, and the one that writes does not read for typos
    reader = leaf("speller", "spelling", kind="research")
    genome = organization(team={"speller": reader, "coder": ("code",), "checker": TESTER}, tester=TESTER)
    play = Play(genome, answer=saying(spelling={"outcome": Outcome.COMPLETED}))
    # when
    play.give(directive("Find typos and write a parser"))
    # then
    assert play.outcome()[0] is Outcome.COMPLETED
