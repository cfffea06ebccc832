"""Who may send what: every row of the authority table against every kind of sender."""

from itertools import product

import pytest

from tests.unit.core.organizations import organization
from tests.unit.core.test_payloads import NOW
from vsm_core.authority import _HOLDS, _WORDS, check_sender, is_environment
from vsm_core.channel import AUTHORITY, Channel, SenderRelation
from vsm_core.envelope import LIFETIME, Envelope
from vsm_core.payloads import PAYLOAD_CLASSES

GENOME = organization()  # root > (chief > (coder, tester), solo)
USER, CLIENT, HOST, STRANGER = "_user-ada", "_client-1", "_host-1", "stranger"
SENDERS = (*GENOME.nodes, USER, CLIENT, HOST, STRANGER)
R = SenderRelation

# relation -> receiver -> who fits; everybody else of SENDERS does not
FITTING: dict[SenderRelation, dict[str, set[str]]] = {
    R.PARENT: {"root": set(), "chief": {"root"}, "coder": {"chief"}, "solo": {"root"}},
    R.CHILD: {"root": {"chief", "solo"}, "chief": {"coder", "tester"}, "coder": set()},
    R.PARENT_OR_CHILD: {
        "root": {"chief", "solo"},
        "chief": {"root", "coder", "tester"},
        "coder": {"chief"},
    },
    R.RELATIVE: {
        "root": {"chief", "solo", "coder", "tester"},
        "chief": {"root", "coder", "tester"},
        "coder": {"chief", "root"},
    },
    R.DESCENDANT_OR_USER: {
        "root": {"chief", "solo", "coder", "tester", USER, CLIENT},
        "chief": {"coder", "tester", USER, CLIENT},
        "coder": {USER, CLIENT},
    },
    R.ANCESTOR: {"root": set(), "chief": {"root"}, "coder": {"chief", "root"}},
    R.SIBLING: {"root": set(), "chief": {"solo"}, "coder": {"tester"}},
    R.SELF: {"root": {"root"}, "coder": {"coder"}},
    R.ENVIRONMENT: {"root": {USER, CLIENT}, "coder": {USER, CLIENT}},
    R.ROOT: {"root": {"root"}, "coder": {"root"}, USER: {"root"}},
}
TO_THE_ROOT = {"directive", "cancel"}


def sent(channel: Channel, payload_type: str, source: str, target: str = "root") -> Envelope:
    """An envelope whose payload nobody looks at."""
    return Envelope.model_construct(
        id="env_1",
        schema_version=1,
        organization="acme",
        genome_id=GENOME.id,
        channel=channel,
        source=source,
        target=target,
        payload_type=payload_type,
        correlation_id="story",
        causation_id="cause",
        created_at=NOW,
        expires_at=NOW + LIFETIME,
    )


CASES = [
    (channel, payload_type, receiver, source)
    for (channel, payload_type), relation in AUTHORITY.items()
    for receiver, source in product(FITTING[relation], SENDERS)
]


def test_every_row_against_every_sender() -> None:
    wrong = []
    for channel, payload_type, receiver, source in CASES:
        relation = AUTHORITY[channel, payload_type]
        fits = source in FITTING[relation][receiver]
        if relation is R.ENVIRONMENT and payload_type in TO_THE_ROOT and receiver != "root":
            fits = False
        refusal = check_sender(GENOME, receiver, sent(channel, payload_type, source, receiver))
        if (refusal is None) != fits:
            wrong.append((channel, payload_type, receiver, source, refusal))
    assert not wrong
    assert len(CASES) > 800


@pytest.mark.parametrize("channel", Channel)
def test_a_pair_that_is_not_in_the_table_is_refused(channel: Channel) -> None:
    for payload_type in (*PAYLOAD_CLASSES, "rumour"):
        if (channel, payload_type) not in AUTHORITY:
            for source in SENDERS:
                refusal = check_sender(GENOME, "root", sent(channel, payload_type, source))
                assert refusal == f"{payload_type} does not travel on {channel}"


def test_every_relation_has_its_rule_and_its_words() -> None:
    assert set(_HOLDS) == set(_WORDS) == set(SenderRelation) == set(FITTING)


REASONS = (
    (
        (Channel.COMMAND, "command", "coder", "chief"),
        "'coder' is not the parent of 'chief', as command asks for",
    ),
    (
        (Channel.COMMAND, "command", STRANGER, "chief"),
        f"'stranger' is not a node of genome {GENOME.id[:12]}",
    ),
    (
        (Channel.INTERNAL, "timer_fired", HOST, "chief"),
        f"'_host-1' is not a node of genome {GENOME.id[:12]}",
    ),
    (
        (Channel.OPERATION_TO_ENVIRONMENT, "directive", USER, "coder"),
        "the environment sends directive to the root only, not to 'coder'",
    ),
    (
        (Channel.OPERATION_TO_ENVIRONMENT, "cancel", USER, "coder"),
        "the environment sends cancel to the root only, not to 'coder'",
    ),
    (
        (Channel.ALGEDONIC, "algedonic_signal", "root", "coder"),
        "'root' is not a user or below 'coder', as algedonic_signal asks for",
    ),
)


@pytest.mark.parametrize(("case", "reason"), REASONS)
def test_a_refusal_says_why(case: tuple[Channel, str, str, str], reason: str) -> None:
    channel, payload_type, source, receiver = case
    assert check_sender(GENOME, receiver, sent(channel, payload_type, source, receiver)) == reason


def test_a_receiver_the_genome_does_not_know_has_no_relatives() -> None:
    for (channel, payload_type), relation in AUTHORITY.items():
        if relation not in {R.ROOT, R.ENVIRONMENT, R.DESCENDANT_OR_USER}:
            assert check_sender(GENOME, STRANGER, sent(channel, payload_type, "root", STRANGER))


def test_users_and_clients_are_the_environment_and_hosts_are_not() -> None:
    assert [name for name in SENDERS if is_environment(name)] == [USER, CLIENT]
