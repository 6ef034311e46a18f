"""How a program chooses devices, on a machine without a GPU: names, settings, errors; nothing of CUDA is imported."""

import subprocess
import sys

import numpy as np
import pytest

import graphc as tf
import graphc.v1 as v1
from graphc.api import places
from graphc.compile import target_of
from graphc.errors import DeviceUnavailable, GraphError, UsageError
from graphc.options import Options
from graphc.runtime import gpus
from graphc.runtime.gpus import FoundGpu, gpu_target

HOPPER, TURING = FoundGpu("H200", (9, 0), 144 << 30), FoundGpu("T4", (7, 5), 16 << 30)


@pytest.fixture
def no_gpu(monkeypatch):
    show(monkeypatch)


@pytest.fixture
def two_gpus(monkeypatch):
    show(monkeypatch, HOPPER, TURING)


def show(monkeypatch, *found):
    """Let the driver show these GPUs, or not be there."""
    monkeypatch.setattr(gpus, "_LIBRARY", "libcuda-of-no-machine.so.1")
    for module in ("graphc.runtime.gpus", "graphc.api.places", "graphc.api.machine", "graphc.api.devices"):
        monkeypatch.setattr(f"{module}.found_gpus", lambda: found)
    monkeypatch.setattr(places.Seen, "gpus", None)
    monkeypatch.setattr(places.Seen, "soft", True)


def test_without_a_gpu_there_is_the_cpu(no_gpu):
    assert tf.config.list_physical_devices("GPU") == tf.config.list_logical_devices("GPU") == []
    assert [d.name for d in tf.config.list_physical_devices()] == ["/physical_device:CPU:0"]
    assert not tf.test.is_gpu_available() and not tf.test.is_built_with_cuda() and tf.test.gpu_device_name() == ""
    with tf.device("/gpu:0"):
        assert tf.constant([1.0]).device.endswith("/device:CPU:0") and tf.Variable(1.0).device.endswith("CPU:0")
    assert [d.device_type for d in v1.Session().list_devices()] == ["CPU"]


def test_listing_gpus_imports_nothing_of_cuda():
    code = "import sys, graphc as tf; tf.config.list_physical_devices('GPU'); tf.test.is_gpu_available(); tf.device('/gpu:0')\n"
    code += "sys.exit(' '.join(m for m in sys.modules if 'cuda' in m or m == 'graphc.compile_gpu') or None)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_is_missing_is_told(no_gpu):
    tf.config.set_soft_device_placement(False)
    with pytest.raises(DeviceUnavailable, match=r"/gpu:0 is not there: NVIDIA's driver is not installed \(libcuda.*soft placement"):
        tf.device("/gpu:0")
    with pytest.raises(DeviceUnavailable, match=r"Session: device: GPU:0 is not there: NVIDIA's driver .*choose cuda-emulated"):
        v1.Session(device="cuda")
    with pytest.raises(DeviceUnavailable, match="target cuda: NVIDIA's driver is not installed"):
        target_of(Options(target="cuda"))
    with pytest.raises(UsageError, match="Session: device: must be cpu, cuda or cuda-emulated, .*got 'tpu'"):
        v1.Session(device="tpu")
    with pytest.raises(GraphError, match="'/nonsense:0' is not a device"):
        tf.device("/nonsense:0")
    with pytest.raises(DeviceUnavailable, match="/gpu:0 is not there"):
        tf.constant(1.0).gpu()


def test_the_emulator_needs_a_compiler(no_gpu, monkeypatch):
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr("shutil.which", lambda name: None)
    for use in (lambda: tf.device("/cuda-emulated:0"), lambda: v1.Session(device="cuda-emulated")):
        with pytest.raises(DeviceUnavailable, match=r"g\+\+ is not there; install it \(Debian, Ubuntu: apt-get"):
            use()


def test_gpus_that_the_driver_shows(two_gpus):
    first, second = tf.config.list_physical_devices("GPU")
    assert (first.name, second.name) == ("/physical_device:GPU:0", "/physical_device:GPU:1")
    assert [d.name for d in tf.config.list_logical_devices()] == ["/device:CPU:0", "/device:GPU:0", "/device:GPU:1"]
    assert tf.config.experimental.get_device_details(second) == {"device_name": "T4", "compute_capability": (7, 5)}
    assert tf.test.is_gpu_available(min_cuda_compute_capability=(8, 0)) and tf.test.gpu_device_name() == "/device:GPU:0"
    tf.config.experimental.set_memory_growth(first, True)
    assert [places.place_of(n) for n in ("/gpu:1", "/device:GPU:0", "/job:w/task:0/gpu:1", "/cuda:0", "/cpu:3")] == [
        "cuda:1", "cuda:0", "cuda:1", "cuda:0", "cpu:0"]  # fmt: skip
    tf.config.set_visible_devices(second, "GPU")
    assert tf.config.get_visible_devices("GPU") == [second] and places.place_of("/gpu:0") == "cuda:1"
    assert places.full_name("cuda:1").endswith("/device:GPU:0")
    assert not tf.test.is_gpu_available(min_cuda_compute_capability=(8, 0))
    tf.config.set_soft_device_placement(False)
    with pytest.raises(DeviceUnavailable, match="/gpu:1 is not there: the GPUs to be seen are GPU:0"):
        tf.device("/gpu:1")
    tf.config.set_visible_devices([], "GPU")
    with pytest.raises(DeviceUnavailable, match="set_visible_devices left no GPU"):
        tf.device("/gpu:0")
    with pytest.raises(UsageError, match="is no GPU"):
        tf.config.set_visible_devices(tf.config.list_physical_devices("CPU"), "GPU")


