"""LLVM IR text to object code or assembly. The only file that imports llvmlite; imported only to compile."""

from __future__ import annotations

import re
import threading

import llvmlite
import llvmlite.binding as llvm

from graphc.errors import CompileError
from graphc.ir.target import Target

llvm.initialize_all_targets()
llvm.initialize_all_asmprinters()

VERSION = f"llvmlite {llvmlite.__version__} llvm {'.'.join(map(str, llvm.llvm_version_info))}"
"""What made the code, as one part of a cache key."""

_machines: dict[Target, llvm.TargetMachine] = {}
_lock = threading.Lock()
_ABI_NAMES = {"riscv64": "lp64d"}
_LINE = re.compile(r"(?:<string>|IR|^[^:\n]*):(\d+):(\d+):")


def compile_object(text: str, target: Target, speed_level: int = 0) -> bytes:
    """Compile one module to a relocatable, position independent ELF object.

    Args:
        text: a whole module. Its data layout and triple are set from ``target``.
        speed_level: 0 runs no mid-level pass, as generated code is already in its final form; 1 to 3 are for
            code written by hand as plain scalar loops.

    Raises:
        CompileError: LLVM does not accept the text; the message shows the line.
    """
    with _lock:
        machine = _machine(target)
        module = _parsed(text, target, machine)
        if speed_level:
            _optimize(module, machine, speed_level)
        return machine.emit_object(module)


def assembly(text: str, target: Target) -> str:
    """The assembly that ``compile_object`` would encode; for people to read."""
    with _lock:
        machine = _machine(target)
        return machine.emit_assembly(_parsed(text, target, machine))


def _machine(target: Target) -> llvm.TargetMachine:
    machine = _machines.get(target)
    if machine is None:
        try:
            family = llvm.Target.from_triple(target.triple)
        except RuntimeError as error:
            raise CompileError(f"target {target.name}: LLVM knows no machine {target.triple!r} ({error})") from None
        machine = family.create_target_machine(
            cpu=target.cpu,
            features=target.features,
            opt=2,
            reloc="pic",
            codemodel="small",
            jit=False,
            abiname=_ABI_NAMES.get(target.triple.split("-")[0], ""),
        )
        _machines[target] = machine
    return machine


def _parsed(text: str, target: Target, machine: llvm.TargetMachine) -> llvm.ModuleRef:
    try:
        module = llvm.parse_assembly(text)
        module.verify()
    except RuntimeError as error:
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


def _optimize(module: llvm.ModuleRef, machine: llvm.TargetMachine, speed_level: int) -> None:
    options = llvm.create_pipeline_tuning_options(speed_level=speed_level)
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
