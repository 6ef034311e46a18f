"""Running the steps of a program on a device: kernels are launched, host steps get copies of what they read."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import numpy as np

from graphc.errors import CompileError, DeviceError, explain
from graphc.ir import dtype as dt
from graphc.ir.dtype import DType
from graphc.ir.program import Branch, Copy, Host, Launch, Program, Refuse, Repeat, flat
from graphc.ir.sizes import symbols_in
from graphc.ir.symbols import symbol_of
from graphc.ir.tensor_map import TensorMap, packed_arguments
from graphc.ir.type import Type
from graphc.runtime.cuda.bundle import load
from graphc.runtime.device import Device
from graphc.runtime.device_memory import Block, lock_of
from graphc.runtime.dims import evaluate, symbols_of
from graphc.runtime.portable_call import HostStep, LateSizes, Run
from graphc.runtime.resident import Resident

_KEPT = 4  # sets of sizes for which memory and recorded steps are kept
_MAPS = 1024  # tensor maps that are kept for one memory at the most
_WORTH = 2  # steps from which on recording them pays


class DeviceProgram:
    """A Program whose kernels are loaded on a device.

    Args:
        program: without kernels and constants.
        image: what its kernels became, see ``bundle``.
        constants: bytes of its constants; they are copied to the device once.
        host_steps: what Python does, for the Host steps in the order of ``flat``.
        failed: called with the error code of a run that stops; raises.
        late: what follows from sizes that host steps make; None where they make none.
    """

    def __init__(
        self, program: Program, device: Device, image: bytes, constants: np.ndarray, host_steps: list[HostStep],
        failed: Callable, late: LateSizes | None,
    ):  # fmt: skip
        self.program, self.signature, self.device = program, program.signature, device
        self.constants, self.failed, self.late = constants, failed, late
        self.buffers = {b.name: b for b in program.buffers}
        steps = list(flat(program.steps))
        self.host_steps = dict(zip((id(s) for s in steps if isinstance(s, Host)), host_steps))
        shared: dict[str, int] = {}
        places: dict[str, dict[str, None]] = {}
        for step in steps:
            if isinstance(step, Launch):
                shared[step.kernel] = max(step.shared, shared.get(step.kernel, 0))
                if step.location is not None:
                    places.setdefault(symbol_of(step.kernel), {})[str(step.location)] = None
        #: The user's lines of what each kernel computes, by its name on the device.
        self.lines = {name: tuple(found) for name, found in places.items()}
        self.module = load(device, bytes(image), tuple(map(symbol_of, shared))) if shared else None
        self.functions = {name: self.module.function(symbol_of(name), size) for name, size in shared.items()}
        self.donated = dict(self.signature.donated)
        self.needs = [symbols_of(p.type.shape) for p in self.signature.outputs]
        #: The device goes through these steps without the host: recorded once, they are done by one call.
        self.is_alone = late is None and all(
            isinstance(s, Launch | Copy) or (isinstance(s, Repeat) and s.condition is None and s.counter is None) for s in steps
        )
        self.may_stop = any(isinstance(s, Host) for s in steps)  # after something was written
        self.worth_recording = self.is_alone and len(steps) >= _WORTH
        known = symbols_in(tuple([p.type for p in self.signature.inputs])).keys()
        self.checks = [(k + 1, c.condition) for k, c in enumerate(program.checks) if symbols_in(c.condition).keys() <= known]
        self.sizes = [b.type.size * max(1, b.type.dtype.size) for b in program.buffers if symbols_in(b.type).keys() <= known]
        self._constants: Block | None = None  # brought to the device by the first run: who loads a program must not wait for the device
        self._memories: OrderedDict[tuple, _Memory] = OrderedDict()

    def run(
        self, inputs: list, dims: list[int], known: frozenset[int], in_place: frozenset[int], residents: bool = False
    ) -> list:
        """Run on arrays and Residents that fit the signature exactly; answers all outputs. See ``PortableProgram.run``.

        Nothing on the host is written before the run has come to its end. A Resident of this device is used where it lies:
        always, if it is an input ``in_place``, and no host step can stop the run; else where nothing was recorded.

        Args:
            residents: leave outputs on the device.

        Raises:
            DeviceError: a kernel did what it must not; the message names the user's lines of those of this program that may have.
        """
        try:
            return self._run(inputs, dims, known, in_place, residents)
        except DeviceError as error:
            lines = [(f"kernel {name}", f"computes   {' and '.join(self.lines[name])}") for name in error.kernels if name in self.lines]
            if not lines:
                raise
            raise DeviceError(explain(str(error), lines), kernels=error.kernels) from error

    def _run(self, inputs: list, dims: list[int], known: frozenset[int], in_place: frozenset[int], residents: bool) -> list:
        with lock_of(self.device), self.device.active:
            run = _DeviceRun(self, list(inputs), list(dims), set(known), residents)
            run.place_donated(in_place)
            run.refuse_sizes()
            run.memory = memory = self._memory((*dims, *run.fixed))
            if self.constants.size and self._constants is None:
                self._bring_constants()
            run.place()
            run.upload()
            if not self.worth_recording or not memory.used:
                run.do(self.program.steps)
            elif memory.graph is None:
                with self.device.capture() as captured:
                    run.do(self.program.steps)
                memory.graph = captured.graph
            if memory.graph is not None:
                self.device.replay(memory.graph)
            run.fetch()
            memory.used = True
        return run.outputs

    def _bring_constants(self) -> None:
        block = Block(self.device, self.constants.size, is_scratch=True)
        self.device.upload(block.address, self.constants)
        self._constants = block

    @property
    def constants_at(self) -> int:
        """The address of the constants, once a run has begun."""
        return self._constants.address

    def _memory(self, key: tuple) -> _Memory:
        """Memory for a run with these sizes and addresses: that of an earlier one, where all sizes are known beforehand."""
        if self.late is not None:
            return _Memory(self.device)
        found = self._memories.get(key)
        if found is None:
            found = self._memories[key] = _Memory(self.device)
            while len(self._memories) > _KEPT:
                self._memories.popitem(last=False)
        self._memories.move_to_end(key)
        return found


class _Memory:
    """Where the inputs, outputs and scratch memory of runs lie on a device, and their steps as recorded."""

    def __init__(self, device: Device):
        self._device = device
        self._blocks: list[Block] = []
        self.places: dict[tuple, int] = {}  # ("input", k) or ("output", k) -> address
        self.arena_at, self.arena_size = 0, 0
        self.graph: object = None
        self.maps: dict[tuple, bytes] = {}  # (TensorMap, address) -> the map
        self.used = False  # whether a run has come to its end

    def allocate(self, size: int) -> int:
        """The address of so many bytes, which stay as long as this object."""
        self._blocks.append(Block(self._device, size, is_scratch=True))
        return self._blocks[-1].address


class _DeviceRun(Run):
    """The state of one run: what lies where on the device, and what the host has of it."""

    program: DeviceProgram
    memory: _Memory

    def __init__(self, program: DeviceProgram, inputs: list, dims: list[int], known: set[int], residents: bool):
        super().__init__(program, inputs, dims, known, np.empty(0, np.uint8))
        self.device, self.residents = program.device, residents
        self.counters: dict[str, int] = {}  # buffers of counting loops, whose values are known
        self.direct: dict[tuple, int] = {}  # addresses of Residents that are used where they lie, by place
        self.fixed: tuple = ()  # those of them that steps are recorded with

    def place_donated(self, in_place: frozenset[int]) -> None:
        for k, value in enumerate(self.inputs):
            if isinstance(value, Resident) and value.device is not self.device:
                self.inputs[k] = value.copied()
        for output, position in self.signature.donated:
            value = self.inputs[position]
            if position not in in_place:
                self.inputs[position] = Resident.of(self.device, value.array()) if isinstance(value, Resident) else value.copy()
            self.outputs[output] = self.inputs[position]
        kept = set() if self.program.may_stop else in_place
        written = set() if self.program.may_stop else {position for _, position in self.signature.donated}
        for k, value in enumerate(self.inputs):
            if isinstance(value, Resident) and (k in kept or k in written or not self.program.worth_recording):
                if not (self.program.may_stop and k in self.program.donated.values()):
                    self.direct["input", k] = value.address()
        self.fixed = tuple(sorted(self.direct.items())) if self.program.worth_recording else ()

    def refuse_sizes(self) -> None:
        """Stop where the sizes given break a check, or make a value that no machine holds."""
        for number, condition in self.program.checks:
            if not evaluate(condition, self.values, self._evaluated):
                self.program.failed(number)
        if any(self.size(s) > self.device.gpu.largest for s in self.program.sizes):
            self.program.failed(len(self.program.program.checks) + 1)

    def place(self) -> None:
        """Memory for the outputs whose size is known by now, and an arena as large as it must be by now."""
        values, memory = self.values, self.memory
        for k, (param, needs) in enumerate(zip(self.signature.outputs, self.program.needs)):
            if self.outputs[k] is None and needs <= values.keys():
                self.outputs[k] = self.fresh(k, [self.size(d) for d in param.type.shape], param.type.dtype)
        wanted = self.program.late.arena(values, self._evaluated) if self.program.late else self.size(self.signature.arena)
        if wanted > memory.arena_size:
            grown = memory.allocate(wanted)
            if memory.arena_size:
                self.device.copy(grown, memory.arena_at, memory.arena_size)
            memory.arena_at, memory.arena_size = grown, wanted

    def fresh(self, k: int, shape: list[int], dtype: DType):
        """What output ``k`` is going to be."""
        if not self.residents or dtype is dt.string:
            return np.empty(shape, dtype.numpy)
        made = Resident(self.device, dtype.numpy, tuple(shape))
        if not self.program.worth_recording:
            self.direct["output", k] = made.reserved()
        return made

    def upload(self) -> None:
        """Bring the inputs to the device, those that lie there to where this run has them."""
        for k, array in enumerate(self.inputs):
            if array.dtype == object or not array.nbytes or ("input", k) in self.direct:
                continue
            if isinstance(array, Resident):
                self.device.copy(self.place_at("input", k), array.address(), array.nbytes)
            else:
                self.device.upload(self.place_at("input", k), array)

    # ------------------------------------------------------------------------------------------ places

    def bytes(self, name: str) -> int:
        """The size of a buffer."""
        type = self.program.buffers[name].type
        return self.size(type.size) * type.dtype.size

    def address(self, name: str) -> int:
        """Where a buffer lies on the device now."""
        where, what = self.program.buffers[name].place
        if where == "row":
            whole, number = what
            row = self.counters[number] if number in self.counters else self.scalar(number, np.int64)
            return self.address(whole) + row * self.bytes(name)
        return self.place_at(where, what)

    def place_at(self, where: str, what) -> int:
        """The address of a place as in ``ir.program.Buffer``."""
        memory = self.memory
        if where == "arena":
            return memory.arena_at + self.size(what)
        if where == "constant":
            return self.program.constants_at + self.size(what)
        if where == "output" and what in self.program.donated:
            where, what = "input", self.program.donated[what]
        found = self.direct.get((where, what)) or memory.places.get((where, what))
        if found is None:
            array = (self.inputs if where == "input" else self.outputs)[what]
            found = memory.places[where, what] = memory.allocate(array.nbytes)
        return found

    def scalar(self, name: str, dtype) -> int:
        """The number in a buffer, once everything before is done."""
        found = np.empty((), dtype)
        self.device.download(found, self.address(name))
        return int(found)

    # ------------------------------------------------------------------------------------------- steps

    def do(self, steps: tuple) -> None:
        """Steps in order."""
        for step in steps:
            match step:
                case Launch():
                    self.launch(step)
                case Copy(source, target):
                    size = self.bytes(source)
                    a, b = self.address(target), self.address(source)
                    if size and a != b:
                        self.device.copy(a, b, size)
                case Host():
                    self.host(self.program.host_steps[id(step)])
                case Branch(condition, then, orelse):
                    self.do(then if self.scalar(condition, np.uint8) else orelse)
                case Refuse(code):
                    number = self.scalar(code, np.int32)
                    if number:
                        self.program.failed(number + len(self.program.program.checks) + 1)
                case Repeat():
                    self.repeat(step)
                case _:
                    raise CompileError(f"a device does not know {type(step).__name__} steps")

    def launch(self, step: Launch) -> None:
        """Launch a kernel, if it has anything to do."""
        grid = self.size(step.grid)
        if grid <= 0:
            return
        addresses = list(map(self.address, step.args))
        mapped = {m.argument: self.tensor_map(m, addresses[m.argument]) for m in step.maps}
        arguments = packed_arguments(addresses, mapped, list(map(self.size, step.dims)))
        arrays = [a for k, a in enumerate(step.args) if k not in mapped]
        sizes = tuple(map(self.bytes, arrays)) if self.device.gpu.is_emulated else None
        self.device.launch(self.program.functions[step.kernel], grid, step.threads, step.shared, arguments, sizes)

    def tensor_map(self, m: TensorMap, address: int) -> bytes:
        """The bytes of a map of what lies at an address, made once for this memory."""
        known = self.memory.maps
        found = known.get((m, address))
        if found is None:
            if len(known) >= _MAPS:  # addresses of Residents that come and go
                known.clear()
            found = known[m, address] = self.device.tensor_map(address, m.type.dtype, m.sizes, m.strides, m.box[::-1])
        return found

    def repeat(self, step: Repeat) -> None:
        """A loop: the device computes whether it goes on, or it is counted."""
        if step.condition is not None:
            self.do(step.test)
            while self.scalar(step.condition, np.uint8):
                self.do(step.body)
                self.do(step.test)
            return
        for k in range(self.size(step.count)):
            if step.counter is not None:
                self.counters[step.counter] = k
                self.device.upload(self.address(step.counter), np.array(k, np.int64))
            self.do(step.body)
        self.counters.pop(step.counter, None)

    # ------------------------------------------------------------------------------------------- the host

    def view(self, type: Type, place: tuple) -> np.ndarray:
        """A copy of what lies at a place; the host's own array where the device changes nothing there."""
        where, what = place
        unchanged = where == "constant" or (where == "input" and what not in self.program.donated.values())
        if unchanged and where == "input" and isinstance(self.inputs[what], Resident):
            return self.inputs[what].array().reshape(-1).view(type.dtype.numpy).reshape([self.size(d) for d in type.shape])
        if type.dtype is dt.string or unchanged:
            return super().view(type, place)
        found = np.empty([self.size(d) for d in type.shape], type.dtype.numpy)
        if found.nbytes:
            self.device.download(found, self.place_at(where, what))
        return found

    def keep(self, type: Type, place: tuple, array: np.ndarray) -> None:
        if type.dtype is dt.string:
            super().keep(type, place, array)
        elif array.nbytes:
            self.device.upload(self.place_at(*place), np.ascontiguousarray(array))

    def fetch(self) -> None:
        """Bring the outputs to the host, or to Residents; where all of them stay, nobody waits for the device."""
        if not all(isinstance(array, Resident) for array in self.outputs):
            self.device.synchronise()
        for k, array in enumerate(self.outputs):
            if isinstance(array, Resident):
                address, target = self.place_at("output", k), array.reserved()
                if array.nbytes and address != target:
                    self.device.copy(target, address, array.nbytes)
                array.written()
            elif array.dtype != object and array.nbytes:
                self.device.download(array, self.place_at("output", k))
