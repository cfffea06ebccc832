"""Channels, lanes and authority: one table each, complete."""

import pytest
from pydantic import TypeAdapter

from vsm_core.channel import (
    AUTHORITY,
    BUNDLE,
    CHUNK,
    LANES,
    WORK_PAYLOADS,
    Channel,
    ChannelConfig,
    Channels,
    Direction,
    Lane,
    channel_bundle,
    lane_of,
)
from vsm_core.payloads import PAYLOAD_CLASSES


@pytest.mark.parametrize("payload_type", sorted(PAYLOAD_CLASSES))
def test_every_payload_has_a_lane_and_a_channel(payload_type: str) -> None:
    assert LANES[payload_type] is lane_of(payload_type)
    assert [channel for channel, name in AUTHORITY if name == payload_type]


def test_no_row_is_about_a_payload_that_does_not_exist() -> None:
    assert {payload_type for _, payload_type in AUTHORITY} == set(PAYLOAD_CLASSES) == set(LANES)
    assert set(PAYLOAD_CLASSES) >= WORK_PAYLOADS


def test_what_asks_for_capacity_is_work_and_nothing_else_is() -> None:
    work = {payload_type for payload_type, lane in LANES.items() if lane is Lane.WORK}
    assert work == {"directive", "task_packet", "handoff"}


def test_every_channel_carries_something() -> None:
    assert {channel for channel, _ in AUTHORITY} == set(Channel)


def test_the_standard_bundle_joins_a_parent_and_a_child() -> None:
    assert [(each.channel, each.direction) for each in channel_bundle("a", "b")] == [
        (Channel.RESOURCE_BARGAINING, Direction.BOTH),
        (Channel.COMMAND, Direction.DOWN),
        (Channel.COORDINATION, Direction.BOTH),
        (Channel.MANAGEMENT_TO_OPERATION, Direction.BOTH),
        (Channel.AUDIT, Direction.BOTH),
        (Channel.ALGEDONIC, Direction.UP),
    ]
    assert {(each.parent, each.child) for each in channel_bundle("a", "b")} == {("a", "b")}


def bundles(count: int) -> tuple[ChannelConfig, ...]:
    return tuple(config for number in range(count) for config in channel_bundle("root", f"n{number}"))


def test_channels_grow_without_changing_what_they_grew_from() -> None:
    channels, expected = Channels(), ()
    for number in range(CHUNK // len(BUNDLE) + 10):
        grown, more = channels + channel_bundle("root", f"n{number}"), channel_bundle("root", f"n{number}")
        assert tuple(channels) == expected
        channels, expected = grown, expected + more
        assert tuple(channels) == expected
        assert len(channels) == len(expected)


def test_channels_are_equal_by_content() -> None:
    grown = Channels()
    for number in range(200):
        grown += channel_bundle("root", f"n{number}")
    made = Channels(bundles(200))
    assert made == grown
    assert hash(made) == hash(grown)
    assert made != Channels(bundles(199))
    assert made != bundles(200)
    assert repr(made) == "<1200 channels>"
    assert not Channels()


def test_channels_are_a_plain_list_on_the_wire() -> None:
    adapter = TypeAdapter(Channels)
    channels = Channels(bundles(2))
    assert adapter.validate_json(adapter.dump_json(channels)) == channels
    assert adapter.validate_python(channels) == channels
    assert adapter.validate_python(list(bundles(2))) == channels
    assert adapter.json_schema()["type"] == "array"
