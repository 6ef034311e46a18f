"""The hand-written kernels of the emulator's tests on a real device: layouts of fragments, swizzles, descriptors and phases."""

import numpy as np
import pytest

from graphc.runtime.cuda.images import compile_image
from tests.cuda.emulated_kernels import cases, is_right, kernel_texts, run, text_of, whole

pytestmark = pytest.mark.gpu
FILES = {name: file for file in ("exact", "tensor", "hopper", "forms") for name in kernel_texts(text_of(file))}
LEAST = {"exact": (7, 5), "tensor": (8, 0)}  # compute capability; the other files are for sm_90a


@pytest.mark.parametrize("name", FILES)
def test_kernels_of_the_emulator_give_the_same(device, name):
    file, case = FILES[name], cases()[name]
    if not (device.gpu.arch == "sm_90a" if file not in LEAST else device.gpu.capability >= LEAST[file]):
        pytest.skip(f"{device.gpu.arch} has not what {file}.cu uses")
    names = tuple(kernel_texts(text_of(file)))
    loaded = device.load(compile_image(whole(text_of(file)), device.gpu.arch, file).data, names)
    result = run(device, loaded.function(name, case.shared), case)
    assert is_right(case, result), f"wrong in these 8 x 8 blocks: {wrong_blocks(case, result)}"


def wrong_blocks(case, result: np.ndarray) -> list[tuple[int, ...]]:
    """Where results are off, which tells a layout from a swizzle from a phase."""
    off = np.abs(result.astype(np.float64) - case.result) > max(case.bound, 1e-6) * np.max(np.abs(case.result))
    return sorted({tuple(int(i) // 8 for i in place) for place in np.argwhere(off | np.isnan(result))})
