"""The journal's contract on claims: one live host per node, over every adapter."""

import pytest

from tests.contract.journals import TTL_SECONDS, Journal, Shelf, dead_owner, foreign_owner, owner
from vsm_core.actor import Claimed, Fenced


async def test_the_first_claim_of_a_node_has_epoch_1_and_each_later_one_is_higher(journal: Journal) -> None:
    assert await journal.claim("root", owner(), TTL_SECONDS) == 1
    assert await journal.claim("root", owner(), TTL_SECONDS) == 2
    assert await journal.claim("leaf", owner(), TTL_SECONDS) == 1


async def test_a_node_held_by_a_live_process_is_not_given_to_another(journal: Journal) -> None:
    await journal.claim("root", owner(), TTL_SECONDS)
    with pytest.raises(Claimed) as refused:
        await journal.claim("root", owner("process-2"), TTL_SECONDS)
    assert refused.value.owner == owner()
    assert refused.value.node == "root"


async def test_a_claim_of_a_dead_process_of_this_machine_is_taken_over_at_once(journal: Journal) -> None:
    assert await journal.claim("root", dead_owner(), TTL_SECONDS) == 1
    assert await journal.claim("root", owner(), TTL_SECONDS) == 2


async def test_a_claim_from_another_machine_is_waited_for(shelf: Shelf, journal: Journal) -> None:
    await journal.claim("root", foreign_owner(), TTL_SECONDS)
    with pytest.raises(Claimed):
        await journal.claim("root", owner(), TTL_SECONDS)
    shelf.clock.advance(TTL_SECONDS)
    assert await journal.claim("root", owner(), TTL_SECONDS) == 2


async def test_a_renewed_claim_lasts_another_ttl(shelf: Shelf, journal: Journal) -> None:
    epoch = await journal.claim("root", foreign_owner(), TTL_SECONDS)
    shelf.clock.advance(TTL_SECONDS - 1)
    await journal.renew("root", epoch, TTL_SECONDS)
    shelf.clock.advance(TTL_SECONDS - 1)
    with pytest.raises(Claimed):
        await journal.claim("root", owner(), TTL_SECONDS)


async def test_a_claim_that_was_taken_over_can_not_be_renewed(shelf: Shelf, journal: Journal) -> None:
    epoch = await journal.claim("root", foreign_owner(), TTL_SECONDS)
    shelf.clock.advance(TTL_SECONDS)
    await journal.claim("root", owner(), TTL_SECONDS)
    with pytest.raises(Fenced):
        await journal.renew("root", epoch, TTL_SECONDS)


async def test_a_released_node_is_free_and_can_not_be_renewed(journal: Journal) -> None:
    epoch = await journal.claim("root", owner(), TTL_SECONDS)
    await journal.release("root", epoch)
    with pytest.raises(Fenced):
        await journal.renew("root", epoch, TTL_SECONDS)
    assert await journal.claim("root", owner("process-2"), TTL_SECONDS) == 2


async def test_a_release_leaves_a_later_claim_alone(journal: Journal) -> None:
    first = await journal.claim("root", owner(), TTL_SECONDS)
    second = await journal.claim("root", owner(), TTL_SECONDS)
    await journal.release("root", first)
    await journal.renew("root", second, TTL_SECONDS)
    with pytest.raises(Claimed):
        await journal.claim("root", owner("process-2"), TTL_SECONDS)


async def test_releasing_or_renewing_what_nobody_ever_claimed(journal: Journal) -> None:
    await journal.release("root", 1)
    with pytest.raises(Fenced):
        await journal.renew("root", 1, TTL_SECONDS)
