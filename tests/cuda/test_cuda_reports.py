"""What compilers say of kernels, what fits on a multiprocessor, the machine code's instructions, and fatbins."""

import pytest
from cuda_texts import ARCHS, NVRTC, TEXT, needs_nvdisasm, needs_nvrtc

from graphc.errors import CompileError, DeviceUnavailable
from graphc.ir.gpu import GPUS
from graphc.runtime.cuda import fatbin as fatbins
from graphc.runtime.cuda import sass
from graphc.runtime.cuda.fatbin import fatbin
from graphc.runtime.cuda.images import Image
from graphc.runtime.cuda.nvrtc import CUBIN, PTX
from graphc.runtime.cuda.reports import Occupancy, Resources, occupancy, resources
from graphc.runtime.cuda.sass import disassemble, read_listing
from graphc.runtime.cuda.toolkit import program

LOG = """\
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'sgemm' for 'sm_90a'
ptxas info    : Function properties for sgemm
ptxas         .     16 bytes stack frame, 4 bytes spill stores, 8 bytes spill loads
ptxas info    : Used 127 registers, used 1 barriers, 16 bytes cumulative stack size, 8704 bytes smem, 400 bytes cmem[0]
ptxas info    : Function properties for slow_path
    40 bytes stack frame, 0 bytes spill stores, 12 bytes spill loads
ptxas info    : Compiling entry function 'map0' for 'sm_90a'
ptxas info    : Function properties for map0
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 26 registers, used 0 barriers
"""


def test_resources_are_read_from_the_log():
    found = resources(LOG)
    assert found == {
        "sgemm": Resources("sgemm", 127, 16, 4, 8, 8704),
        "slow_path": Resources("slow_path", None, 40, 0, 12),
        "map0": Resources("map0", 26),
    }
    assert found["sgemm"].spills == 12 and found["map0"].spills == 0 and resources("") == {}


