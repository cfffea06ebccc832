"""Dispatch: which part of the metasystem cares about which payload. This table is the project's table of contents.

A handler is a pure function (state, envelope, context) -> Step. What a row lists runs in order, each on the state that
the one before it left. FOLLOW_UPS are the standing questions asked after every envelope, whatever it was.
"""

from collections.abc import Callable, Mapping

from vsm_controller import algedonic
from vsm_controller.state.controller import ControllerState
from vsm_controller.system_1 import leases, results
from vsm_controller.system_2 import dependencies
from vsm_controller.system_3 import cancellation, closing, directives, integration, packets, verification
from vsm_core.actor import Context, Step
from vsm_core.envelope import Envelope

Handler = Callable[[ControllerState, Envelope, Context], Step]
FollowUp = Callable[[ControllerState, Context], Step]

HANDLERS: Mapping[str, tuple[Handler, ...]] = {
    # System 1: operations
    "task_progress": (leases.heard,),
    "task_result": (results.record,),
    "host_started": (leases.host_started,),
    "host_stopping": (leases.host_stopping,),
    # System 3: the here and now
    "directive": (directives.accept,),
    "directive_query": (directives.answer,),
    "task_packet": (packets.take_on,),
    "cancel": (cancellation.cancel,),
    "lease_revoked": (cancellation.revoked,),
    # what must not wait
    "algedonic_signal": (algedonic.record,),
    # several systems wait for time and for jobs
    "timer_fired": (leases.expired, cancellation.timed_out),
    "job_finished": (directives.surveyed, integration.merged, integration.published, closing.continued),
}
FOLLOW_UPS: tuple[FollowUp, ...] = (
    verification.request,
    verification.judge,
    integration.start,
    integration.publish,
    dependencies.settle,
    closing.close,
)
# Payloads that no part of this metasystem acts on yet; a payload is in exactly one of HANDLERS and IGNORED.
IGNORED = frozenset(
    {
        "adopt_genome",
        "algedonic_ack",
        "audit_report",
        "audit_request",
        "audit_sample",
        "command",
        "coordination_signal",
        "directive_report",
        "environment_signal",
        "gene_suggestion",
        "handoff",
        "homeostat_signal",
        "lease_granted",
        "management_directive",
        "resource_allocation",
        "resource_bargain",
        "task_result_ack",
        "unroutable",
    }
)
