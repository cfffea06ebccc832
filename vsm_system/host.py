"""The host: the only loop that performs effects, the same for controllers and leaves.

Theory of operation. Take what waits, control before work; drop what the inbox has seen; decide one by one on the folded
state; commit everything in one transaction; only then acknowledge, publish, set timers and start jobs. A host whose
commit is fenced has lost its node and stops at once. Recovery is the same fold: load the facts, the timers and the open
jobs, publish what was not confirmed, and go on.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import datetime

import structlog

from vsm_core.actor import Decision
from vsm_core.channel import Lane
from vsm_core.envelope import Envelope
from vsm_core.payloads import AnyPayload
from vsm_core.payloads.control import JobFinished, TimerFired, Unroutable
from vsm_core.payloads.jobs import Job
from vsm_system.batch import Batch, Input
from vsm_system.inbox import CLOCK_DOUBT, NO_DOUBT, InboxMemory
from vsm_system.relay import Relay
from vsm_system.role import Role, World, context_of, own_envelope, refusal
from vsm_system.snapshots import Snapshots
from vsm_system.timers import Timers, recovered
from vsm_transport.protocol import ATTEMPT_LIMIT, Deliveries, Delivery, Hold, Subscription

BATCH_LIMIT = 64  # envelopes decided in one transaction
CONTROL_SLOTS = 256
CLAIM_TTL_SECONDS = 15.0
CLAIM_RENEW_SECONDS = 5.0
NACK_SECONDS = 0.5  # before an envelope whose decision failed comes again

log = structlog.get_logger(__name__)


class Host:
    """Runs one actor until it is stopped, fenced, or its task is cancelled."""

    def __init__(self, role: Role, world: World) -> None:
        self.role = role
        self._world = world
        self._relay = Relay(world.transport, world.journal, world.crash)
        self._relay.on_unroutable = self._unroutable
        self._memory = self._new_memory()
        self._snapshots = Snapshots(role, world.journal)
        self._distrusted: datetime | None = None  # after an unclean stop: what was made before this
        self._calm = False  # whether there has been a quiet moment yet
        self._timers = Timers(world.limits.lease_seconds)
        self._internal: deque[Input] = deque()
        self._lanes: dict[Lane, Deliveries] = {}
        self._taken: dict[Lane, deque[Delivery]] = {Lane.CONTROL: deque(), Lane.WORK: deque()}
        self._wake = asyncio.Event()
        self._state: object = None
        self._version = 0
        self._epoch = 0
        self._working: set[str] = set()  # jobs that hold a slot of the work lane
        self._idle = asyncio.Event()
        self.ready = asyncio.Event()
        self.committed = False  # whether its ledger has taken anything from it yet

    async def run(self) -> None:
        """Claim the node, recover, and serve it; raises Claimed or Fenced where another host holds it."""
        journal, node = self._world.journal, self.role.node_id
        self._distrusted = self._horizon() if await journal.was_left(node) else None
        self._epoch = await journal.claim(node, self._world.owner, CLAIM_TTL_SECONDS)
        self._world.crash("host.claimed")
        try:
            await self._recover()
            async with asyncio.TaskGroup() as tasks:
                renewing = tasks.create_task(self._renew())
                pumps = [tasks.create_task(self._pump(lane)) for lane in Lane]
                try:
                    await self._serve()
                finally:
                    for task in (renewing, *pumps):
                        task.cancel()
        except asyncio.CancelledError:
            await self._leave()
            await journal.release(node, self._epoch)  # in good order: what waits here killed nobody
            raise
        except BaseException:
            await self._leave()
            raise

    async def _leave(self) -> None:
        await self._relay.stop()
        await self._snapshots.stop()

    @property
    def state(self) -> object:
        """What the actor knows: the fold of all that is committed."""
        return self._state

    @property
    def at_rest(self) -> bool:
        """Whether nothing waits here and nothing will come by itself: no input, no publishing, no timer."""
        return self._idle.is_set() and self._relay.at_rest and self._timers.next_due() is None

    async def settled(self) -> None:
        """Return when nothing waits to be decided or published."""
        await self._idle.wait()
        await self._relay.idle()

    def inject(self, payload: AnyPayload, cause: str, correlation: str) -> None:
        """Hand the actor an envelope from its own host; the same cause makes the same envelope."""
        self._internal.append(Input(self._to_itself(payload, cause, (correlation, cause))))
        self._awaken()

    # -- recovery -------------------------------------------------------------------------------------------

    async def _recover(self) -> None:
        loaded, self._state = await self._snapshots.load()
        self._version = loaded.version
        self._memory = self._new_memory()
        self._timers = recovered(loaded.timers, self._world.clock.now(), _steady(), self._world.limits)
        under_way = self._world.jobs.take_over(self.role.node_id, loaded.jobs, self._job_ended)
        if self.role.hold is Hold.UNTIL_FREED:
            self._working = under_way
        if self.role.announcement is not None:
            self.inject(self.role.announcement, self.role.announcement.process, self.role.organization)
        await self._publish_again()

    def _new_memory(self) -> InboxMemory:
        return InboxMemory(self.role.node_id, self._world.journal, self._horizon())

    def _horizon(self) -> datetime:
        """Return the time before which an envelope may be an earlier host's."""
        doubt = CLOCK_DOUBT if self._world.transport.features.survives_restart else NO_DOUBT
        return self._world.clock.now() + doubt

    async def _publish_again(self) -> None:
        journal, node = self._world.journal, self.role.node_id
        if not self._world.transport.features.survives_restart:
            self._relay.put(await journal.unhandled(node))
        self._relay.put(await journal.to_send(node))

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(CLAIM_RENEW_SECONDS)
            await self._world.journal.renew(self.role.node_id, self._epoch, CLAIM_TTL_SECONDS)

    # -- input ----------------------------------------------------------------------------------------------

    async def _pump(self, lane: Lane) -> None:
        work = lane is Lane.WORK
        wish = Subscription(
            node=self.role.node_id,
            lane=lane,
            slots=self.role.slots if work else CONTROL_SLOTS,
            process=self._world.owner.process,
            hold=self.role.hold if work else Hold.UNTIL_SETTLED,
            busy=len(self._working) if work else 0,
        )
        async with self._world.transport.subscribe(wish) as deliveries:
            self._lanes[lane] = deliveries
            if wish.busy > len(self._working):  # some ended while it was made
                deliveries.free(wish.busy - len(self._working))
            if len(self._lanes) == len(Lane):
                self.ready.set()
            async for delivery in deliveries:
                self._taken[lane].append(delivery)
                self._taken[lane].extend(deliveries.take(BATCH_LIMIT))
                self._awaken()

    def _awaken(self) -> None:
        self._idle.clear()
        self._wake.set()

    def _unroutable(self, envelope: Envelope, reason: str) -> None:
        payload = Unroutable(envelope_id=envelope.id, target=envelope.target, reason=reason)
        self.inject(payload, envelope.id, envelope.correlation_id)

    def _job_ended(self, job: Job, finished: JobFinished) -> None:
        envelope = self._to_itself(finished, job.id, (job.correlation_id, job.cause_id))
        self._internal.append(Input(envelope, job_id=job.id))
        if job.id in self._working:
            self._working.discard(job.id)
            if Lane.WORK in self._lanes:
                self._lanes[Lane.WORK].free(1)
        self._awaken()

    def _due(self) -> list[Input]:
        found = []
        for timer in self._timers.take_due(_steady()):
            fired = TimerFired(
                timer_id=timer.id, purpose=timer.purpose, subject=timer.subject, token=timer.token
            )
            cause = f"{timer.id}@{timer.due_at.isoformat()}"
            found.append(Input(self._to_itself(fired, cause, (timer.subject, cause)), timer_id=timer.id))
        return found

    def _to_itself(self, payload: AnyPayload, cause: str, told: tuple[str, str]) -> Envelope:
        return own_envelope(self.role, self._world.clock.now(), payload, cause, told)

    # -- the loop -------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        while True:
            batch = self._next_inputs()
            if batch:
                await self._handle_all(batch)
                continue
            self._calm = self.ready.is_set()
            self._idle.set()
            await self._sleep_until_input()

    async def _sleep_until_input(self) -> None:
        self._wake.clear()
        due = self._timers.next_due()
        delay = None if due is None else max(0.0, due - _steady())
        try:
            async with asyncio.timeout(delay):
                await self._wake.wait()
        except TimeoutError:
            return

    def _next_inputs(self) -> list[Input]:
        """Return what to decide next: the host's own, then control, then work, up to the batch limit."""
        chosen: list[Input] = []
        while self._internal and len(chosen) < BATCH_LIMIT:
            chosen.append(self._internal.popleft())
        chosen.extend(self._due())
        for lane in (Lane.CONTROL, Lane.WORK):
            taken = self._taken[lane]
            while taken and len(chosen) < BATCH_LIMIT:
                delivery = taken.popleft()
                chosen.append(Input(delivery.envelope, delivery, lane))
        return chosen

    async def _handle_all(self, inputs: Sequence[Input]) -> None:
        trusted = [each for each in inputs if not self._is_distrusted(each)]
        for each in inputs if len(trusted) < len(inputs) else ():
            if self._is_distrusted(each):
                await self._handle_carefully(each)
        if trusted:
            await self._handle(trusted)

    def _is_distrusted(self, given: Input) -> bool:
        """Say whether an envelope was pending when an earlier process ended uncleanly."""
        if self._distrusted is None:
            return False
        own = given.delivery is None  # made anew by this host: a timer that was due, a job that was open
        return not self._calm if own else given.envelope.created_at <= self._distrusted

    async def _handle_carefully(self, given: Input) -> None:
        """Handle one envelope alone, its attempt written first: it may be what ended the process before."""
        attempts = await self._world.journal.attempt(self.role.node_id, self._epoch, given.envelope.id)
        await self._handle([given], poison=attempts > ATTEMPT_LIMIT)

    async def _handle(self, inputs: Sequence[Input], *, poison: bool = False) -> None:
        stream = self.role.node_id
        seen = await self._memory.seen([each.envelope for each in inputs])
        batch, state = Batch(), self._state
        for each in inputs:
            if each.envelope.id in seen:
                batch.settled.append(each)
                continue
            seen.add(each.envelope.id)
            state = self._give_up(each, state, batch) if poison else await self._decide(each, state, batch)
        if batch.decisions:
            self._world.crash("host.before_commit")
            await self._world.journal.commit(batch.commit(stream, self._epoch, self._version))
            self.committed = True
            self._version += sum(len(decision.facts) for _, decision in batch.decisions)
            self._state = state
            self._memory.remember(given.envelope for given, _ in batch.decisions)
            self._snapshots.consider(self._state, self._version)
            self._world.crash("host.after_commit")
        await self._perform(batch)

    async def _decide(self, given: Input, state: object, batch: Batch) -> object:
        context, envelope = context_of(given, self._world), given.envelope
        if given.delivery is not None and envelope.expired(context.now):
            await given.delivery.reject("expired")
            return state
        try:
            decision = self.role.actor.decide(state, envelope, context)
            for send in decision.sends:
                send.encoded()  # one that no ledger could take must not take the rest of the batch with it
            after = self._after(state, decision)
        except Exception:
            if given.delivery is None:
                raise
            log.exception("decision_failed", node=self.role.node_id, payload_type=envelope.payload_type)
            await given.delivery.nack(NACK_SECONDS)
            return state
        batch.add(given, context, decision)
        return after

    def _give_up(self, given: Input, state: object, batch: Batch) -> object:
        """Refuse an envelope whose handling was begun too often and never ended."""
        context = context_of(given, self._world)
        reason = f"its handling was begun {ATTEMPT_LIMIT} times, and each time the process ended"
        decision = refusal(self.role, given.envelope, context, reason)
        batch.add(given, context, decision)
        return self._after(state, decision)

    def _after(self, state: object, decision: Decision) -> object:
        if decision.state is not None:
            return decision.state
        for recorded in decision.facts:
            state = self.role.actor.evolve(state, recorded.fact)
        return state

    async def _perform(self, batch: Batch) -> None:
        """Do what the commit has made true: set timers, publish, acknowledge, start jobs."""
        for _, decision in batch.decisions:
            self._set_timers(decision)
            self._relay.put(decision.sends)
        for given in batch.settled:
            await _settle(given, None)
            self._free(given)
        for given, decision in batch.decisions:
            await _settle(given, decision)
            if given.job_id is not None:
                self._world.jobs.settle(given.job_id)
            self._start_jobs(given, decision)
        self._world.crash("host.after_ack")
        for _, decision in batch.decisions:
            for recorded in decision.facts:
                self._world.observe(self.role.node_id, recorded)

    def _set_timers(self, decision: Decision) -> None:
        for timer_id in decision.timers_cancelled:
            self._timers.cancel(timer_id)
        now, steady = self._world.clock.now(), _steady()
        for timer in decision.timers:
            self._timers.set(timer, steady + (timer.due_at - now).total_seconds())

    def _start_jobs(self, given: Input, decision: Decision) -> None:
        for job_id in decision.jobs_cancelled:
            self._world.jobs.cancel(job_id)
        for job in decision.jobs:
            if given.lane is Lane.WORK and self.role.hold is Hold.UNTIL_FREED:
                self._working.add(job.id)
            self._world.jobs.start(job, self._job_ended)
        if not decision.jobs and decision.refusal is None:
            self._free(given)

    def _free(self, given: Input) -> None:
        """Give back the slot of a work delivery that started no work."""
        if given.lane is Lane.WORK and self.role.hold is Hold.UNTIL_FREED:
            self._lanes[Lane.WORK].free(1)


def _steady() -> float:
    """Return the seconds of a clock that nobody can step."""
    return asyncio.get_running_loop().time()


async def _settle(given: Input, decision: Decision | None) -> None:
    if given.delivery is None:
        return
    if decision is not None and decision.refusal is not None:
        await given.delivery.reject(decision.refusal)
    else:
        await given.delivery.ack()
