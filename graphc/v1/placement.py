"""Where operations are said to run: the devices, colocations and containers that are open in a graph."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager

from graphc.api.device_names import canonical_device, merged_device
from graphc.errors import GraphError, UsageError, explain
from graphc.v1.device import DeviceSpec


class Placement:
    """The part of a Graph that knows the devices of new operations; there is one machine, so these are names only."""

    def __init__(self):
        self._device = ""  # what all names together say, while no function is open
        self._devices: tuple = ()  # the open ones, outermost first: names and functions
        self._colocated: tuple = ()
        self._container = ""

    @contextmanager
    def device(self, device_name_or_function):
        """Operations made inside are marked with a device.

        Args:
            device_name_or_function: a name; a function from an Operation to a name; None for no device at all, whatever
                is open outside.

        Raises:
            GraphError: it names no device.
        """
        given = device_name_or_function
        if not (given is None or callable(given)):
            given = canonical_device(given.to_string() if isinstance(given, DeviceSpec) else given)
        before = self._devices, self._device
        self._devices = (*self._devices, given) if given is not None else ()
        self._device = _joined(self._devices)
        try:
            yield
        finally:
            self._devices, self._device = before

    def place(self, op) -> None:
        """Give a new operation its device and what it is colocated with."""
        if self._device is None:
            for given in reversed(self._devices):
                op.device = _asked(given, op) if callable(given) else merged_device(given, op.device)
        elif self._device:
            op.device = self._device
        if self._colocated:
            op.colocated = self._colocated
            op.device = self._colocated[-1].device or op.device

    @contextmanager
    def colocate_with(self, op, ignore_existing: bool = False):
        """Operations made inside are where ``op`` (an Operation, Tensor or Variable; None for none) is.

        Raises:
            UsageError: ``op`` is None and existing colocations are not ignored.
        """
        if op is None and not ignore_existing:
            raise UsageError(explain("colocate_with: op is None, which needs ignore_existing=True"))
        before, places = self._colocated, (self._devices, self._device)
        outer = () if ignore_existing else before
        if op is not None:
            element = self.as_graph_element(op)
            op = getattr(element, "op", element)
            self._devices, self._device = (), ""
        self._colocated = outer if op is None else (*outer, op)
        try:
            yield
        finally:
            self._colocated, (self._devices, self._device) = before, places

    @contextmanager
    def container(self, container_name: str):
        """A name for what stateful operations made inside keep; sessions here share nothing, so it is only a name."""
        if not isinstance(container_name, str):
            raise UsageError(explain(f"container: the name must be a string, got {container_name!r}"))
        before, self._container = self._container, container_name
        try:
            yield container_name
        finally:
            self._container = before


def _joined(given: tuple) -> str | None:
    """What device names say together, inner ones before outer ones; None where a function must be asked."""
    name = ""
    for one in reversed(given):
        if callable(one):
            return None
        name = merged_device(one, name)
    return name


def _asked(function: Callable, op) -> str:
    name = function(op)
    if name is None:
        return ""
    name = name.to_string() if isinstance(name, DeviceSpec) else name
    if not isinstance(name, str):
        raise GraphError(explain(f"device: the function must answer with a device name or None, got {name!r}"))
    return canonical_device(name)
