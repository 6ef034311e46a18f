"""What went wrong on a CUDA device, or why pycuda does not work, in words that say what to do about it."""

from __future__ import annotations

from graphc.errors import DeviceError, DeviceUnavailable, GraphcError, ResourceExhaustedError
from graphc.ir.gpu import CUDA

OUT_OF_MEMORY, INVALID_IMAGE = 2, 200
_BAD_IMAGES = {INVALID_IMAGE, 209, 218, 222, 223}  # and NO_BINARY_FOR_GPU, INVALID_PTX, UNSUPPORTED_PTX_VERSION, JIT disabled
# After these the driver refuses every other call of the process, see cuda.h on CUDA_ERROR_ILLEGAL_ADDRESS.
_FAULTS = {
    214: "memory that is broken (ECC)",
    700: "an address that is not its own",
    702: "more time than the system grants it; a device that also drives a display has such a limit",
    710: "a failed assertion",
    714: "a damaged stack",
    715: "an illegal instruction",
    716: "a misaligned address",
    717: "an address of the wrong kind",
    718: "a jump to nowhere",
    719: "a failure that the driver does not explain",
}
CODES = (*_BAD_IMAGES, OUT_OF_MEMORY, *_FAULTS)


def no_pycuda(error: ImportError, driver: int) -> DeviceUnavailable:
    """pycuda cannot be imported though there is a driver (whose CUDA version is given)."""
    extra = "cuda12" if driver < 13000 else "cuda13"
    if isinstance(error, ModuleNotFoundError) and (error.name or "").partition(".")[0] == "pycuda":
        why = f"the Python package pycuda is missing: pip install 'graphc[{extra}]'"
    elif "undefined symbol" in str(error):
        why = (
            f"pycuda was built with headers of a newer CUDA than the driver's, which is {_version(driver)} ({error}). Update the "
            "driver, or build pycuda with a toolkit of the driver's version: "
            "pip install --force-reinstall --no-cache-dir --no-binary pycuda pycuda"
        )
    else:
        why = f"pycuda does not work: {error}. Build it anew: pip install --force-reinstall --no-cache-dir pycuda"
    return DeviceUnavailable(f"{CUDA}: {why}")


class Failures:
    """Makes graphc's errors of those of pycuda for one device.

    Attributes:
        lost: what later calls are told after a kernel faulted, as the driver takes none any more; None while all is well.
    """

    def __init__(self, device: str, arch: str, code_of: dict[str, int], driver: int):
        """Args: ``arch``: what code for it is made for. ``code_of``: the numbers of errors by the driver's words for them."""
        self.device, self.lost = device, None
        self._arch = arch
        self._code_of, self._driver = code_of, driver

    def expect_usable(self) -> None:
        """Raises DeviceError where the device was lost."""
        if self.lost is not None:
            raise DeviceError(self.lost)

    def words(self, code: int) -> str:
        """What the driver says about an error that is told apart."""
        return next((words for words, number in self._code_of.items() if number == code), "an error of the driver")

    def code(self, error: Exception) -> int | None:
        """The driver's number of an error, where it is one that is told apart."""
        text = str(error).partition(" failed: ")[2]
        return next((code for words, code in self._code_of.items() if text.startswith(words)), None)

    def explain(self, error: Exception, doing: str, kernels: tuple[str, ...] = ()) -> GraphcError:
        """The error to raise.

        Args:
            doing: what was asked for, such as ``loading a module``.
            kernels: those that ran since it is known that all was well.
        """
        code = self.code(error)
        if code in _FAULTS:
            return self._fault(code, error, kernels)
        if code in _BAD_IMAGES:
            return DeviceUnavailable(
                f"{self.device}: the driver does not take the code made for {self._arch}: {error}. The driver runs code of CUDA "
                f"{_version(self._driver)} and older for this device: update it, or compile with its version "
                f"(pip install 'graphc[cuda{self._driver // 1000}]') for the device's own architecture"
            )
        if code == OUT_OF_MEMORY:
            return ResourceExhaustedError(f"{self.device}: {doing}: the device has not enough memory left ({error})")
        return DeviceError(f"{self.device}: {doing}: {error}")

    def give_up(self, error: Exception, kernels: tuple[str, ...]) -> None:
        """Let later calls be refused after an error that leaves the device unusable."""
        self.explain(error, "leaving the device", kernels)
        self.lost = self.lost or f"{self.device} was lost: {error}"

    def _fault(self, code: int, error: Exception, kernels: tuple[str, ...]) -> DeviceError:
        if len(kernels) == 1:
            who = f"kernel {kernels[0]}"
        elif kernels:
            who = f"one of the kernels {', '.join(kernels)} (GRAPHC_CUDA_SYNC=1 tells which)"
        else:
            who = "a kernel of this process"
        self.lost = self.lost or (
            f"{self.device} was lost when {who} met {_FAULTS[code]}: the driver takes no more calls of this process, and what "
            "was on the device is gone. Start a new process to use it again; values and programs on the CPU still work"
        )
        return DeviceError(
            f"{self.device}: {who} met {_FAULTS[code]} ({error}). The device is lost to this process, with all that was on it; "
            "values and programs on the CPU still work. The same program on target cuda-emulated says where it happens",
            kernels=kernels,
        )


def _version(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}"
