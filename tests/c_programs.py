"""Programs in C that tests compile and run."""

import shutil
import subprocess

import numpy as np
import pytest

CC = shutil.which("cc")
needs_cc = pytest.mark.skipif(CC is None, reason="needs a C compiler")


def run_example(folder, name, *sizes) -> dict[str, np.ndarray]:
    """What ``NAME_main.c`` prints, by the name of the output."""
    command = [CC, "-std=c11", "-Wall", "-Wextra", "-Werror", f"{name}_main.c", f"{name}.a", "-o", f"{name}.exe", "-lpthread"]
    subprocess.run(command, check=True, cwd=folder)
    done = subprocess.run([folder / f"{name}.exe", *map(str, sizes)], check=True, cwd=folder, capture_output=True, text=True)
    lines = [line.partition(": ") for line in done.stdout.splitlines()]
    return {label: np.array([float(x) for x in text.replace(" ...", "").split()]) for label, _, text in lines}


def expect_same_steps(shown: dict[str, np.ndarray], program, size: int) -> None:
    """The example of a step of training has shown the first elements of what three steps give in this process.

    Args:
        size: of all symbolic dimensions.
    """
    signature = program.signature
    owned = {place for _, place in signature.donated}
    given = [np.zeros([d if type(d) is int else size for d in p.type.shape], p.type.dtype.numpy) for p in signature.inputs]
    for array in [a for k, a in enumerate(given) if k not in owned and a.dtype == np.float32]:
        array.flat = np.arange(array.size) % 10 * np.float32(0.1)
    for _ in range(3):
        results = program(*given)
        for output, place in signature.donated:
            given[place] = results[output]
    assert any(given[place].any() for place in owned) and len(shown) == len(results)
    for text, array in zip(shown.values(), results):
        np.testing.assert_array_equal(text.astype(array.dtype), array.reshape(-1)[:8])
