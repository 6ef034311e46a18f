"""``tf.profiler``: what TensorFlow 1 calls it; graphc profiles with ``graphc inspect``."""

from __future__ import annotations

from graphc.errors import UnavailableError, explain


class _Absent:
    """A name that exists so that using it says what to use instead.

    Raises:
        UnavailableError: when it is called, or asked for an attribute.
    """

    def __init__(self, name: str):
        self._name = name

    def __call__(self, *args, **kwargs):
        what = f"{self._name}: not available; 'graphc inspect' shows the steps of a program and how long they take"
        raise UnavailableError(explain(what))

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)
        return _Absent(f"{self._name}.{name}")()


profile, advise = _Absent("profiler.profile"), _Absent("profiler.advise")
write_op_log = _Absent("profiler.write_op_log")
Profiler, ProfileOptionBuilder = _Absent("profiler.Profiler"), _Absent("profiler.ProfileOptionBuilder")
