"""NVRTC makes code of every kernel that lowering makes for a corpus of models, and no kernel spills registers.

Here are all models for one arch, and some for the others; ``python tools/cuda_corpus.py --every`` takes all for all of them.
"""

from pathlib import Path

import pytest
from cuda_corpus import CORPUS, program_of, sample_programs
from cuda_texts import ARCHS, NVRTC, needs_nvrtc

from graphc.codegen.cuda import prelude
from graphc.codegen.cuda.module import program_source
from graphc.ir.gpu import GPUS
from graphc.ir.symbols import symbol_of
from graphc.runtime.cache import DiskCache
from graphc.runtime.cuda.images import compile_image
from graphc.runtime.cuda.reports import resources

pytestmark = needs_nvrtc
ALL, REST = "sm_90a", ("sm_80", "sm_100", "sm_120")
EVERYWHERE = ("mlp", "transformer_block")  # products, convolutions and rows, whose schedules differ by arch
HERE = Path(__file__).parent
PRELUDE = Path(prelude.__file__).parent / "prelude"


def compiled(program, arch):
    """What every kernel needs."""
    found = compile_image(program_source(program, GPUS[f"cuda:{arch}"]), arch, program.name, cache=DiskCache(None)).resources
    assert {symbol_of(k.name) for k in program.kernels} <= set(found)
    return found


def check(program, arch):
    found = compiled(program, arch)
    assert {name: one.spills for name, one in found.items() if one.spills} == {}


@pytest.mark.parametrize("name", CORPUS)
def test_models_compile_without_spills(name):
    check(program_of(CORPUS[name](), GPUS[f"cuda:{ALL}"]), ALL)


@pytest.mark.parametrize("arch", REST)
@pytest.mark.parametrize("name", EVERYWHERE)
def test_other_archs_too(name, arch):
    check(program_of(CORPUS[name](), GPUS[f"cuda:{arch}"]), arch)


def test_operations_compile_without_spills():
    for program in sample_programs(GPUS[f"cuda:{ALL}"]):
        check(program, ALL)


@pytest.mark.parametrize("arch", ARCHS)
def test_the_prelude_is_code_that_devices_know(arch):
    """Inline PTX is read by the assembler only where it is called: every such function is."""
    parts = ("async", "mma", "hopper") if arch == "sm_90a" else ("async", "mma")
    calls = ("prelude_calls.cu", "prelude_calls_sm_90a.cu") if arch == "sm_90a" else ("prelude_calls.cu",)
    text = "".join((PRELUDE / f"{part}.cuh").read_text() for part in parts) + "".join((HERE / name).read_text() for name in calls)
    log = NVRTC.compile(text, arch).log
    assert not any(one.spills for one in resources(log).values()) and len(resources(log)) == (24 if arch == "sm_90a" else 2)
    assert "serialized" not in log and "setmaxnreg" not in log, "wgmma runs beside the program, register counts are taken"
