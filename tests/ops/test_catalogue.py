"""The catalogue itself: every row is whole, is called as TensorFlow calls it, is tested, and runs where it says."""

from __future__ import annotations

import inspect
import re
from functools import cache
from pathlib import Path

import pytest

import graphc as tf
import graphc.v1
from graphc.api import names
from graphc.api.names import TABLES
from graphc.api.namespaces import catalogue, joined
from graphc.api.op import Op
from graphc.errors import GraphcError, UsageError
from graphc.ir import dtype as dt
from graphc.passes.nested import bodies
from graphc.passes.pipeline import run
from graphc.passes.split_complex import split_complex
from graphc.prims.table import TABLE
from tests.ops.sampling import HERE, lines
from tests.ops.test_samples import floats
from tests.ops.tracing import traced
from tools import ops_table

ENTRIES = catalogue()
ROWS = list(dict.fromkeys(entry for entry in ENTRIES.values() if isinstance(entry, Op)))
RECORDED = dict(line.split(": ") if ": " in line else (line[:-1], "")
                for line in (HERE / "tensorflow_signatures.txt").read_text().splitlines())  # fmt: skip

DIFFERENT = {
    "as_dtype dtypes.as_dtype": "a plain function whose argument nobody names",
    "einsum linalg.einsum meshgrid print group": "TensorFlow's **kwargs by their names",
    "image.extract_glimpse": "the noise may be seeded",
    "tensor_scatter_nd_update tensor_scatter_update": "TensorFlow 2's argument bad_indices_policy is there too",
    "assert_rank debugging.assert_rank debugging.assert_rank_at_least debugging.assert_rank_in":
    "they take summarize, as TensorFlow 1's do",
    "io.parse_tensor parse_tensor": "the shape may be known beforehand",
    "enable_v2_behavior": "the same as enable_eager_execution",
    "nn.softmax_cross_entropy_with_logits nn.sparse_softmax_cross_entropy_with_logits "
    "nn.sigmoid_cross_entropy_with_logits": "in v1 the first argument catches calls without names",
    "train.update_checkpoint_state": "the paths may be written relative to the folder",
}


def test_every_table_is_listed():
    files = {path.stem for path in Path(names.__file__).parent.glob("*.py")} - {"__init__"}
    assert {table.__name__.rpartition(".")[2] for table in TABLES} == files


def test_a_name_is_claimed_once():
    one, other = Op("math.one one", "One", lambda x: x, "x"), Op("two one", "Two", lambda x: x, "x")
    assert set(joined([("a", {"ROWS": [one]})])) == {"math.one", "one"}
    with pytest.raises(UsageError, match="one: claimed by a and by b"):
        joined([("a", {"ROWS": [one]}), ("b", {"ROWS": [other]})])
    with pytest.raises(UsageError, match="one: claimed by a and by b"):
        joined([("a", {"ROWS": [one]}), ("b", {"FUNCTIONS": {"one": abs}})])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.names.split()[0])
def test_a_row_is_whole(row):
    parameters = inspect.signature(row.function).parameters
    tensors = [name.lstrip("*") for name in row.tensors.replace("|", " ").split()]
    assert set(tensors) <= set(parameters), "tensors that the function does not have"
    assert inspect.getdoc(row.function), "no docstring"
    assert row.kind
    public = tf
    for part in row.names.split()[0].split("."):
        public = getattr(public, part)
    assert callable(public) and public.__doc__ == row.function.__doc__


def found_signature(root, name: str) -> str | None:
    """The arguments of our function of that name as one text, or None where there is no function."""
    value = root
    for part in name.split("."):
        value = getattr(value, part, None)
    if value is None or inspect.isclass(value) or not callable(value):
        return None
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    return " ".join(stars.get(p.kind, "") + p.name for p in inspect.signature(value).parameters.values())


def test_functions_take_tensorflows_arguments():
    """The same ones in the same order; where TensorFlow has no ``name``, a last one is possible here."""
    wrong, allowed = {}, {name for group in DIFFERENT for name in group.split()}
    for name, wanted in RECORDED.items():
        plain = name.removeprefix("compat.v1.")
        for root in (tf, graphc.v1) if plain == name else (graphc.v1,):
            if root is graphc.v1 and RECORDED.get(f"compat.v1.{plain}", wanted) != wanted:
                continue  # TensorFlow 1 has another one
            found = found_signature(root, plain)
            if found is not None and found not in (wanted, f"{wanted} name".strip()):
                wrong[plain] = (root.__name__, wanted, found)
    assert not {name: wrong[name] for name in wrong.keys() - allowed}
    assert allowed <= wrong.keys(), f"as TensorFlow has them now: {allowed - wrong.keys()}"


@cache
def used_names() -> set[str]:
    """Public names that sample lines and tests use."""
    texts = [line.text for folder in ("samples", "refusals") for line in lines(folder)]
    texts += [path.read_text() for path in HERE.parent.rglob("*.py")]
    return {name for text in texts for name in re.findall(r"\btf1?\.([A-Za-z_][\w.]*\w)", text)}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.names.split()[0])
def test_every_row_is_exercised(row):
    known = used_names()
    assert any(name in known or name.removeprefix("compat.v1.") in known for name in row.names.split())


def host_steps(graph) -> set[str]:
    """What NumPy carries out in a graph and those in it: primitives without a way down, and all that is done to strings."""
    found, waiting = set(), [run(graph, (split_complex,))]
    while waiting:
        for node in waiting.pop().nodes:
            native = node.op not in TABLE or TABLE[node.op].native
            if not native or getattr(node.type, "dtype", None) is dt.string:
                found.add(node.op)
            waiting.extend(bodies(node))
    return found


@pytest.mark.parametrize("topic", sorted({line.topic for line in lines()}))
def test_lines_with_host_steps_say_so(topic):
    wrong = {}
    for line in lines():
        if line.topic != topic:
            continue
        try:
            found = host_steps(traced(line, False, False, tf)[0])
        except GraphcError:
            assert "static" in line.flags or not floats(line), line.text
            continue
        if bool(found) != ("host" in line.flags):
            wrong[line.text] = found or "flagged host, but all of it is native"
    assert not wrong


def test_the_document_is_up_to_date():
    path = Path(ops_table.ROOT) / "docs/ops.md"
    assert path.read_text() == ops_table.table(), "run tools/ops_table.py"


def test_answers_have_named_parts():
    assert tf.nn.top_k([1.0, 3.0]).indices.numpy().tolist() == [1]
    assert tf.unique_with_counts([5, 5])._fields == ("y", "idx", "count")
    assert type(tf.nn.max_pool_with_argmax(tf.ones([1, 2, 2, 1]), 2, 2, "SAME")).__name__ == "MaxPoolWithArgmax"
