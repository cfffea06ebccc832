"""The errors of the composition: what a user can mend, in one line that says how."""

from typing import ClassVar


class SystemFailure(Exception):
    """The root of every error raised by vsm_system itself."""

    definite: ClassVar[bool] = True


class UserError(SystemFailure):
    """Something a user asked for can't be done as asked; the message is one line and ends with the mend."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


class RecordChanged(SystemFailure):
    """What the ledger tells is not what was recorded, so nothing that it tells is taken for true."""


class StandstillError(SystemFailure):
    """Nothing in the organization moves, and nothing ever will, yet the directive is not over: a fault of ours."""

    def __init__(self, directive_id: str) -> None:
        super().__init__(
            f"the organization stands still and directive {directive_id} is not over; run it again"
        )
        self.directive_id = directive_id
