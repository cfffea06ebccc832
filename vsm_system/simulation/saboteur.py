"""The saboteur: what goes wrong from outside, at moments drawn from the seed."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from random import Random

from vsm_core.channel import Channel
from vsm_core.envelope import Heading, Story, new_envelope
from vsm_core.ids import derive_id
from vsm_core.payloads.control import Cancel, CancelScope
from vsm_system.simulation.chances import RATES, Fault
from vsm_system.simulation.scenario import ORGANIZATION
from vsm_system.simulation.world import Incarnation, World
from vsm_transport.errors import TransportError
from vsm_transport.protocol import OutgoingEnvelope

MINUTE_SECONDS = 60.0
PAUSE_SECONDS = (1.0, 90.0)
SILENCE_SECONDS = 20.0  # of a paused process, before another is started beside it
PARTITION_SECONDS = (1.0, 60.0)
OUTAGE_SECONDS = (0.5, 20.0)  # of the disk or the ledger's lock
STEP_SECONDS = (-3_600.0, 3_600.0)


async def disturb(world: World, fault: Fault) -> None:
    """Let one kind of fault strike again and again until the disturbance is over."""
    drawn = world.chances.random(fault)
    while True:
        await asyncio.sleep(drawn.expovariate(RATES[fault].strikes / MINUTE_SECONDS))
        if world.chances.over:
            return
        if await STRIKES[fault](world, drawn):
            world.chances.note(fault)


def _somebody(world: World, drawn: Random) -> Incarnation | None:
    here = [each for each in world.running.values() if each.life.alive and not each.paused]
    return drawn.choice(here) if here else None


async def _kill(world: World, drawn: Random) -> bool:
    victim = _somebody(world, drawn)
    if victim is not None:
        victim.life.kill()
    return victim is not None


async def _pause(world: World, drawn: Random) -> bool:
    victim = _somebody(world, drawn)
    if victim is None:
        return False
    victim.paused = True
    world.loop.pause(victim.life.name)
    world.loop.detach(_resume(world, victim, drawn.uniform(*PAUSE_SECONDS)))
    return True


async def _resume(world: World, victim: Incarnation, after_seconds: float) -> None:
    await asyncio.sleep(min(after_seconds, SILENCE_SECONDS))
    if after_seconds > SILENCE_SECONDS and not world.chances.over:
        victim.leave()  # somebody starts another beside it
        await asyncio.sleep(after_seconds - SILENCE_SECONDS)
    victim.paused = False
    world.loop.resume(victim.life.name)


async def _partition(world: World, drawn: Random) -> bool:
    victim = _somebody(world, drawn)
    if victim is None or not world.layout.broker_survives:
        return False
    victim.life.cut_off_until = world.loop.time() + drawn.uniform(*PARTITION_SECONDS)
    return True


async def _step_clock(world: World, drawn: Random) -> bool:
    victim = _somebody(world, drawn)
    if victim is not None:
        victim.life.offset = timedelta(seconds=drawn.uniform(*STEP_SECONDS))
    return victim is not None


async def _fill_disk(world: World, drawn: Random) -> bool:
    world.disk.full_until = world.loop.time() + drawn.uniform(*OUTAGE_SECONDS)
    return True


async def _lock_ledger(world: World, drawn: Random) -> bool:
    world.disk.locked_until = world.loop.time() + drawn.uniform(*OUTAGE_SECONDS)
    return True


async def _forge(world: World, drawn: Random) -> bool:
    """Send a cancel in the name of a leaf: no leaf may cancel anything."""
    source = drawn.choice(sorted(set(world.genome.nodes) - world.watch.controllers))
    target = drawn.choice(sorted(world.watch.controllers))
    payload = Cancel(scope=CancelScope.SUBTREE, subject=target, reason="forged", cancel_epoch=1)
    heading = Heading(ORGANIZATION, world.genome.id, Channel.COMMAND, source, target)
    story = Story(derive_id("env", source, f"forged/{len(world.forged)}"), "forged", "forged")
    envelope = new_envelope(payload, heading, story, world.life.now())
    world.forged.add(envelope.id)
    try:
        await world.broker.publish([OutgoingEnvelope(envelope)])
    except TransportError:
        return False
    return True


STRIKES: Mapping[Fault, Callable[[World, Random], Awaitable[bool]]] = {
    Fault.KILL: _kill,
    Fault.PAUSE: _pause,
    Fault.PARTITION: _partition,
    Fault.CLOCK_STEP: _step_clock,
    Fault.DISK_FULL: _fill_disk,
    Fault.LEDGER_LOCKED: _lock_ledger,
    Fault.FORGED: _forge,
}
