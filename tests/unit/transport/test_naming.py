"""Names are safe where they are used, differ where they must, and stay what they are."""

from itertools import product

from vsm_core.channel import Channel, Lane
from vsm_transport import naming


def test_amqp_names() -> None:
    assert naming.amqp_exchange("acme") == "vsm.acme"
    assert naming.amqp_queue("acme", "coder", Lane.WORK) == "vsm.acme.coder.work"
    assert naming.amqp_retry_queue("acme", "coder", Lane.WORK) == "vsm.acme.coder.work.retry"
    assert naming.amqp_dead("acme") == "vsm.acme.dead"
    assert naming.amqp_routing_key("coder", Lane.CONTROL, Channel.ALGEDONIC) == "control.coder.algedonic"
    assert naming.amqp_binding("coder", Lane.CONTROL) == "control.coder.*"


def test_nats_names() -> None:
    assert naming.nats_stream("acme") == "VSM_acme"
    assert naming.nats_clients_stream("acme") == "VSM_acme_CLIENTS"
    assert naming.nats_dead_stream("acme") == "VSM_acme_DEAD"
    assert naming.nats_subject("acme", "coder", Lane.WORK, Channel.COMMAND) == "vsm.acme.work.coder.command"
    assert (
        naming.nats_client_subject("acme", "_user-ada", Channel.COMMAND)
        == "vsm.acme.client._user-ada.command"
    )
    assert naming.nats_dead_subject("acme", "coder", Lane.WORK) == "vsm.acme.dead.work.coder"
    assert naming.nats_filter("acme", "coder", Lane.WORK) == "vsm.acme.work.coder.*"
    assert naming.nats_client_filter("acme", "_user-ada") == "vsm.acme.client._user-ada.*"
    assert naming.nats_consumer("coder", Lane.WORK) == "coder-work"


def test_the_streams_subjects_never_overlap() -> None:
    subjects = (
        *naming.nats_stream_subjects("acme"),
        *naming.nats_clients_subjects("acme"),
        *naming.nats_dead_subjects("acme"),
    )
    assert subjects == ("vsm.acme.work.>", "vsm.acme.control.>", "vsm.acme.client.>", "vsm.acme.dead.>")


def test_process_names_are_safe_whatever_the_process_calls_itself() -> None:
    names = [
        naming.amqp_process_queue("acme", "coder", process) for process in ("a", "b", "a b.>*/\n", "x" * 160)
    ]
    assert len(set(names)) == 4
    for name in names:
        token = name.removeprefix("vsm.acme.coder.control.")
        assert token.isalnum()
        assert len(token) == naming.PROCESS_TOKEN_LENGTH
    assert naming.nats_process_consumer("coder", "a") == f"coder-{naming.process_token('a')}"


def test_consumers_of_two_lanes_never_collide() -> None:
    nodes = ("a", "a-work", "a-control", "a-work-work")
    names = [naming.nats_consumer(node, lane) for node, lane in product(nodes, Lane)]
    assert len(set(names)) == len(names)


def test_only_clients_begin_with_an_underscore() -> None:
    assert naming.is_client("_user-ada")
    assert not naming.is_client("ada_user")
