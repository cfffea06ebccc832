"""The simulated world: processes that come and go, a client that asks, and an operator who starts what has died.

Theory of operation. Everything here runs in the world's own context and can't be killed. A post is a place where a
process should run; the operator keeps one incarnation there, and a second beside one that has been silent for long, as
whoever runs real machines would. When the disturbance is over the faults fall silent, and what was accepted must come
to its end within a bound.
"""

import asyncio
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from pathlib import Path

from vsm_core.actor import Limits
from vsm_core.channel import Channel, Lane
from vsm_core.envelope import Envelope, Heading, Story, new_envelope
from vsm_core.genome import OrganizationalGenome
from vsm_core.ids import derive_id
from vsm_core.payloads.signals import DirectiveReport, DirectiveState
from vsm_core.payloads.work import Directive
from vsm_ledger.memory import MemoryJournal, MemoryLedger
from vsm_system.compose import Assembly, Organization
from vsm_system.simulation.chances import RATES, Chances, Fault
from vsm_system.simulation.ledger import Disk, ProcessJournal
from vsm_system.simulation.life import Killed, Life
from vsm_system.simulation.loop import VirtualLoop
from vsm_system.simulation.network import ProcessTransport
from vsm_system.simulation.repository import Repository, Workshop
from vsm_system.simulation.scenario import ORGANIZATION, Layout, Post
from vsm_system.simulation.watch import Watch
from vsm_transport.errors import TransportError
from vsm_transport.faulty import Faults, FaultyTransport
from vsm_transport.memory import MemoryTransport
from vsm_transport.protocol import Features, OutgoingEnvelope, Subscription
from vsm_worker.artifacts import ArtifactStore
from vsm_worker.execution import Surroundings

CLIENT = "_client-sim"
ASK_AGAIN_SECONDS = 60.0
RESTART_SECONDS = (0.2, 5.0)  # until the operator starts a dead process again
LOOK_SECONDS = 1.0  # until the client looks for a new broker
DELAY_SECONDS = 30.0  # that an envelope may be late
NOWHERE = Path("/nonexistent")  # no simulated process writes a file
RETURN_SECONDS = 2.0  # between two tries of a process that could not start


@dataclass(eq=False, slots=True)
class Incarnation:
    """One process that runs, or ran, at a post."""

    post: Post
    life: Life
    organization: Organization
    transport: ProcessTransport
    gone: "asyncio.Future[None]"  # dead, ended, or silent for so long that another is wanted
    paused: bool = False

    def leave(self) -> None:
        """Make room for another at its post."""
        if not self.gone.done():
            self.gone.set_result(None)


