"""Everything that wants a GPU, in one run on a machine that has one and perhaps no network.

``gpu_run.py pack FOLDER --python python3.12`` makes, without a GPU or a CUDA toolkit, a folder of what such a machine may lack:
pycuda for its Python, and small packages. ``gpu_run.py run FOLDER --out DIR`` on that machine runs the doctor, tools/gpu_facts.py,
``pytest -m gpu`` and what ``--then`` says, keeps what they print in DIR, and prints a table last. Its status is that of the
worst step; 3 says that there is no device.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "tests" / "fakecuda" / "build.py"
PACKAGES = ("google-crc32c",)  # what machines for machine learning lack
_LINES = 12  # of a step that failed are printed
_LATE = 124


def main(arguments: list[str] | None = None) -> int:
    """Do one of the two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    packing = commands.add_parser("pack", help="make FOLDER, where there is a network and a C++ compiler")
    packing.add_argument("folder", type=Path, metavar="FOLDER")
    packing.add_argument("--python", default=sys.executable, metavar="PYTHON", help="of the version that the GPU's machine has")
    packing.add_argument("--package", action="append", default=[], metavar="NAME", help="one more to take along")
    packing.set_defaults(do=lambda o: pack(o.folder, o.python, (*PACKAGES, *o.package)))
    running = commands.add_parser("run", help="use FOLDER, where there is a GPU")
    running.add_argument("folder", type=Path, metavar="FOLDER")
    running.add_argument("--out", type=Path, required=True, metavar="DIR")
    running.add_argument("--seconds", type=float, default=540, help="for all steps together (default: %(default)s)")
    running.add_argument("--workers", type=int, default=min(8, os.cpu_count() or 1), help="of pytest (default: %(default)s)")
    running.add_argument("--then", action="append", default=[], metavar="COMMAND", help="arguments of one more python at the end")
    running.set_defaults(do=lambda o: run(o.folder, o.out, o.seconds, o.workers, o.then))
    options = parser.parse_args(arguments)
    return options.do(options)


def pack(folder: Path, python: str, packages: tuple[str, ...]) -> int:
    """Make the folder anew."""
    with tempfile.TemporaryDirectory() as work:
        subprocess.run([python, "-m", "venv", work], check=True)
        own = str(Path(work, "bin", "python"))
        pip = [own, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, "numpy>=2"], check=True)
        made = subprocess.run([own, str(BUILD), "--optimise"], check=True, capture_output=True, text=True).stdout
        site = Path(made.rpartition("PYTHONPATH=")[2].strip())
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(site, folder / "site")
        subprocess.run([*pip, "--no-deps", "--target", str(folder / "site"), *packages], check=True)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    print(f"{folder}: {size / 1e6:.1f} MB for {subprocess.run([python, '--version'], capture_output=True, text=True).stdout.strip()}")
    return 0


def run(folder: Path, out: Path, seconds: float, workers: int, then: list[str]) -> int:
    """Run all steps, each in the time that is left."""
    out.mkdir(parents=True, exist_ok=True)
    path = os.pathsep.join([str(ROOT), str((folder / "site").resolve()), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
    steps = {
        "doctor": "-m graphc doctor",
        "facts": f"tools/gpu_facts.py --json {shlex.quote(str(out.resolve() / 'facts.json'))}",
        "tests": f"-m pytest -m gpu tests/gpu -rs -n {workers} --durations=10",
        **{f"then{k}": command for k, command in enumerate(then)},
    }
    end, rows, worst = time.monotonic() + seconds, [], 0
    for name, command in steps.items():
        start = time.monotonic()
        try:
            done = subprocess.run(
                [sys.executable, *shlex.split(command)], cwd=ROOT, env=environment, timeout=max(1.0, end - start),
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL,
            )  # fmt: skip
            status, text = done.returncode, done.stdout
        except subprocess.TimeoutExpired as late:
            status, text = _LATE, (late.stdout or b"").decode(errors="replace") + f"\nended after {end - start:.0f} s"
        (out / f"{name}.txt").write_text(text)
        shown = text.splitlines() if name == "facts" or name.startswith("then") else text.splitlines()[-_LINES:]
        print(f"--- {name}: python {command}", *shown, sep="\n")
        rows.append(f"{name}: {'ok' if status == 0 else f'status {status}'}, {time.monotonic() - start:.1f} s")
        worst = max(worst, status if status >= 0 else 128 - status)
    print("---", *rows, sep="\n")
    return worst


if __name__ == "__main__":
    sys.exit(main())
