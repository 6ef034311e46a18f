"""The peers' virtual environments, and the variants in which each peer is measured."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from dataclasses import dataclass, field
from pathlib import Path

TOOLS = Path(__file__).resolve().parent.parent
NOT_SET_UP = "not set up"  # begins the note of a peer whose environment is missing
ONNX = "onnx==1.23.2"
KERAS = "keras==3.15.1"
PACKAGES = {  # environment: what pip installs
    "torch": ("--extra-index-url=https://download.pytorch.org/whl/cpu", "torch==2.13.0", "numpy==2.4.6", "setuptools", KERAS),
    "jax": ("jax==0.10.2", "numpy==2.4.6", KERAS),
    "onnxruntime": ("onnxruntime==1.31.1", ONNX, "numpy==2.4.6"),
    "openvino": ("openvino==2026.4.1", ONNX, "numpy==2.4.6"),
    "tensorflow": ("tensorflow-cpu==2.21.0", KERAS),
}


@dataclass(frozen=True)
class Variant:
    """One way of measuring a peer: its file in ``peers``, the environment that it runs in, None for this one."""

    module: str
    variant: str = ""
    environment: str | None = None
    settings: dict[str, str] = field(default_factory=dict)


VARIANTS = {
    "graphc": Variant("graphc"),
    "numpy": Variant("numpy"),
    "torch": Variant("torch", "eager", "torch"),
    "torch.compile": Variant("torch", "compile", "torch"),
    "jax": Variant("jax", "", "jax"),
    "tensorflow": Variant("tensorflow", "", "tensorflow"),
    "tensorflow-xla": Variant("tensorflow", "xla", "tensorflow"),
    "onnxruntime": Variant("onnxruntime", "", "onnxruntime"),
    "openvino": Variant("openvino", "", "openvino"),
}


def variants_of(peers: list[str]) -> list[str]:
    """The variants that names of peers or variants choose, graphc first: all ratios are to it."""
    unknown = [p for p in peers if p not in VARIANTS and p not in {v.module for v in VARIANTS.values()}]
    if unknown:
        raise SystemExit(f"no peers {', '.join(unknown)}; there are {', '.join(VARIANTS)}")
    return ["graphc"] + [k for k, v in VARIANTS.items() if k != "graphc" and (k in peers or v.module in peers)]


def default_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "graphc-bench"


def interpreter(variant: Variant, folder: Path) -> str | None:
    """The Python that runs a variant, None where its environment is missing."""
    if variant.environment is None:
        return sys.executable
    python = folder / variant.environment / "bin" / "python"
    return str(python) if python.exists() else None


def setup_commands(name: str, folder: Path) -> list[list[str]]:
    """The command lines that fill an environment."""
    python = str(folder / name / "bin" / "python")
    return [[python, "-m", "pip", "install", "--quiet", *PACKAGES[name]]]


def setup(names: list[str], folder: Path) -> None:
    """Make the environments, or fill those that are there with the pinned versions."""
    for name in names:
        if name not in PACKAGES:
            raise SystemExit(f"no environment {name}; there are {', '.join(PACKAGES)}")
        print(f"{name}: {folder / name}", flush=True)
        try:
            venv.create(folder / name, with_pip=True, symlinks=True)
        except OSError as e:
            raise SystemExit(f"{folder / name}: {e.strerror}") from None
        for command in setup_commands(name, folder):
            if subprocess.run(command, check=False).returncode:
                raise SystemExit(f"{name}: pip could not install {' '.join(PACKAGES[name])}; its message is above")


def surroundings(variant: Variant, threads: int) -> dict[str, str]:
    """The environment variables of a peer's process."""
    kept = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}  # it would handicap NumPy
    path = [str(TOOLS), kept.get("PYTHONPATH", "")]
    if variant.module == "graphc":
        path.insert(1, str(TOOLS.parent))
    counts = dict.fromkeys(
        ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "GRAPHC_NUM_THREADS"), str(threads)
    )
    settings = {
        "PYTHONPATH": os.pathsep.join(p for p in path if p),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
    }
    if threads == 1:
        settings["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    return kept | counts | settings | variant.settings