@pytest.mark.parametrize(
    "arch, threads, registers, shared, blocks, limit",
    [
        ("sm_90a", 256, 32, 0, 8, "threads"),
        ("sm_90a", 384, 168, 200 << 10, 1, "registers"),
        ("sm_90a", 128, 40, 227 << 10, 1, "shared memory"),
        ("sm_90a", 128, 40, (227 << 10) + 1, 0, "shared memory"),
        ("sm_90a", 32, 16, 0, 32, "blocks"),
        ("sm_90", 160, 90, 0, 4, "registers"),
        ("sm_80", 256, 127, 8704, 2, "registers"),
        ("sm_80", 1024, 72, 0, 0, "registers"),
        ("sm_86", 256, 64, 33000, 3, "shared memory"),
        ("sm_89", 32, 20, 0, 24, "blocks"),
        ("sm_120", 1024, 32, 0, 1, "threads"),
        ("sm_75", 320, 77, 34605, 1, "shared memory"),
        ("sm_75", 256, 182, 1915, 1, "registers"),
    ],
)  # blocks as NVIDIA's cuda_occupancy.h counts them
def test_occupancy_is_that_of_the_calculator(arch, threads, registers, shared, blocks, limit):
    found = occupancy(GPUS[f"cuda:{arch}"], threads, registers, shared)
    assert (found.blocks, found.limit) == (blocks, limit) and found.warps == blocks * -(-threads // 32)


def test_occupancy_is_a_part_of_what_is_possible():
    assert occupancy(GPUS["cuda:sm_80"], 256, 127, 8704) == Occupancy(2, 16, 64, "registers")
    assert occupancy(GPUS["cuda:sm_80"], 256, 127, 8704).fraction == 0.25


LISTING = """\
\t.target\tsm_90a

//--------------------- .text.map1                --------------------------
\t.section\t.text.map1,"ax",@progbits
\t.align\t128
        .global         map1
map1:
.text.map1:
        /*0000*/                   LDC R1, c[0x0][0x28] ;
        /*0010*/              @!P0 LDG.E.128.CONSTANT R4, desc[UR6][R4.64] ;
        /*0020*/                   HFMA2.MMA R9, -RZ, RZ, 0, 0 ;
        /*0030*/              @UP1 UFFMA UR4, UR5, -UR4, 1 ;
.L_x_1:
        /*0040*/                   STG.E.U8 desc[UR6][R2.64], R7 ;
        /*0050*/                   HGMMA.64x128x16.F32.BF16 R24, gdesc[UR4], R24, gsb0 ;
        /*0060*/                   STS.64 [R3+UR4], R4 ;
        /*0070*/              @!P0 BRA `(.L_x_1) ;
        /*0080*/                   NOP ;
//--------------------- .text.map0                --------------------------
map0:
        /*0000*/                   EXIT ;
"""


def test_instructions_are_counted_by_what_they_move():
    found = read_listing(LISTING)
    assert list(found) == ["map1", "map0"] and found["map0"].counts == {"EXIT": 1}
    counts = {"LDC.32": 1, "LDG.128": 1, "MOV": 1, "UFFMA": 1, "STG.8": 1, "HGMMA": 1, "STS.64": 1, "BRA": 1}
    assert found["map1"].counts == counts
    assert found["map1"].kinds["global memory"] == {"LDG.128": 1, "STG.8": 1}
    assert found["map1"].table()[:2] == ["global memory           2  LDG.128 1, STG.8 1", "shared memory           1  STS.64 1"]
    assert found["map1"].text.splitlines()[0] == "map1:" and ".section" not in found["map1"].text


@needs_nvrtc
@needs_nvdisasm
def test_machine_code_is_shown_and_counted():
    for arch in ARCHS:
        found = disassemble(NVRTC.compile(TEXT, arch).data)
        assert found["scale"].counts["LDG.128"] and found["scale"].counts["STG.128"] and not found["scale"].counts["FFMA"]
        assert found["turn"].counts["FFMA"] == 1 == found["turn"].counts["BAR"] == found["turn"].counts["LDS.32"]


def test_what_disassembles_nothing_says_so(monkeypatch):
    monkeypatch.setattr(sass, "program", lambda name: None)
    with pytest.raises(DeviceUnavailable, match=r"no nvdisasm, which shows machine code: pip install 'graphc\[cuda-tools\]'"):
        disassemble(b"")


@needs_nvdisasm
def test_damaged_code_is_refused():
    with pytest.raises(DeviceUnavailable, match="nvdisasm cannot read this code: .*truncated"):
        disassemble(b"\x7fELF")


def image(arch, form=CUBIN):
    return Image(arch, form, ("scale", "turn"), NVRTC.compile(TEXT, arch, form=form).data, "", NVRTC.name)


@needs_nvrtc
@pytest.mark.parametrize("way", ["library", "tool"])
def test_a_fatbin_has_all_images(way, monkeypatch):
    if way == "tool":
        monkeypatch.setattr(fatbins, "wheel_files", lambda pattern: [])
        monkeypatch.setattr(fatbins, "toolkit_files", lambda pattern: [])
    if not (fatbins.wheel_files("lib/libnvfatbin.so.*") if way == "library" else program("fatbinary")):
        pytest.skip(f"there is no {way} that makes fatbins")
    parts = [image("sm_80"), image("sm_90a"), image("sm_90", PTX)]
    made = fatbin(parts)
    assert made[:4] == bytes.fromhex("50ed55ba") and 16 + int.from_bytes(made[8:16], "little") == len(made)
    assert kinds_in(made) == [("elf", 80), ("elf", 90), ("ptx", 90)]
    with pytest.raises(CompileError, match="the images cannot stand in one file: .*"):
        fatbin([Image("sm_90", CUBIN, (), b"\x7fELF" + bytes(100), "", "")])


def kinds_in(data):
    """(kind, number of the arch) of each part of a fatbin."""
    found, at = [], 16
    while at < len(data):
        header, size = int.from_bytes(data[at + 4 : at + 8], "little"), int.from_bytes(data[at + 8 : at + 16], "little")
        kind = {1: "ptx", 2: "elf"}[int.from_bytes(data[at : at + 2], "little")]
        found.append((kind, int.from_bytes(data[at + 28 : at + 32], "little")))
        at += header + size
    return found


def test_nothing_that_makes_fatbins_says_what_to_install(monkeypatch):
    monkeypatch.setattr(fatbins, "wheel_files", lambda pattern: [])
    monkeypatch.setattr(fatbins, "toolkit_files", lambda pattern: [])
    monkeypatch.setattr(fatbins, "program", lambda name: None)
    with pytest.raises(DeviceUnavailable, match=r"pip install 'graphc\[cuda13\]' brings nvFatbin"):
        fatbin([])
