"""The composition root: an organization in one process, put together from its parts and taken apart cleanly.

Controllers share the journal they are given; leaves have one of the process's own in memory: a leaf's past is its
controller's to remember, but a leaf that starts again goes on with the executions that it has begun.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any, cast

import structlog

from vsm_controller.actor import ControllerActor
from vsm_controller.state.controller import Seat
from vsm_core.actor import Actor, Freezer, Limits, Owner
from vsm_core.channel import Channel, Lane
from vsm_core.envelope import Envelope, Heading, Priority, Story, new_envelope
from vsm_core.facts import RecordedFact
from vsm_core.genome import OrganizationalGenome, is_metasystem, subtree
from vsm_core.ids import derive_id
from vsm_core.payloads import AnyPayload
from vsm_core.payloads.control import Cancel, CancelScope, HostStarted, HostStopping
from vsm_core.payloads.jobs import ExecuteTask, JobReport, MoveRef
from vsm_core.payloads.signals import DirectiveQuery, DirectiveReport, DirectiveState
from vsm_core.payloads.work import Directive
from vsm_ledger.memory import Keep, MemoryJournal, MemoryLedger
from vsm_system.clock import Clock, SystemClock, new_process_id, this_owner
from vsm_system.crash import Crash, never
from vsm_system.discretion import without_secrets
from vsm_system.errors import StandstillError
from vsm_system.host import Host
from vsm_system.jobs import Jobs, Runner
from vsm_system.journal import Journal
from vsm_system.pain import pain
from vsm_system.repository.merge import merge
from vsm_system.repository.refs import move_ref
from vsm_system.repository.survey import survey
from vsm_system.role import Observer, Role, World
from vsm_system.supervisor import Supervisor
from vsm_transport.connect import open_transport
from vsm_transport.errors import TransportError
from vsm_transport.protocol import Hold, NodeKind, OutgoingEnvelope, Subscription, Transport
from vsm_worker.actor import LeafActor
from vsm_worker.execution import Surroundings, execute

log = structlog.get_logger(__name__)
CONTROLLER_SLOTS = 64
CLIENT = "_client-run"
LOOK_SECONDS = 1.0  # between two looks at whether anything still moves
STILL_LOOKS = 5  # looks in a row that find nothing moving before a run gives up
STOP_SECONDS = 3.0  # that hosts get to record an interruption
CANCEL_SECONDS = 10.0  # that the executions of a cancelled directive get to save their work and go
LAST = frozenset({DirectiveState.FINISHED, DirectiveState.UNKNOWN})  # nothing follows a report that says this


def _nobody(_node: str, _recorded: RecordedFact) -> None:
    """Observe nothing."""


def _harmless(observe: Observer) -> Observer:
    """Return an observer that can't hurt a host: one that raises is heard of once and told nothing more."""
    deaf = False

    def tell(node: str, recorded: RecordedFact) -> None:
        nonlocal deaf
        if deaf:
            return
        try:
            observe(node, recorded)
        except Exception as error:  # noqa: BLE001 - whoever watches must not be able to stop the work
            deaf = True
            log.warning("observer_failed", error=repr(error))

    return tell


@dataclass(frozen=True, slots=True)
class Assembly:
    """Everything one process needs to run an organization."""

    organization: str
    genome: OrganizationalGenome
    journal: Journal
    surroundings: Surroundings
    nodes: tuple[str, ...] | None = None  # those that this process runs; None: all of them
    clock: Clock = field(default_factory=SystemClock)
    owner: Owner | None = None  # None: this very process
    runners: Mapping[str, Runner] | None = None  # None: the real ones
    slots: int = 2  # executions that one leaf may run at once
    limits: Limits = field(default_factory=Limits)
    transport_url: str = "memory://"
    observe: Observer = _nobody
    crash: Crash = never


