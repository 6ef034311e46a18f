"""TracedValue: what a tensor answers where Python wants a value that is not known while a function is being traced."""

from __future__ import annotations

from graphc.api.unconverted import advice as why_python
from graphc.errors import NoValueError, SymbolicError, explain

_NO_VALUE = "a tensor has no value while the function around it is traced"


def made_at(tensor) -> list[tuple[str, str]]:
    """A tensor (or None) with its type and the line that made it, for messages; nothing if that is not known."""
    location = None if tensor is None else tensor.node.location
    return [] if location is None else [(tensor.name, f"{tensor.type}   {location}")]


class TracedValue:
    """The refusals, each with what to do instead; ``name``, ``type``, ``node`` and ``shape`` are the tensor's."""

    __slots__ = ()

    def _refused(self, what: str) -> SymbolicError:
        if getattr(self.graph, "is_left", False):
            return self.graph.outside(self)
        return SymbolicError(explain(f"{self.name}: {what}", made_at(self)))

    def numpy(self):
        """The value.

        Raises:
            NoValueError: it is not known while a function is being traced.
        """
        error = self._refused(f"numpy() of {self.type}: {_NO_VALUE}; return it, or use tf.print or tf.py_function")
        raise NoValueError(*error.args)

    def eval(self, feed_dict=None, session=None):
        """Refused: there is no session; call the function."""
        advice = "there is no session here: call the function and use the result's numpy()"
        raise self._refused(f"eval(): {_NO_VALUE}; {advice}")

    def __array__(self, dtype=None, copy=None):
        advice = "use TensorFlow's function of the same meaning, or tf.numpy_function"
        raise self._refused(f"NumPy cannot use {self.type}: {_NO_VALUE}; {advice}")

    def __copy__(self):
        return self

    def __deepcopy__(self, memo):
        return self  # nothing changes it

    def __reduce__(self):
        raise self._refused(f"it cannot be pickled: {_NO_VALUE}; return it, and pickle the result")

    def __bool__(self):
        what = "so it cannot be a Python bool in 'if', 'while', 'and', 'not' or 'max'"
        raise self._refused(f"{_NO_VALUE}, {what}; {why_python()}")

    def __float__(self):
        raise self._refused(f"float(): {_NO_VALUE}; use tf.cast(x, tf.float32)")

    def __int__(self):
        raise self._refused(f"int(): {_NO_VALUE}; use tf.cast(x, tf.int32)")

    def __complex__(self):
        raise self._refused(f"complex(): {_NO_VALUE}; use tf.cast(x, tf.complex64)")

    def __index__(self):
        what = "so it is no index of a list and no bound of range(); use tf.gather or tf.range"
        raise self._refused(f"{_NO_VALUE}, {what}")

    def __round__(self, digits=None):
        raise self._refused(f"round(): {_NO_VALUE}; use tf.round")

    def __contains__(self, value):
        raise self._refused(f"'in': {_NO_VALUE}; use tf.reduce_any(tf.equal(x, value))")

    def __format__(self, spec: str):
        if spec:
            what = f"so there is no number to format as {spec!r}; use tf.strings.format or tf.print"
            raise self._refused(f"{_NO_VALUE}, {what}")
        return str(self)

    def __len__(self):
        if not self.shape.rank:
            raise TypeError(explain(f"a scalar of {self.type} has no len"))
        size = self.shape[0]
        if size is None:
            raise self._refused(f"the length of {self.type} is not known while tracing; use tf.shape(x)[0]")
        return size

    def __iter__(self):
        if not self.shape.rank:
            raise TypeError(explain(f"a scalar of {self.type} cannot be iterated"))
        if self.shape[0] is None:
            what = "has an unknown length and cannot be iterated; use tf.map_fn, tf.scan or tf.while_loop"
            raise self._refused(f"{self.type} {what}; {why_python('an iteration')}")
        return iter([self[k] for k in range(self.shape[0])])
