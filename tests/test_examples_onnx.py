"""The programs of examples/onnx on models that packages ship: they give the known answers."""

import importlib.util
from pathlib import Path

import example_programs
import numpy as np
import pytest
from example_programs import expect_tested_and_listed

ROOT = Path(__file__).resolve().parent.parent


def run(program, *arguments, cwd, **environment):
    return example_programs.run(f"onnx/{program}", *arguments, cwd=cwd, **environment).stdout


def needs(package):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed: pip install --no-deps {package.replace('_', '-')}")


def package_file(package, file):
    needs(package)
    return Path(next(iter(importlib.util.find_spec(package).submodule_search_locations))) / file


def test_every_example_is_tested_and_listed():
    expect_tested_and_listed("onnx", Path(__file__).read_text(), helpers=("packaged",), page=125)


def test_file_type(tmp_path):
    needs("magika")
    (tmp_path / "picture.dat").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)) * 8)
    (tmp_path / "page.txt").write_text("<!DOCTYPE html>\n<html><head><title>x</title></head><body><p>Hello</p></body></html>\n" * 3)
    out = run("file_type", ROOT / "README.md", ROOT / "graphc/cli/compile.py", ROOT / "pyproject.toml", "picture.dat", "page.txt",
              cwd=tmp_path)  # fmt: skip
    found = [line.split(": ")[1].split(" ")[0] for line in out.splitlines()]
    assert found == ["markdown", "python", "toml", "png", "html"]


def test_speech(tmp_path):
    needs("silero_vad")
    recording = package_file("pyannote", "audio/sample/sample.wav")
    out = run("speech", recording, cwd=tmp_path).splitlines()
    assert out == ["speech from 6.8 s to 7.2 s", "speech from 7.6 s to 17.9 s", "speech from 18.1 s to 21.6 s",
                   "speech from 21.8 s to 30.0 s", "74% of 30.0 s is speech"]  # fmt: skip


def test_silence(tmp_path):
    import wave

    needs("silero_vad")
    noise = (np.random.default_rng(0).standard_normal(16000) * 100).astype("<i2")
    with wave.open(str(tmp_path / "noise.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(noise.tobytes())
    assert run("speech", "noise.wav", cwd=tmp_path) == "0% of 1.0 s is speech\n"


def test_read_text(tmp_path):
    needs("rapidocr")
    pytest.importorskip("PIL")
    out = run("read_text", cwd=tmp_path)
    assert [line.split("  (")[0] for line in out.splitlines()] == ["Hello graphc 2026", "one compile serves", "every batch size"]


def test_fine_tune(tmp_path):
    out = run("fine_tune", cwd=tmp_path)
    before, after = (line.split("accuracy on digits below 5 ")[1] for line in out.splitlines() if "accuracy" in line)
    assert "image: float32[" in out and "last_w" in out
    assert before.startswith("1.0") and before.endswith("on the others 0.0000")
    assert float(after.split(",")[0]) > 0.9 and float(after.split()[-1]) > 0.88