class Executions:
    """Which directives something is executed for at this moment."""

    def __init__(self) -> None:
        self._open: dict[str, set[asyncio.Future[None]]] = {}

    @contextmanager
    def of(self, directive_id: str) -> Iterator[None]:
        """Count one execution for a directive, for the length of the context."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._open.setdefault(directive_id, set()).add(done)
        try:
            yield
        finally:
            done.set_result(None)
            self._open[directive_id].discard(done)
            if not self._open[directive_id]:
                del self._open[directive_id]

    async def ended(self, directive_id: str) -> None:
        """Return when nothing is executed for a directive."""
        while under_way := self._open.get(directive_id):
            await asyncio.wait(tuple(under_way))


class Organization:
    """A running organization, and its client: what goes in by ``submit`` comes out by ``finished``."""

    def __init__(self, assembly: Assembly, transport: Transport, process: str) -> None:
        self.process = process
        self._assembly = assembly
        self._transport = transport
        self._supervisor = Supervisor()
        self._supervisor.on_pain = self._raise_pain
        self._pains: set[asyncio.Task[None]] = set()  # on their way up
        self._reports: dict[str, asyncio.Future[DirectiveReport]] = {}
        self._observe = _harmless(assembly.observe)
        self._executions = Executions()
        self._asked = count()
        self._jobs = Jobs(assembly.runners or _runners(assembly, self._executions), assembly.crash)
        # Of the process: it outlives a leaf's host.
        self._leaves = MemoryJournal(MemoryLedger(Keep.OPEN), clock=assembly.clock.now)

    async def submit(self, directive: Directive) -> None:
        """Hand a directive to the root, without secrets; one that is known already is only asked after."""
        asked = without_secrets(directive).model_copy(update={"reply_to": CLIENT})
        await self._send(asked, directive.id, directive.id)

    async def cancel(self, directive_id: str, reason: str = "cancelled by its user") -> DirectiveReport:
        """End a directive and return its last report, once its executions and their work trees are gone too.

        One that is over already is only asked after, and one whose branch moves at this moment may still complete:
        the report tells. One that nobody knows is reported as unknown.
        """
        once = f"{directive_id}/{next(self._asked)}"
        await self._send(
            Cancel(scope=CancelScope.DIRECTIVE, subject=directive_id, reason=reason), once, directive_id
        )
        await self._send(DirectiveQuery(directive_id=directive_id), once, directive_id)
        report = await self.finished(directive_id)
        if report.state is DirectiveState.UNKNOWN:
            self._reports.pop(directive_id, None)  # it may be handed in later
        with suppress(TimeoutError):
            async with asyncio.timeout(CANCEL_SECONDS):
                await self._executions.ended(directive_id)
        return report

    async def _send(self, payload: AnyPayload, cause: str, directive_id: str) -> None:
        genome, now = self._assembly.genome, self._assembly.clock.now()
        kind = "" if isinstance(payload, Directive) else f"{payload.payload_type}/"
        heading = Heading(
            self._assembly.organization,
            genome.id,
            Channel.OPERATION_TO_ENVIRONMENT,
            CLIENT,
            genome.root_id,
        )
        name = derive_id("env", CLIENT, f"{self.process}/{kind}{cause}")
        envelope = new_envelope(payload, heading, Story(name, directive_id, directive_id), now)
        await self._transport.publish([OutgoingEnvelope(envelope)])

    def _raise_pain(self, node: str, cause: BaseException) -> None:
        """Tell a node's parent at once that its ledger can't be written: past every queue, and past the ledger."""
        genome, now = self._assembly.genome, self._assembly.clock.now()
        parent = genome.nodes[node].parent_id
        if parent is None:
            return  # nobody is above the root but who reads the log
        signal = pain(node, f"{self.process}/{next(self._asked)}", cause, now)
        heading = Heading(self._assembly.organization, genome.id, Channel.ALGEDONIC, node, parent)
        story = Story(derive_id("env", node, signal.signal_id), signal.signal_id, signal.signal_id)
        envelope = new_envelope(signal, heading, story, now, priority=Priority.INTERRUPT)
        climbing = asyncio.create_task(self._climb(envelope), name=f"pain of {node}")
        self._pains.add(climbing)
        climbing.add_done_callback(self._pains.discard)

    async def _climb(self, envelope: Envelope) -> None:
        try:
            await self._transport.publish([OutgoingEnvelope(envelope)])
        except TransportError as error:
            log.warning("pain_unheard", node=envelope.source, error=str(error))

    async def finished(self, directive_id: str) -> DirectiveReport:
        """Return a directive's last report once it is over; raise what ended a host for good."""
        failed, report = self._supervisor.failed, self._report(directive_id)
        waiting: set[asyncio.Future[Any]] = {report, failed}
        still = 0
        while not (report.done() or failed.done()):
            await asyncio.wait(waiting, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            still = still + 1 if self._stands_still() else 0
            if still >= STILL_LOOKS and not report.done():
                raise StandstillError(directive_id)
        if failed.done():
            raise failed.result()
        return report.result()

    def _stands_still(self) -> bool:
        return not len(self._jobs) and all(self._supervisor.host(node).at_rest for node in self._nodes())

    def _report(self, directive_id: str) -> asyncio.Future[DirectiveReport]:
        loop = asyncio.get_running_loop()
        return self._reports.setdefault(directive_id, loop.create_future())

    @property
    def failed(self) -> "asyncio.Future[BaseException]":
        """Set with the error that no restart of a host could mend: this process can't go on."""
        return self._supervisor.failed

    def state_of(self, node: str) -> object:
        """Return what the actor of one of this process's nodes knows now; None before it was ever started."""
        return self._supervisor.host(node).state if self._supervisor.runs(node) else None

    async def start(self) -> None:
        """Stand every host up, leaves first; a controller hears first which process it is in."""
        for node in subtree(self._assembly.genome, self._assembly.genome.root_id):
            await self._transport.declare(node, self._kind(node))
        for node in self._nodes():
            await self._supervisor.start(node, partial(self._host, node))

    async def stop(self) -> None:
        """Record the interruption, end all executions with their processes and workspaces, and let go."""
        stopping = HostStopping(process=self.process, nodes=self._nodes())
        started = tuple(node for node in self._controllers() if self._supervisor.runs(node))
        for node in started:
            self._supervisor.host(node).inject(stopping, self.process, self._assembly.organization)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                for node in started:
                    await self._supervisor.host(node).settled()
        except TimeoutError:
            pass  # the next start takes what was open as lost
        leaves = tuple(node for node in self._nodes() if self._kind(node) is NodeKind.LEAF)
        await self._supervisor.stop(leaves)
        await self._jobs.stop()
        await self._supervisor.stop()
        await asyncio.gather(*self._pains, return_exceptions=True)

    async def listen(self) -> None:
        """Collect the reports that come back to this client."""
        wish = Subscription(node=CLIENT, lane=Lane.CONTROL, slots=CONTROLLER_SLOTS, process=self.process)
        async with self._transport.subscribe(wish) as deliveries:
            async for delivery in deliveries:
                report = delivery.envelope.payload
                if isinstance(report, DirectiveReport) and report.state in LAST:
                    waiting = self._report(report.directive_id)
                    if not waiting.done():
                        waiting.set_result(report)
                await delivery.ack()

    def _nodes(self) -> tuple[str, ...]:
        """Return this process's nodes, children before parents, so that nobody is spoken to before it listens."""
        genome, chosen = self._assembly.genome, self._assembly.nodes
        ordered = reversed(subtree(genome, genome.root_id))
        return tuple(node for node in ordered if chosen is None or node in chosen)

    def _controllers(self) -> tuple[str, ...]:
        return tuple(node for node in self._nodes() if self._kind(node) is NodeKind.CONTROLLER)

    def _kind(self, node: str) -> NodeKind:
        return NodeKind.CONTROLLER if is_metasystem(self._assembly.genome, node) else NodeKind.LEAF

    def _host(self, node: str) -> Host:
        if self._kind(node) is NodeKind.CONTROLLER:
            return Host(self._controller(node), self._world(self._assembly.journal))
        return Host(self._leaf(node), self._world(self._leaves))

    def _controller(self, node: str) -> Role:
        assembly = self._assembly
        actor = ControllerActor(Seat(node, assembly.organization, assembly.genome))
        return Role(
            node_id=node,
            organization=assembly.organization,
            genome_id=assembly.genome.id,
            actor=cast("Actor[object]", actor),
            slots=CONTROLLER_SLOTS,
            hold=Hold.UNTIL_SETTLED,
            freezer=cast("Freezer[object]", actor),
            announcement=HostStarted(process=self.process, nodes=self._nodes()),
        )

    def _leaf(self, node: str) -> Role:
        assembly = self._assembly
        parent = assembly.genome.nodes[node].parent_id or assembly.genome.root_id
        return Role(
            node_id=node,
            organization=assembly.organization,
            genome_id=assembly.genome.id,
            actor=cast("Actor[object]", LeafActor(node, parent, assembly.organization)),
            slots=assembly.slots,
            hold=Hold.UNTIL_FREED,
        )

    def _world(self, journal: Journal) -> World:
        return World(
            transport=self._transport,
            journal=journal,
            jobs=self._jobs,
            clock=self._assembly.clock,
            limits=self._assembly.limits,
            owner=self._assembly.owner or this_owner(self.process),
            crash=self._assembly.crash,
            observe=self._observe,
        )


def _runners(assembly: Assembly, executions: Executions) -> Mapping[str, Runner]:
    async def move(request: MoveRef) -> JobReport:
        assembly.crash("ref.before_move")
        report = await move_ref(request)
        assembly.crash("ref.after_move")
        return report

    async def work(request: ExecuteTask) -> JobReport:
        with executions.of(request.packet.directive_id):
            return await execute(request, assembly.surroundings)

    return {
        "survey": survey,
        "merge": merge,
        "move_ref": move,
        "execute": work,
    }


@asynccontextmanager
async def running(assembly: Assembly) -> AsyncIterator[Organization]:
    """Run an organization in this process for the length of the context; leaving it stops everything cleanly."""
    transport = await open_transport(assembly.transport_url, assembly.organization)
    organization = Organization(assembly, transport, assembly.surroundings.process or new_process_id())
    listening = asyncio.create_task(organization.listen(), name="client reports")
    try:
        await organization.start()
        yield organization
    finally:
        await asyncio.shield(organization.stop())
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await transport.close()
