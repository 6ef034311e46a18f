"""Options of one compilation. They are part of what a cached program is found by."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace

from graphc.ir.gpu import CUDA, EMULATED
from graphc.ir.machine import DEFAULT, Machine
from graphc.ir.parts import HOST

VERSION = "0.1.0"
INEXACT = ("fold_norm", "sum_order", "integer_products")  # what inference with trained weights can do with
TF32 = "tf32"
ALLOWED = (*INEXACT, TF32)


@dataclass(frozen=True)
class Options:
    """How to compile.

    Attributes:
        target: name of a target description (``graphc.ir.target.TARGETS``, ``graphc.ir.gpu.GPUS``); None for this machine.
            ``cuda`` (or ``cuda:1``) is the GPU of this number, whichever it is, and ``cuda-emulated`` the emulated one.
        fast_math: allow rewrites that change the last bits, such as reassociation. Off: results follow the NumPy
            definitions operation by operation.
        allow: of the rewrites that change the last bits, those that are wanted all the same (``fast_math`` wants all);
            ``ALLOWED`` has the names. ``fold_norm``: scales and offsets by constants after a convolution or product, as
            batch normalisation at inference, are put into its weights. ``sum_order``: a sum takes its elements in the
            order in which they lie after transpositions have been taken away. ``integer_products``: products of dequantised 8-bit numbers are summed as integers, exactly, and
            their scales are multiplied, and divided by that of a quantisation behind, beforehand. ``tf32``: on GPUs, tensor
            cores make products of f32, whose operands they round to 11 bits.
        cache: look for the program on disk and keep it there.
        checks: a run raises InvalidArgumentError where an index is out of range or an integer is divided by 0. Off, which
            the environment variable GRAPHC_CHECKS=0 makes the default: such results are 0.
        skip: names of passes to leave out, for finding the one at fault.
        machine: what schedules assume of the machine beside its instructions; ``graphc.aot.tune`` measures it. No number of
            it changes a bit of any result.
    """

    target: str | None = None
    fast_math: bool = False
    allow: tuple[str, ...] = ()
    cache: bool = True
    skip: tuple[str, ...] = ()
    checks: bool = field(default_factory=lambda: os.environ.get("GRAPHC_CHECKS", "1") != "0")
    machine: Machine = DEFAULT

    @property
    def device(self) -> str:
        """The name of the device that programs of these options run on, such as ``cuda:0``; ``cpu:0`` is the host."""
        kind, _, number = (self.target or "").partition(":")
        return f"{kind}:{number if number.isdigit() else 0}" if kind in (CUDA, EMULATED) else HOST

    def at(self, device: str) -> "Options":
        """The same options for programs of another device."""
        if device == self.device:
            return self
        kind, _, number = device.partition(":")
        return replace(self, target=None if device == HOST else kind if number == "0" else device)
