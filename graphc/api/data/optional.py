"""Optional: an element, or the fact that there is none."""

from __future__ import annotations

from graphc.api.create import convert_to_tensor
from graphc.api.data.element import mapped, normalised, spec_of
from graphc.errors import InvalidArgumentError, UsageError, explain


class Optional:
    """A value that may be missing, such as the next element of an iterator.

    Made by ``Optional.from_value``, ``Optional.empty`` and ``iterator.get_next_as_optional()``.
    """

    def __init__(self, element_spec, value=None, is_present: bool = False):
        self._spec, self._value, self._is_present = element_spec, value, is_present

    @staticmethod
    def empty(element_spec) -> "Optional":
        """No value of these specs."""
        return Optional(element_spec)

    @staticmethod
    def from_value(value) -> "Optional":
        """This value: a tensor, or a structure of tensors."""
        value = normalised(value, "Optional.from_value")
        return Optional(mapped(spec_of, value), value, True)

    @property
    def element_spec(self):
        """The TensorSpecs of the value, in its structure."""
        return self._spec

    def has_value(self, name=None):
        """Whether there is a value: a scalar bool."""
        return convert_to_tensor(self._is_present)

    def get_value(self, name=None):
        """The value.

        Raises:
            InvalidArgumentError: there is none.
        """
        if not self._is_present:
            what = "Optional.get_value: the optional does not have a value; ask has_value() first"
            raise InvalidArgumentError(explain(what))
        return self._value

    def __bool__(self):
        raise UsageError(explain("an Optional is neither true nor false; ask has_value()"))


def get_next_as_optional(iterator) -> Optional:
    """The next element of an iterator, or an empty Optional at the end."""
    return iterator.get_next_as_optional()
