"""The benchmark's programs: under each peer that is here they give what NumPy gives in float64. Nothing is timed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.native import host_targets
from tools.bench import environments
from tools.bench.cli import chosen, parser
from tools.bench.peers import graphc as graphc_peer
from tools.bench.peers import graphc_model, layout, onnx_file
from tools.bench.peers import numpy as numpy_peer
from tools.bench.peers import onnxruntime as onnxruntime_peer
from tools.bench.worker import FILES
from tools.bench.workload import Workload, error, normal, reference
from tools.bench.workloads import WORKLOADS, convolutions, networks, products, reductions, sequences

pytestmark = pytest.mark.filterwarnings("ignore:another tf.function")
ROOT = Path(__file__).resolve().parent.parent
PEERS = {"numpy": numpy_peer, "graphc": graphc_peer, "onnxruntime": onnxruntime_peer}
OF_MODELS = PEERS | {"graphc": graphc_model}
SMALL = {  # sizes of the modules that make the workloads
    reductions: {"SQUARE": 17, "ROWS": 5, "LARGE": 33},
    networks: {"RESNET": ((4, 2, 1), (8, 1, 2)), "MOBILENET": ((1, 8, 1, 1), (6, 12, 2, 2))},
    sequences: {"STEPS": 5, "UNITS": 16, "LENGTH": 6, "WIDTH": 24, "HEADS": 3, "INNER": 40},
}
AS_THEY_ARE = ["scalar-add", "linear-regression-step", "mlp-1", "mlp-32", "mlp-adam-128", "lenet-1", "lenet-adam-64",
               "softmax-4096", "softmax-4096-gradient", "layernorm-8192x768", "layernorm-8192x768-gradient",
               "sum-8192-0", "sum-8192-1", "sum-8192-all", "lstm-128x100-1", "lstm-128x100-16", "transformer-block",
               "int8-dense-128x768x3072"]  # fmt: skip


def of_size(name: str, *shapes: tuple[int, ...]) -> Workload:
    return replace(WORKLOADS[name], make=lambda rng: ([normal(rng, *s) for s in shapes], {}))


def of_images(name: str) -> Workload:
    workload = WORKLOADS[name]
    return replace(workload, make=lambda rng: ([normal(rng, 1, 32, 32, 3)], workload.make(rng)[1]))


REDUCED = [
    of_size("chain-10m", (1001,), (1001,)),
    of_size("gradient-sin-1m", (1001,), (1001,)),
    of_size("transpose-4096", (17, 33)),
    of_size("gemm-256", (5, 17), (17, 33)),
    products._constant(3, 17, 33, "constant", "", 1),
    convolutions._conv("conv3x3", 7, 3, 5, 8),
    convolutions._conv("conv1x1", 5, 1, 16, 3),
    convolutions._conv("strided", 8, 3, 4, 4, 2),
    convolutions._depthwise("depthwise", 8, 6, 2),
]


def results(peer, workload: Workload, folder) -> list[np.ndarray]:
    """What a peer's process would hand over to be checked."""
    arrays, _ = workload.data()
    module = peer.__name__.rpartition(".")[2]
    if module in FILES:
        onnx_file.write(workload, layout.path(str(folder), module), FILES[module])
    built = peer.Built(workload, "-", 1, str(folder))
    if workload.numpy_io:
        return [np.asarray(built.numpy_call(arrays))]
    outputs = built.call(built.load(arrays))
    built.finish(outputs)
    return [np.array(a) for a in built.first(outputs)]


@pytest.fixture
def small(monkeypatch):
    for module, sizes in SMALL.items():
        for name, value in sizes.items():
            monkeypatch.setattr(module, name, value)


def check(peer: str, workload: Workload, folder) -> None:
    if workload.quantised and peer == "numpy":
        pytest.skip("nothing but the reference")
    if peer == "graphc" and not host_targets():
        pytest.skip("needs an x86-64 CPU")
    right = reference(workload, numpy_peer.Ops())
    try:
        found = results((OF_MODELS if workload.quantised else PEERS)[peer], workload, folder)
    except NotImplementedError as e:
        assert peer == "onnxruntime" and (workload.gradient or workload.training), e
        return
    assert error(workload, found, right) <= workload.tolerance


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("name", AS_THEY_ARE)
def test_a_workload(peer, name, small, tmp_path):
    check(peer, WORKLOADS[name], tmp_path)


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("workload", REDUCED, ids=lambda w: w.name)
def test_a_reduced_workload(peer, workload, tmp_path):
    check(peer, workload, tmp_path)


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("name", ["resnet50-1", "mobilenetv2-1", "int8-resnet50-1"])
def test_a_network_of_images(peer, name, small, tmp_path):
    check(peer, of_images(name), tmp_path)


def test_an_error_is_found():
    workload = WORKLOADS["mlp-1"]
    right = reference(workload, numpy_peer.Ops())
    assert error(workload, [right[0] * 1.001], right) > workload.tolerance
    assert error(workload, [], right) == error(workload, [right[0][0]], right) == np.inf
    assert error(workload, [np.full_like(right[0], np.nan)], right) == np.inf


def test_taps_on_the_padding_are_no_work():
    assert [convolutions._taps(7, 3, 1), convolutions._taps(7, 1, 1), convolutions._taps(8, 3, 2)] == [19, 7, 11]


def test_what_is_chosen():
    assert chosen(["gemm-5*"]) == ["gemm-512", "gemm-512-constant"]
    assert chosen(["sums of*", "mlp-1"]) == ["sum-8192-0", "sum-8192-1", "sum-8192-all", "mlp-1"]
    assert chosen([]) == list(WORKLOADS)
    with pytest.raises(SystemExit, match="no workload matches conv9"):
        chosen(["conv9"])
    assert environments.variants_of(["torch", "jax"]) == ["graphc", "torch", "torch.compile", "jax"]
    assert environments.variants_of(["torch.compile"]) == ["graphc", "torch.compile"]
    with pytest.raises(SystemExit, match="no peers caffe"):
        environments.variants_of(["caffe"])


def test_setting_up():
    (command,) = environments.setup_commands("jax", Path("/there"))
    assert command[:4] == ["/there/jax/bin/python", "-m", "pip", "install"] and all("==" in p for p in command[5:])
    assert {v.environment for v in environments.VARIANTS.values()} - {None} == set(environments.PACKAGES)
    with pytest.raises(SystemExit):
        parser().parse_args(["setup", "caffe"])


def test_processes_without_openblas_settings(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    found = environments.surroundings(environments.VARIANTS["numpy"], 2)
    assert "OPENBLAS_CORETYPE" not in found and found["OMP_NUM_THREADS"] == found["GRAPHC_NUM_THREADS"] == "2"


@pytest.mark.skipif(not host_targets(), reason="needs an x86-64 CPU")
def test_a_run(tmp_path):
    kept = tmp_path / "kept.json"
    command = [sys.executable, "tools/bench", "run", "linear-regression-step", "--peers", "numpy", "jax",
               "--rounds", "2", "--seconds", "0.01", "--environments", str(tmp_path), "--json", str(kept)]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "jax: not set up (python tools/bench setup jax)" in done.stdout
    book = json.loads(kept.read_text())
    peers = book["rows"]["linear-regression-step@1"]["peers"]
    assert peers["numpy"]["ratio"] > 0 and peers["graphc"]["ratio"] == 1 and "note" in peers["jax"]
    assert set(book["limits"]["1"]) == {"fma", "int8", "copy", "read"}
