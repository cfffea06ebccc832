"""What is asked of a genome again and again is worked out once, and never outlives the genome it was asked of."""

import pytest

from vsm_core import genome as g
from vsm_core.genome import add_child, ancestors, authority_chain, capabilities_of, is_metasystem, new_genome
from vsm_core.node import ViableNode


@pytest.fixture
def organization() -> g.OrganizationalGenome:
    return add_child(new_genome(ViableNode(id="root")), "root", ViableNode(id="middle"))


def test_the_same_question_has_the_very_same_answer(organization: g.OrganizationalGenome) -> None:
    assert authority_chain(organization, "middle") is authority_chain(organization, "middle")
    assert ancestors(organization, "middle") is ancestors(organization, "middle")
    assert capabilities_of(organization, "middle") is capabilities_of(organization, "middle")


def test_a_changed_organization_is_asked_anew(organization: g.OrganizationalGenome) -> None:
    assert not is_metasystem(organization, "middle")
    grown = add_child(organization, "middle", ViableNode(id="leaf"))
    assert is_metasystem(grown, "middle")
    assert authority_chain(grown, "middle")[-1].has_children
    assert not authority_chain(organization, "middle")[-1].has_children
    assert ancestors(grown, "leaf") == ("middle", "root")


def test_answers_are_bounded(organization: g.OrganizationalGenome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(g, "ANSWERS_KEPT", 3)
    for number in range(10):
        assert g.kept(organization, "square", number, lambda n=number: n * n) == number * number
        assert len(organization.__dict__["_kept"]) <= 3
