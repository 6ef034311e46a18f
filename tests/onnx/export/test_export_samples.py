"""Every primitive as ONNX's operators: ONNX Runtime answers for each sample what the interpreter answers."""

import itertools

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")

import ml_dtypes
from exported import answers, differs, without_bfloat16
from samples import SAMPLES

from graphc.errors import UnimplementedError
from graphc.ir import dtype as dt
from graphc.onnx.export import export
from graphc.onnx.export.plan import FORMS
from graphc.prims.interpret import interpret
from graphc.prims.table import TABLE

# No operator of ONNX means these.
WITHOUT = frozenset(
    """
    print check check_numerics random_bits swaps act python count_up_to after host string_strip string_length
    string_replace string_transcode string_bucket fingerprint string_to_number string_of string_format
    string_reduce_join string_segment_join string_part encode_base64 decode_base64 decompress decode_csv
    example_dense example_padded example_sparse example_indexed sequence_dense sequence_sparse read_file write_file
    matching_files table_find table_find_now table_insert table_remove table_export table_size string_split
    string_split_any string_tokens string_bytes unicode_decode unicode_encode string_ngrams decode_raw decode_padded_raw
    unicode_script cross set_operation serialize_tensor parse_tensor write_sparse read_sparse complex real imag conj
    view fft erfinv lgamma digamma special refusal cholesky triangular_solve lu qr eigh eig svd solve inverse
    slogdet matrix_function correlate madd4 dot4 conv4
    """.split()
)
SINCE = {"and": 18, "or": 18, "xor": 18, "popcount": 18, "scatter": 18, "unwindow": 16}  # of bits, and of all kinds
FLOAT64 = {"erf"}  # the reference has float32's constants
ROUNDED_ONCE = {"fma"}
WHOLE = {"reduce"}  # integers beyond 2**53 are summed as floats

BY_OP: dict[str, list] = {}
for _sample in SAMPLES:
    BY_OP.setdefault(_sample.op, []).append(_sample)


def graphs(op: str, symbolic: bool):
    """The samples of a primitive, and a Graph for each."""
    for s in BY_OP[op]:
        if any(a.dtype.kind == "c" for a in s.arrays) or s.attrs.get("dtype") in (dt.c64, dt.c128):
            continue
        graph = s.graph(symbolic)
        if graph is not None and not _is_left_open(s):
            yield s, without_bfloat16(graph)


def _is_left_open(s) -> bool:
    integers = bool(s.arrays) and s.arrays[0].dtype.kind in "iu"
    size = s.arrays[0].dtype.itemsize if integers else 0
    beyond = (s.attrs.get("kind") == "sum" and size == 8) or (s.attrs.get("kind") == "prod" and size >= 2)
    few_bits = s.op in ROUNDED_ONCE and s.expected is not None and not integers
    return (s.op in WHOLE and beyond) or few_bits or (s.op in FLOAT64 and s.arrays[0].dtype == np.float64)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of the reference
@pytest.mark.parametrize(("opset", "symbolic"), [(18, False), (13, True), (23, True)])
@pytest.mark.parametrize("op", sorted(set(BY_OP) - WITHOUT))
def test_onnx_runtime_answers_as_the_interpreter(op, opset, symbolic):
    for s, graph in itertools.islice(graphs(op, symbolic), opset == 23, None, 4 if symbolic else 1):
        if opset < SINCE.get(op, 0) and not _is_old(s):
            continue
        if opset < 16 and op == "cumulate" and s.arrays[0].dtype == dt.bf16.numpy:
            continue  # loops do not carry it
        if op == "bitcast" and "f" in {s.arrays[0].dtype.kind, s.attrs["dtype"].kind}:
            continue  # opset 26 has it
        feeds = [np.asarray(a).astype(np.float32) if a.dtype == dt.bf16.numpy else np.asarray(a) for a in s.arrays]
        with np.errstate(all="ignore"):
            wanted = interpret(graph, *feeds)
        few = any(n.dtype is dt.bf16 for n in graph.nodes if hasattr(n.type, "dtype"))
        for a, b in zip(answers(export(graph, opset=opset), feeds), wanted, strict=True):
            if s.unique:
                assert (wrong := differs(*_fewer_bits(a, b, few), 2e-2 if few else None)) is None, f"{s.id}: {wrong}"


def _fewer_bits(a, b, few: bool):
    """Arrays as bfloat16 would round them, where that is what is compared."""
    if not few or b.dtype.kind != "f":
        return a, b
    return a.astype(ml_dtypes.bfloat16).astype(np.float32), b.astype(ml_dtypes.bfloat16).astype(np.float32)


def _is_old(s) -> bool:
    return s.arrays[0].dtype == bool or s.attrs.get("kind") == "set"


@pytest.mark.parametrize("op", sorted(set(BY_OP) & WITHOUT))
def test_what_onnx_has_not_is_refused(op):
    graph = BY_OP[op][0].graph()
    with pytest.raises(UnimplementedError, match="no meaning in ONNX"):
        export(graph)


def test_the_table_is_known():
    """A new primitive is exported, or named here."""
    assert set(TABLE) - FORMS == WITHOUT
    assert len(WITHOUT) == 83
    assert FORMS - set(TABLE) == {"const", "symbol", "input"}
