"""Every payload an envelope can carry, as one discriminated union.

The union is the wire format's table of contents: its order is alphabetical by payload type within each file.
"""

from typing import Annotated, get_args

from pydantic import Field

from vsm_core.payloads.audit import AuditReport, AuditRequest, AuditSample, GeneSuggestion
from vsm_core.payloads.control import (
    AdoptGenome,
    Cancel,
    Command,
    CoordinationSignal,
    HostStarted,
    HostStopping,
    JobFinished,
    LeaseGranted,
    LeaseRevoked,
    ResourceAllocation,
    ResourceBargain,
    TimerFired,
    Unroutable,
)
from vsm_core.payloads.signals import (
    AlgedonicAck,
    AlgedonicSignal,
    DirectiveQuery,
    DirectiveReport,
    EnvironmentSignal,
    HomeostatSignal,
)
from vsm_core.payloads.work import (
    Directive,
    Handoff,
    ManagementDirective,
    TaskPacket,
    TaskProgress,
    TaskResult,
    TaskResultAck,
)

AnyPayload = (
    AuditReport
    | AuditRequest
    | AuditSample
    | GeneSuggestion
    | AdoptGenome
    | Cancel
    | Command
    | CoordinationSignal
    | HostStarted
    | HostStopping
    | JobFinished
    | LeaseGranted
    | LeaseRevoked
    | ResourceAllocation
    | ResourceBargain
    | TimerFired
    | Unroutable
    | AlgedonicAck
    | AlgedonicSignal
    | DirectiveQuery
    | DirectiveReport
    | EnvironmentSignal
    | HomeostatSignal
    | Directive
    | Handoff
    | ManagementDirective
    | TaskPacket
    | TaskProgress
    | TaskResult
    | TaskResultAck
)
Payload = Annotated[AnyPayload, Field(discriminator="payload_type")]
PAYLOAD_CLASSES = {cls.model_fields["payload_type"].default: cls for cls in get_args(AnyPayload)}
