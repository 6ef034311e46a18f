"""LLVM IR text to object code or assembly. The only file that imports llvmlite; imported only to compile."""

from __future__ import annotations

import contextlib
import ctypes
import queue
import re
import threading

import llvmlite
import llvmlite.binding as llvm

from graphc.errors import CompileError
from graphc.ir.target import Target
from graphc.runtime.pool import usable_cpus

llvm.initialize_native_target()
llvm.initialize_native_asmprinter()
llvm.initialize_native_asmparser()

VERSION = f"llvmlite {llvmlite.__version__} llvm {'.'.join(map(str, llvm.llvm_version_info))}"
"""What made the code, as one part of a cache key."""

_machines: dict[Target, llvm.TargetMachine] = {}
_lock = threading.Lock()
_WORTH_A_THREAD = 40_000  # characters of a text, some 15 milliseconds of work
_MOST_THREADS = 3  # that compile beside the one that writes texts
_ABI_NAMES = {"riscv64": "lp64d"}
_LINE = re.compile(r"(?:<string>|IR|^[^:\n]*):(\d+):(\d+):")


def compile_object(text: str, target: Target, by_hand: bool = False) -> bytes:
    """Compile one module to a relocatable, position independent ELF object.

    Args:
        text: a whole module. Its data layout and triple are set from ``target``.
        by_hand: the code was written by people, and is simplified before; generated code is already in its final form.

    Raises:
        CompileError: LLVM does not accept the text; the message shows the line.
    """
    with _lock, contextlib.nullcontext() if by_hand else _SETTINGS:
        machine = _machine(target)
        module = _parsed(text, target, machine)
        if by_hand:
            _simplify(module, machine)
        return machine.emit_object(module)


class _Settings:
    """LLVM's settings, which are the whole process's, while it works on generated code; others find them as they were.

    Our loops step through memory by themselves, addresses stand in the blocks that use them, and instructions in the
    order in which they should run. Looking for better steps (loop strength reduction) takes two fifths of the time of code
    generation and makes more code that is no faster; moving addresses (preparation of code generation) and reordering
    instructions before registers are chosen take a fifth of the rest, looking for equal instructions and copies a
    twentieth, and they find nothing either.
    """

    ON = ("-disable-lsr=true", "-disable-cgp=true", "-enable-misched=false", "-disable-machine-cse=true", "-disable-copyprop=true")
    OFF = ("-disable-lsr=false", "-disable-cgp=false", "-enable-misched=true", "-disable-machine-cse=false", "-disable-copyprop=false",
           "-min-jump-table-entries=4")  # which LLVM's WebAssembly target changes for all targets  # fmt: skip

    def __init__(self):
        self._users, self._changing = 0, threading.Lock()

    def __enter__(self) -> None:
        self._change(1)

    def __exit__(self, *_) -> None:
        self._change(-1)

    def _change(self, by: int) -> None:
        with self._changing:
            before, self._users = self._users, self._users + by
            if not before or not self._users:
                for option in self.ON if self._users else self.OFF:
                    llvm.set_option("graphc", option)


_SETTINGS = _Settings()


