"""The code in the README and in the documents runs as it stands, and what they name exists."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.S)
# weights and bias of the line; the value and the slope of the loop; a row of the model; the line again; a softmax
ANSWERS = ([2.0, -1.0, 0.5], [1.21, 1.95], [3.0, 0.0, 0.5], [2.0, -1.0, 0.5], [0.09, 0.24, 0.67])


def run(code, folder):
    program = folder / "program.py"  # a file, as functions are converted from their source
    program.write_text(code)
    return subprocess.run([sys.executable, program], capture_output=True, text=True, cwd=folder)


@pytest.mark.parametrize("code, wanted", list(zip(EXAMPLES, ANSWERS, strict=True)), ids=("line", "loop", "model", "keras", "gpu"))
def test_the_examples_answer_as_they_should(code, wanted, tmp_path):
    if "cuda-emulated" in code and shutil.which("g++") is None:
        pytest.skip("needs g++, which makes kernels for GPUs into code for the CPU")
    done = run(code, tmp_path)
    assert done.returncode == 0, done.stderr
    numbers = [float(x) for x in re.findall(r"-?\d+\.\d+(?:e-?\d+)?", done.stdout)]
    assert [round(x, 2) for x in numbers] == wanted, done.stdout


def test_the_code_on_tensorflow_2_runs(tmp_path):
    page = (ROOT / "docs/tensorflow2.md").read_text()
    done = run("\n".join(re.findall(r"```python\n(.*?)```", page, re.S)), tmp_path)
    assert done.returncode == 0, done.stderr
    assert "graph @f(%x: f32[x_0,3])" in done.stdout and "program @f" in done.stdout


def test_the_code_on_onnx_runs(tmp_path):
    page = (ROOT / "docs/onnx.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, re.S)
    done = run("\n".join(b for b in blocks if "resnet" not in b), tmp_path)
    assert done.returncode == 0, done.stderr
    assert "<onnx model score.onnx: x: float32[x_0, 3] -> output_0: float32[x_0, 2]>" in done.stdout


def test_the_code_on_keras_runs(tmp_path):
    page = (ROOT / "docs/keras.md").read_text()
    done = run("\n".join(re.findall(r"```python\n(.*?)```", page, re.S)), tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("['loss'] (3, 1)\n") and done.stdout.endswith("\n(3, 1)\n")
    assert (tmp_path / "net_train.npz").exists()


def test_files_and_links_exist():
    for path in re.findall(r"\]\(([^)#]+)\)", README):
        assert path.startswith("http") or (ROOT / path).exists(), path
    for path in re.findall(r"(?:examples|tools)/\w+\.py", README):
        assert (ROOT / path).exists(), path


def test_there_is_one_command_to_run_and_one_to_test():
    for name in ("run", "test"):
        assert re.search(rf"<!-- {name} -->\n```sh\n[^`]+```", README), name


def has_newlib() -> bool:
    """Whether there is a C compiler for microcontrollers with its library."""
    compiler = shutil.which("arm-none-eabi-gcc")
    found = compiler and subprocess.run([compiler, "-print-file-name=rdimon.specs"], capture_output=True, text=True).stdout
    return bool(found) and Path(found.strip()).is_absolute()


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_the_code_on_programs_in_c_runs(tmp_path):
    page = re.sub(r"\n## GPUs\n.*?(?=\n## )", "", (ROOT / "docs/aot.md").read_text(), flags=re.S)  # see tests/cuda/test_cuda_aot_c.py
    done = run("\n".join(re.findall(r"```python\n(.*?)```", page, re.S)), tmp_path)
    assert done.returncode == 0, done.stderr
    (shell, command, cross), (own, start) = (re.findall(rf"```{kind}\n(.*?)```", page, re.S) for kind in ("sh", "c"))
    (tmp_path / "main.c").write_text(own)
    graphc = f'graphc() {{ "{sys.executable}" -m graphc "$@"; }}\n'
    subprocess.run(["sh", "-e", "-c", graphc + command], cwd=tmp_path, check=True)
    for file in ("one.so", "edited.so", "boards/digits.gc", "boards/aarch64/digits.so", "both.so", "both_check.gc"):
        assert (tmp_path / file).exists(), file
    shell += "cc -std=c11 -Wall -Wextra -Werror main.c digits.a -o own -lpthread\n./own\n"
    can_cross = shutil.which("aarch64-linux-gnu-gcc") and shutil.which("qemu-aarch64")
    shell += cross if can_cross else ""
    (board,) = re.findall(r"```\n(graphc compile digits.gc -o board.*?)```", page, re.S)
    has_board = shutil.which("qemu-system-arm") and has_newlib()
    (tmp_path / "start.c").write_text(start)
    shell += board if has_board else ""
    printed = subprocess.run(["sh", "-e", "-c", graphc + shell], cwd=tmp_path, capture_output=True, text=True)
    assert printed.returncode == 0, printed.stderr
    example, answer, *others = [line for line in printed.stdout.splitlines() if not line.startswith("wrote ")]
    assert others == [example] * (bool(can_cross) + bool(has_board))
    wanted = done.stdout.splitlines()[0].split()
    assert answer.split() == wanted and len(wanted) == 10
    assert example.split(":")[1].split() == [*wanted[:8], "..."]
    if shutil.which("node"):
        (script,) = re.findall(r"```js\n(.*?)```", page, re.S)
        (tmp_path / "main.mjs").write_text(script)
        name, *shown = subprocess.run(["node", "main.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout.split()
        assert name == "probabilities" and shown[:4] == ["[", "1,", "10", "]"]
        assert [float(x) for x in shown[4:]] == pytest.approx([float(x) for x in wanted], rel=1e-4)
