"""The errors of the composition: what a user can mend, in one line that says how."""

from typing import ClassVar


class SystemFailure(Exception):
    """The root of every error raised by vsm_system itself."""

    definite: ClassVar[bool] = True


class UserError(SystemFailure):
    """Something a user asked for can't be done as asked; the message is one line and ends with the mend."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))