class Batch:
    """Modules that become objects while later ones are still being written.

    LLVM generates code without holding Python's lock, so threads do that beside the one that calls ``add``. Each module
    has a context, and each thread a machine, of its own; what is computed does not depend on who does it.
    """

    def __init__(self, target: Target):
        self._target = target
        self._units: list[_Unit] = []
        self._waiting: queue.SimpleQueue = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> "Batch":
        _SETTINGS.__enter__()
        return self

    def __exit__(self, *_) -> None:
        self._work(None, wait=False)  # where an error came, nobody wants what still waits
        self._end()
        _SETTINGS.__exit__()

    def add(self, text: str, target: Target | None = None, by_hand: bool = False) -> None:
        """Take one more module.

        Args:
            target: where it is for another one than the others.
            by_hand: see ``compile_object``.

        Raises:
            CompileError: LLVM does not accept the text; the message shows the line.
        """
        with _lock:
            unit = _Unit(text, target or self._target, by_hand)
        self._units.append(unit)
        self._waiting.put(unit)
        long = len(text) >= _WORTH_A_THREAD or by_hand
        if long and len(self._threads) < min(usable_cpus() - 1, _MOST_THREADS):
            self._start()

    def objects(self) -> list[bytes]:
        """The object of every module, in the order in which they were added.

        Raises:
            CompileError: LLVM could not make one.
        """
        with _lock:
            self._work(_machines, wait=False)
        self._end()
        for unit in self._units:
            if unit.error is not None:
                raise CompileError(f"LLVM makes no machine code of a module: {unit.error}")
        return [unit.code for unit in self._units]

    def _start(self) -> None:
        thread = threading.Thread(target=self._work, args=({},), name="graphc-compile", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter ends, or there are too many: who waits does it all
            return
        self._threads.append(thread)

    def _work(self, machines: dict[Target, llvm.TargetMachine] | None, wait: bool = True) -> None:
        """Compile what waits until there is no more, each with the machine for its target; without machines, drop it."""
        while True:
            try:
                unit = self._waiting.get(wait)
            except queue.Empty:
                return
            if unit is None:
                return
            if machines is not None:
                unit.compile(machines)
            unit.close()

    def _end(self) -> None:
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()


class _Unit:
    """One module in a context of its own, and the object or the error that came of it."""

    def __init__(self, text: str, target: Target, by_hand: bool = False):
        self.target, self.by_hand = target, by_hand
        self.code: bytes | None = None
        self.error: Exception | None = None
        self.module: llvm.ModuleRef | None = None
        self.context = llvm.create_context()
        _contexts[id(self.context)] = self.context
        try:
            self.module = _parsed(text, target, _machine(target), self.context)
        except CompileError:
            self.close()
            raise

    def compile(self, machines: dict[Target, llvm.TargetMachine]) -> None:
        try:
            machine = _machine(self.target, machines)
            if self.by_hand:
                _simplify(self.module, machine)
            self.code = _encode(machine, self.module)
        except Exception as error:  # raised again by who waits for the object
            self.error = error

    def close(self) -> None:
        """Free the module, then its context; the other way round LLVM would crash."""
        if self.module is not None:
            self.module.close()
        self.context.close()
        _contexts.pop(id(self.context), None)


_contexts: dict[int, llvm.ContextRef] = {}  # kept here, as a garbage collector frees things in any order


def _unlocked() -> tuple[ctypes.CDLL, ctypes.PyDLL] | None:
    """LLVM's library twice: with Python's lock given back during a call, and with it kept for what takes no time.

    llvmlite's own functions hold one lock for all threads, which would let them wait for each other. None where llvmlite
    does not tell which library it uses.
    """
    try:
        path = llvm.ffi.lib._name
        long, short = ctypes.CDLL(path), ctypes.PyDLL(path)
        long.LLVMPY_TargetMachineEmitToMemory.restype = ctypes.c_void_p
        short.LLVMPY_GetBufferStart.restype, short.LLVMPY_GetBufferSize.restype = ctypes.c_void_p, ctypes.c_size_t
        for function in (short.LLVMPY_GetBufferStart, short.LLVMPY_GetBufferSize, short.LLVMPY_DisposeMemoryBuffer):
            function.argtypes = [ctypes.c_void_p]
    except (AttributeError, OSError, TypeError):
        return None
    return long, short


_LIBRARY = _unlocked()


def _encode(machine: llvm.TargetMachine, module: llvm.ModuleRef) -> bytes:
    """The object of a module, made while other threads run."""
    if _LIBRARY is None:
        return machine.emit_object(module)
    long, short = _LIBRARY
    message = ctypes.c_char_p()
    buffer = long.LLVMPY_TargetMachineEmitToMemory(machine, module, 1, ctypes.byref(message))
    if not buffer:
        raise RuntimeError((message.value or b"unknown error").decode(errors="replace"))
    try:
        return ctypes.string_at(short.LLVMPY_GetBufferStart(buffer), short.LLVMPY_GetBufferSize(buffer))
    finally:
        short.LLVMPY_DisposeMemoryBuffer(buffer)


def assembly(text: str, target: Target, by_hand: bool = False) -> str:
    """The assembly that ``compile_object`` would encode."""
    with _lock, contextlib.nullcontext() if by_hand else _SETTINGS:
        machine = _machine(target)
        module = _parsed(text, target, machine)
        if by_hand:
            _simplify(module, machine)
        return machine.emit_assembly(module)


def _machine(target: Target, machines: dict[Target, llvm.TargetMachine] = _machines) -> llvm.TargetMachine:
    """The one for a target among the machines of a thread, made if missing; by default those under the lock."""
    machine = machines.get(target)
    if machine is None:
        machine = machines[target] = _new_machine(target)
    return machine


def _family(target: Target) -> llvm.Target:
    """LLVM's description of the kind of processor; others than this machine's are prepared when one is wanted."""
    try:
        return llvm.Target.from_triple(target.triple)
    except RuntimeError:
        llvm.initialize_all_targets()
        llvm.initialize_all_asmprinters()
    try:
        return llvm.Target.from_triple(target.triple)
    except RuntimeError as error:
        raise CompileError(f"target {target.name}: LLVM knows no machine {target.triple!r} ({error})") from None


def _new_machine(target: Target) -> llvm.TargetMachine:
    family = _family(target)
    return family.create_target_machine(
        cpu=target.cpu,
        features=target.features,
        opt=2,
        reloc="pic" if target.threads else "static",  # what has no system has nobody who moves it
        codemodel="small",
        jit=False,
        abiname=_ABI_NAMES.get(target.triple.split("-")[0], ""),
    )


def _parsed(
    text: str, target: Target, machine: llvm.TargetMachine, context: llvm.ContextRef | None = None
) -> llvm.ModuleRef:
    module = None
    try:
        module = llvm.parse_assembly(text, context)
        module.verify()
    except RuntimeError as error:
        if module is not None:
            module.close()
        raise CompileError(_located(str(error), text)) from None
    module.triple = target.triple
    module.data_layout = str(machine.target_data)
    return module


def _located(message: str, text: str) -> str:
    """LLVM's complaint with the lines of the module that it points at."""
    message = message.strip()
    found = _LINE.search(message)
    if found is None:
        return f"LLVM does not accept the generated module: {message}"
    number = int(found.group(1))
    lines = text.splitlines()
    shown = range(max(0, number - 2), min(len(lines), number + 1))
    quoted = "\n".join(f"  {'>' if i == number - 1 else ' '} {i + 1}: {lines[i]}" for i in shown)
    return f"LLVM does not accept line {number} of the generated module: {message}\n{quoted}"


def _simplify(module: llvm.ModuleRef, machine: llvm.TargetMachine) -> None:
    """What code written by hand profits from. All of LLVM's passes take ten times as long, for calls that are no faster."""
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options())
    passes = llvm.create_new_module_pass_manager()
    passes.add_always_inliner_pass()
    passes.add_sroa_pass()
    passes.add_instruction_combine_pass()
    passes.add_simplify_cfg_pass()
    passes.add_new_gvn_pass()
    passes.add_dead_store_elimination_pass()
    passes.add_simplify_cfg_pass()
    if _LIBRARY is None:
        passes.run(module, builder)
    else:
        _LIBRARY[0].LLVMPY_RunNewModulePassManager(passes, module, builder)
