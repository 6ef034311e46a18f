"""DeviceSpec: a device by its parts."""

from __future__ import annotations

from graphc.api.device_names import canonical_device, device_parts, device_text


class DeviceSpec:
    """A device by its parts, each None where nothing is said.

    Args:
        job, replica, task: of a cluster; device_type: such as ``CPU``; device_index: which of them.
    """

    def __init__(self, job=None, replica=None, task=None, device_type=None, device_index=None):
        self.job, self.replica, self.task = job, replica, task
        self.device_type = None if device_type is None else str(device_type).upper()
        self.device_index = device_index

    @classmethod
    def from_string(cls, spec: str) -> "DeviceSpec":
        """The parts of a name such as ``/job:ps/device:CPU:0``.

        Raises:
            GraphError: it names no device.
        """
        canonical_device(spec)
        job, replica, task, kind, number = device_parts(spec)
        index = int(number) if number not in (None, "*") else None
        numbers = [None if n is None else int(n) if n.isdigit() else n for n in (replica, task)]
        return cls(job, *numbers, kind, index)

    def parse_from_string(self, spec: str) -> "DeviceSpec":
        """Take the parts of a name."""
        vars(self).update(vars(self.from_string(spec)))
        return self

    def merge_from(self, dev: "DeviceSpec") -> None:
        """Take the parts that ``dev`` has."""
        vars(self).update((k, v) for k, v in vars(dev).items() if v is not None)

    def to_string(self) -> str:
        """The name of the device."""
        where = device_text((self.job, self.replica, self.task, None, None))
        index = "*" if self.device_index is None else self.device_index
        return f"{where}/device:{self.device_type}:{index}" if self.device_type else where

    def __eq__(self, other):
        return isinstance(other, DeviceSpec) and vars(self) == vars(other)

    def __hash__(self):
        return hash(self.to_string())

    def __repr__(self):
        return f"<tf.DeviceSpec {self.to_string()!r}>"