def test_a_config_proto_chooses_gpus(two_gpus):
    v1.Session(config=v1.ConfigProto(gpu_options=v1.GPUOptions(visible_device_list="1,0")))
    assert places.visible_gpus() == (1, 0)
    v1.Session(config=v1.ConfigProto(device_count={"GPU": 1}))
    assert places.visible_gpus() == (1,)
    v1.Session(config=v1.ConfigProto(device_count={"GPU": 0}))
    assert places.visible_gpus() == ()
    with pytest.raises(UsageError, match="visible_device_list must be numbers like '0,1', got 'a'"):
        v1.Session(config=v1.ConfigProto(gpu_options=v1.GPUOptions(visible_device_list="a")))


def test_a_session_allows_soft_placement_or_not(no_gpu):
    with v1.Graph().as_default():
        with v1.device("/gpu:0"):
            y = v1.constant(1.0) + 1.0
        for config in (None, v1.ConfigProto(allow_soft_placement=True)):
            assert v1.Session(config=config).run(y) == 2.0
        with pytest.raises(DeviceUnavailable, match="/device:GPU:0 is not there: .*soft placement"):
            v1.Session(config=v1.ConfigProto()).run(y)


def test_targets_for_what_is_there(two_gpus, monkeypatch):
    assert (gpu_target("cuda").name, gpu_target("cuda:1").name) == ("cuda:sm_90a", "cuda:sm_75")
    assert gpu_target("cuda-emulated").name == gpu_target("cuda-emulated:1").name == "cuda-emulated:sm_90a"
    assert gpu_target("cuda:sm_80").name == "cuda:sm_80" and gpu_target("thumbv9") is None
    with pytest.raises(DeviceUnavailable, match="target cuda:2: this process sees 2 GPUs"):
        gpu_target("cuda:2")
    show(monkeypatch, FoundGpu("K80", (3, 7), 0))
    with pytest.raises(DeviceUnavailable, match="graphc makes no code for K80, of compute capability 3.7"):
        gpu_target("cuda")


@pytest.mark.parametrize(
    "capability, arch", [((7, 5), "sm_75"), ((8, 0), "sm_80"), ((8, 7), "sm_86"), ((8, 9), "sm_89"), ((9, 0), "sm_90a"),
                         ((10, 0), "sm_100"), ((10, 3), "sm_100"), ((12, 0), "sm_120")]
)  # fmt: skip
def test_devices_run_code_of_their_generation(capability, arch, monkeypatch):
    show(monkeypatch, FoundGpu("a GPU", capability, 0))
    assert gpu_target("cuda").arch == arch


def test_the_environment_chooses_the_device_of_a_process(two_gpus, monkeypatch):
    for wanted, place in (("", "cpu:0"), ("cpu", "cpu:0"), ("cuda:1", "cuda:1")):
        monkeypatch.setenv("GRAPHC_DEVICE", wanted)
        assert places.default_place() == place
    with tf.device("/cpu:0"):
        assert places.default_place() == "cpu:0"
    assert places.options_for("cuda:1").target == "cuda:1" and places.options_for("cpu:0").target is None
    monkeypatch.setenv("GRAPHC_DEVICE", "tpu")
    with pytest.raises(UsageError, match="GRAPHC_DEVICE=tpu: must be cpu, cuda or cuda-emulated"):
        places.default_place()


def test_logical_parts_of_a_gpu_are_one(two_gpus):
    gpu = tf.config.list_physical_devices("GPU")[0]
    with pytest.raises(UsageError, match="GPU:0 is one device here"):
        tf.config.set_logical_device_configuration(gpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    limit = [tf.config.LogicalDeviceConfiguration(memory_limit=100)]
    tf.config.set_logical_device_configuration(gpu, limit)
    try:
        assert tf.config.get_logical_device_configuration(gpu) == limit and len(tf.config.list_logical_devices("GPU")) == 2
    finally:
        tf.config.set_logical_device_configuration(gpu, None)


def test_device_specs_and_placements_are_logged(no_gpu, caplog):
    spec = v1.DeviceSpec.from_string("/job:w/device:cuda-emulated:1")
    assert (spec.device_type, spec.device_index) == ("CUDA-EMULATED", 1) and spec.to_string() == "/job:w/device:CUDA-EMULATED:1"
    with v1.Graph().as_default(), v1.device("/gpu:0"):
        y = v1.add(1.0, 2.0, name="y")
        config = v1.ConfigProto(log_device_placement=True, allow_soft_placement=True)
        with caplog.at_level("INFO", logger="graphc"):
            assert v1.Session(config=config).run(y) == np.float32(3.0)
    assert "y: (AddV2): /job:localhost/replica:0/task:0/device:CPU:0" in caplog.text