@dataclass(eq=False)
class World:
    """All that one seed simulates."""

    loop: VirtualLoop
    genome: OrganizationalGenome
    layout: Layout
    chances: Chances
    seed: int
    watch: Watch
    limits: Limits
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    repository: Repository = field(default_factory=Repository)
    running: dict[str, Incarnation] = field(default_factory=dict)  # by post: the newest
    reports: dict[str, DirectiveReport] = field(default_factory=dict)
    forged: set[str] = field(default_factory=set)  # ids of envelopes that nobody may act on
    last_states: dict[str, object] = field(default_factory=dict)  # of controllers, at the end
    lives: list[Life] = field(default_factory=list)
    restarts: int = 0
    stopping: bool = False

    def __post_init__(self) -> None:
        """Make what all processes share."""
        self.disk = Disk(self.loop.time)
        self.life = Life("world", "world", self.loop, self.chances)
        self._numbers = count(1)
        self.brokers: list[FaultyTransport] = []
        self.broker = self._new_broker()

    # -- the broker -----------------------------------------------------------------------------------------

    def _new_broker(self) -> FaultyTransport:
        inner = MemoryTransport(decode=self.layout.decode, now=self.life.now)
        inner.features = _surviving(inner) if self.layout.broker_survives else inner.features
        active = set(self.chances.active())

        def rate(fault: Fault) -> float:
            return RATES[fault].strikes if fault in active and not self.chances.over else 0.0

        faults = Faults(
            drop=rate(Fault.DROP),
            unconfirmed=rate(Fault.UNCONFIRMED),
            duplicate=rate(Fault.DUPLICATE),
            delay=rate(Fault.DELAY),
            delay_seconds=DELAY_SECONDS,
            reorder=rate(Fault.REORDER),
        )
        made = FaultyTransport(inner, faults, self.seed + next(self._numbers))
        self.brokers.append(made)
        return made

    def _replace_broker(self) -> None:
        """A broker in the memory of a process dies with it."""
        old, self.broker = self.broker, self._new_broker()
        self._closing = asyncio.ensure_future(old.close())

    def calm(self) -> None:
        """End the disturbance."""
        self.chances.over = True
        self.broker.faults = Faults()

    # -- processes ------------------------------------------------------------------------------------------

    async def operate(self, post: Post) -> None:
        """Keep a process running at a post, for as long as the world does."""
        while not self.stopping:
            here = self._incarnate(post)
            self.loop.start(here.life.name, self._live(here))
            await here.gone
            if not here.paused:
                here.life.kill()  # nothing of it is left to run
            await asyncio.sleep(self.watch.random.uniform(*RESTART_SECONDS))
            self.restarts += not self.stopping

    def _incarnate(self, post: Post) -> Incarnation:
        name = f"{post.name}-{next(self._numbers)}"
        life = Life(name, post.machine, self.loop, self.chances)
        self.lives.append(life)
        if not self.layout.broker_survives:
            self._replace_broker()
        transport = ProcessTransport(life, self.broker, self.chances, self.watch.published)
        organization = Organization(self._assembly(life, post), transport, name)
        here = Incarnation(post, life, organization, transport, self.loop.create_future())
        life.on_death = partial(self._died, here)
        self.running[post.name] = here
        return here

    def _died(self, here: Incarnation) -> None:
        """The broker notices at once, and the operator soon."""
        self.loop.detach(here.transport.lose())
        here.leave()

    def _assembly(self, life: Life, post: Post) -> Assembly:
        inner = MemoryJournal(self.ledger, clock=life.now)
        journal = ProcessJournal(life, inner, self.chances, self.disk, self.watch.committed)
        workshop = Workshop(
            self.repository, self.chances, self.seed, partial(self.watch.execution, life.name), life.crash
        )
        return Assembly(
            organization=ORGANIZATION,
            genome=self.genome,
            journal=journal,
            surroundings=Surroundings(cache=NOWHERE, artifacts=ArtifactStore(NOWHERE), process=life.name),
            nodes=post.nodes,
            clock=life,
            owner=life.owner,
            runners=workshop.runners(),
            limits=self.limits,
            slots=self.watch.slots,
            crash=life.crash,
        )

    async def _live(self, here: Incarnation) -> None:
        """Be a process: start, serve until something ends it for good, stop cleanly."""
        try:
            await here.organization.start()
            await asyncio.wait([here.organization.failed])
            await here.organization.stop()
        except Killed:
            pass
        except Exception as error:  # noqa: BLE001 - a node held by another, a full disk: it tries again later
            self.watch.failed_to_start(error)
            await asyncio.sleep(RETURN_SECONDS)
            await here.organization.stop()
        here.leave()

    async def stop(self) -> None:
        """Remember what the controllers know, and stop all processes cleanly."""
        self.stopping = True
        for here in self.running.values():
            if here.life.alive:
                known = (node for node in here.post.nodes if node in self.watch.controllers)
                self.last_states |= {node: here.organization.state_of(node) for node in known}

    def end(self) -> None:
        """Let nothing that unwinds touch anything any more."""
        for life in self.lives:
            life.alive = False

    # -- the client -----------------------------------------------------------------------------------------

    async def ask(self, directive: Directive, after_seconds: float) -> None:
        """Hand a directive in, again and again until its last report is here."""
        await asyncio.sleep(after_seconds)
        for number in count():
            if directive.id in self.reports:
                return
            envelope = self._from_client(directive, number)
            try:
                await self.broker.publish([OutgoingEnvelope(envelope)])
            except TransportError:
                await asyncio.sleep(1.0)
                continue
            self.watch.accepted(directive.id)
            await asyncio.sleep(ASK_AGAIN_SECONDS)

    def _from_client(self, directive: Directive, number: int) -> Envelope:
        channel, root = Channel.OPERATION_TO_ENVIRONMENT, self.genome.root_id
        heading = Heading(ORGANIZATION, self.genome.id, channel, CLIENT, root)
        story = Story(derive_id("env", CLIENT, directive.id, number), directive.id, directive.id)
        return new_envelope(directive, heading, story, self.life.now())

    async def listen(self) -> None:
        """Take the reports, from whichever broker there is."""
        while not self.stopping:
            broker = self.broker
            async with broker.subscribe(Subscription(node=CLIENT, lane=Lane.CONTROL, slots=8)) as deliveries:
                async for delivery in deliveries:
                    report = delivery.envelope.payload
                    if isinstance(report, DirectiveReport) and report.state is DirectiveState.FINISHED:
                        self.watch.reported(report)
                        self.reports[report.directive_id] = report
                    await delivery.ack()
            await asyncio.sleep(LOOK_SECONDS)


def _surviving(transport: MemoryTransport) -> Features:
    """A broker of its own process keeps what it has when a process of ours dies."""
    return replace(transport.features, survives_restart=True, durable=True)
