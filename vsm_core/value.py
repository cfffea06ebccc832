"""What every value of the domain is: a frozen, closed, typed pydantic model.

Change happens by ``model_copy(update=...)`` inside named functions; cached properties are dropped by a copy, so a
derived hash can never outlive the fields it was derived from.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer

_set = object.__setattr__  # a frozen value's own door is shut
TEXT_LIMIT = 65_536  # characters of one free text


class Value(BaseModel):
    """A frozen value: equal by content, closed to unknown fields, cheap to copy."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, ser_json_inf_nan="constants")

    def __copy__(self) -> Self:
        """Copy the fields only, so that cached derivations are made anew."""
        return self.model_copy()

    def model_copy(self, *, update: Mapping[str, object] | None = None, deep: bool = False) -> Self:
        """Return a copy with some fields changed, unchecked, as pydantic's own does; a deep copy is the same one.

        A fold copies a state for every fact, so this takes the short way: values are shared, because nothing changes.
        """
        cls = type(self)
        fields = self.__dict__.copy()
        if len(fields) > len(cls.__pydantic_fields__):  # something derived is kept beside the fields
            fields = {name: fields[name] for name in cls.__pydantic_fields__}
        named = self.__pydantic_fields_set__
        if update:
            fields.update(update)
            if not named.issuperset(update):
                named = named.union(update)
        copied = cls.__new__(cls)
        _set(copied, "__dict__", fields)
        _set(copied, "__pydantic_fields_set__", named)
        _set(copied, "__pydantic_extra__", None)
        _set(copied, "__pydantic_private__", None)
        return copied


@dataclass(frozen=True, slots=True)
class FreeText:
    """Marks a string a human or a model wrote: the journal keeps it apart from fact bodies, so it can be redacted."""


def _to_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def _sort_by(key: Callable[[object], str]) -> PlainSerializer:
    return PlainSerializer(lambda items: sorted(items, key=key), when_used="json")


Text = Annotated[str, Field(max_length=TEXT_LIMIT), FreeText()]
Instant = Annotated[AwareDatetime, AfterValidator(_to_utc)]
Sorted = _sort_by(str)  # for frozensets: their bytes must not depend on the hash seed of the process


class Money(Value):
    """An amount in one currency; amounts of two currencies never add up."""

    amount: Decimal = Decimal(0)
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "USD"
