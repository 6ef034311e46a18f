"""Planted faults in hand-written kernels: the emulator finds nine tenths of them at least."""

import pytest

from graphc.errors import DeviceError
from graphc.runtime.emulator.build import build
from graphc.runtime.emulator.device import ORDERS, EmulatedDevice
from tests.cuda.emulated_kernels import cases, is_right, kernel_texts, needs_compiler, run, text_of, whole
from tests.cuda.emulated_mutants import MUTANTS

FILES = ("exact", "tensor", "hopper")
FOUND_AT_LEAST = 0.98  # of the mutants that do something else; all of them when this was written


def _renamed(text: str, kernel: str, name: str) -> str:
    changed = text.replace(f" {kernel}(ARRAY", f" {name}(ARRAY")
    assert changed != text
    return changed


def _found(device: EmulatedDevice, kernel, case) -> bool:
    """Whether a report or a wrong result gives a kernel away, in one of the orders."""
    for device.order in ORDERS:
        try:
            if not is_right(case, run(device, kernel, case)):
                return True
        except DeviceError:
            return True
    return False


@needs_compiler
@pytest.mark.parametrize("file", FILES)
def test_planted_faults_are_found(file):
    """All kernels of a file, and all mutants of each under names of their own, are one text."""
    originals, known, device = kernel_texts(text_of(file)), cases(), EmulatedDevice()
    named = {f"{m.kernel}_{number}": m for number, m in enumerate(MUTANTS) if m.kernel in originals}
    texts = {name: _renamed(m.applied(originals[m.kernel]), m.kernel, name) for name, m in named.items()}
    names = (*originals, *named)
    image = build(whole("".join((*originals.values(), *texts.values()))), names)
    for name, text in texts.items():
        assert text.encode() in image, f"{name} is not what was compiled"
    loaded = device.load(image, names)
    for name in originals:
        assert not _found(device, loaded.function(name, known[name].shared), known[name]), f"{name} has no fault"
    missed = []
    for name, mutant in named.items():
        case = known[mutant.kernel]
        if not _found(device, loaded.function(name, case.shared), case) and not mutant.same:
            missed.append(mutant)
    wrong = [m for m in named.values() if not m.same]
    assert len(missed) <= (1 - FOUND_AT_LEAST) * len(wrong), missed
