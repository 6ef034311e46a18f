"""What tests on a CUDA device share. Without one they are skipped, and say why.

``GRAPHC_TEST_GPU=cuda-emulated`` rehearses those that need no more than compiled programs, slowly.
"""

import os

import pytest

from graphc.errors import DeviceUnavailable
from graphc.ir.gpu import CUDA
from graphc.runtime.cuda.driver import open_device

WANTED = os.environ.get("GRAPHC_TEST_GPU", CUDA)


@pytest.fixture(scope="session")
def target() -> str:
    """The target to compile for."""
    if WANTED == CUDA:
        _expect_device()
    return WANTED


@pytest.fixture(scope="session")
def device():
    """The first CUDA device."""
    if WANTED != CUDA:
        pytest.skip(f"{WANTED} is no CUDA device")
    return _expect_device()


def _expect_device():
    try:
        return open_device()
    except DeviceUnavailable as error:
        pytest.skip(str(error))
