"""pycuda, unchanged, on a CUDA driver whose device is the host: fetched by pip, built by g++, kept in a folder.

``python tests/fakecuda/build.py`` fetches and builds, with ``--fetch`` it only fetches; tests only build (``built``). What
``--optimise`` builds is also good for a real driver of CUDA 13.

No CUDA toolkit is needed: NVIDIA's header packages have what pycuda includes. Its own build takes two minutes of processor
time, which goes into optimising code that tests run a few hundred times; two translation units without optimisation take 15
seconds.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
PYCUDA = "pycuda==2026.1"
HEADERS = ("nvidia-cuda-runtime==13.0.*", "nvidia-cuda-profiler-api==13.0.*", "nvidia-cuda-crt==13.0.*")
DEFINES = (  # what pycuda's setup.py defines for the Boost that it ships
    "BOOST_ALL_NO_LIB=1", "BOOST_THREAD_BUILD_DLL=1", "BOOST_MULTI_INDEX_DISABLE_SERIALIZATION=1", "BOOST_PYTHON_SOURCE=1",
    "boost=pycudaboost", "BOOST_THREAD_DONT_USE_CHRONO=1", "PYGPU_PACKAGE=pycuda", "PYGPU_PYCUDA=1",
)  # fmt: skip
WRAPPER = ("src/wrapper/wrap_cudadrv.cpp", "src/wrapper/mempool.cpp", "src/cpp/cuda.cpp", "src/cpp/bitlog.cpp")
ELSEWHERE = ("win32", "tss_null", "once_atomic", "future")  # Boost's files for other systems


class Missing(Exception):
    """Why there is no fake CUDA here."""


def folder() -> Path:
    """Where it is kept: GRAPHC_FAKE_CUDA, or a folder of the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(os.environ.get("GRAPHC_FAKE_CUDA") or os.path.join(cache, "graphc-fakecuda"))


def fetch() -> None:
    """Download the sources of pycuda and the headers, 4 MB in all, where they are not there yet."""
    place = folder() / "fetched"
    place.mkdir(parents=True, exist_ok=True)
    with _locked():
        if _sources():
            return
        pip = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "-d", str(place)]
        subprocess.run([*pip, *HEADERS], check=True)
        subprocess.run([*pip, "--no-binary=pycuda", PYCUDA], check=True)


def built(optimise: bool = False) -> dict[str, str]:
    """The environment of a process in which ``import pycuda.driver`` meets the fake driver; builds it the first time.

    Args:
        optimise: pycuda is to be used with a real driver; that takes a little longer to build.

    Raises:
        Missing: it was not fetched, or there is no compiler; the message says what to do.
    """
    import numpy as np  # whoever only fetches need not have it

    if not (shutil.which("g++") and shutil.which("gcc")):
        raise Missing("there is no g++ to build pycuda with")
    own = b"".join(file.read_bytes() for file in sorted(HERE.glob("*.[ch]")) + [Path(__file__)])
    what = hashlib.sha256(own + f"{sys.implementation.cache_tag} {np.__version__} {optimise}".encode()).hexdigest()[:16]
    place = folder() / what
    if not place.exists():
        with _locked():  # waits for whoever fetches or builds
            sources = _sources()
            if not sources:
                raise Missing("pycuda's sources are not here: python tests/fakecuda/build.py fetches and builds them")
            if not place.exists():
                with tempfile.TemporaryDirectory(dir=folder()) as work:
                    _build(Path(work), sources, np.get_include(), "-O2" if optimise else "-O0")
                    os.rename(Path(work, "out"), place)
    return {"LD_LIBRARY_PATH": str(place), "PYTHONPATH": str(place / "site")}


@contextmanager
def _locked() -> Iterator[None]:
    """One process at a time; others wait."""
    if not folder().exists():
        yield
        return
    with open(folder() / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sources() -> list[Path]:
    """The archive of pycuda and the wheels of headers, or nothing where one is missing."""
    names = ["pycuda-*.tar.gz", *(name.split("==")[0].replace("-", "_") + "-*.whl" for name in HEADERS)]
    found = [sorted((folder() / "fetched").glob(name)) for name in names]
    return [files[-1] for files in found if files] if all(found) else []


def _build(work: Path, sources: list[Path], numpy: str, level: str) -> None:
    with tarfile.open(sources[0]) as archive:
        archive.extractall(work, filter="data")
    for wheel in sources[1:]:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(work / "headers")
    pycuda, out = next(work.glob("pycuda-*")), work / "out"
    site = out / "site" / "pycuda"
    shutil.copytree(pycuda / "pycuda", site)
    boost = pycuda / "bpl-subset" / "bpl_subset"
    (boost / "pycudaboost").symlink_to("boost")
    files = [f for f in sorted((boost / "libs").rglob("*.cpp")) if not any(name in str(f.relative_to(boost)) for name in ELSEWHERE)]
    _unit(work / "boost.cpp", files)
    _unit(work / "driver.cpp", [pycuda / name for name in WRAPPER])
    cuda = next((work / "headers").rglob("cuda.h")).parent
    include = [pycuda / "src/cpp", pycuda / "src/wrapper", boost, cuda, sysconfig.get_paths()["include"], numpy]
    cxx = ["g++", level, "-w", "-fPIC", *(f"-I{path}" for path in include), *(f"-D{name}" for name in DEFINES)]
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    library = ["gcc", "-std=gnu11", "-O1", "-Wall", "-fPIC", "-shared", "-Wl,-soname,libcuda.so.1", f"-I{cuda}"]
    _together(
        [*cxx, "-c", work / "driver.cpp", "-o", work / "driver.o"],
        [*cxx, "-c", work / "boost.cpp", "-o", work / "boost.o"],
        [*cxx, "-shared", "-s", pycuda / "src/wrapper/_pvt_struct_v3.cpp", "-o", site / f"_pvt_struct{suffix}"],
        [*library, *sorted(HERE.glob("*.c")), "-o", out / "libcuda.so.1", "-ldl", "-lpthread"],
    )
    objects = [work / "driver.o", work / "boost.o", out / "libcuda.so.1"]
    _together(["g++", "-shared", "-s", *objects, "-Wl,--no-as-needed", "-o", site / f"_driver{suffix}"])


def _unit(path: Path, files: list[Path]) -> None:
    path.write_text("".join(f'#include "{file}"\n' for file in files))


def _together(*commands: list) -> None:
    """Run compilers at the same time."""
    running = [subprocess.Popen([str(word) for word in command], stderr=subprocess.PIPE, text=True) for command in commands]
    for process in running:
        _, errors = process.communicate()
        if process.returncode:
            raise Missing(f"pycuda cannot be built for the fake driver: {errors[:2000]}")


if __name__ == "__main__":
    fetch()
    if "--fetch" not in sys.argv:
        print(" ".join(f"{name}={value}" for name, value in built("--optimise" in sys.argv).items()))
