"""Ensembles of decision trees: all trees of all rows walk down at once, so many steps as the deepest tree has levels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphc.errors import FormatError
from graphc.ir import dtype as dt
from graphc.ir.node import Node, const
from graphc.lib import control, math, promote, reduction, shape
from graphc.onnx.call import Call
from graphc.onnx.ops.ml import TRANSFORMS, labels_of, named, rows_of, transformed, two_sided
from graphc.onnx.ops.precision import floats_of
from graphc.onnx.registry import ML, operator
from graphc.prims.table import apply

_MODES = {"BRANCH_LEQ": "le", "BRANCH_LT": "lt", "BRANCH_GTE": "ge", "BRANCH_GT": "gt", "BRANCH_EQ": "eq",
          "BRANCH_NEQ": "ne"}  # fmt: skip
_NUMBERED = (*_MODES, "BRANCH_MEMBER")
_LARGEST = 1 << 26  # numbers in the table of what leaves give


@dataclass(frozen=True)
class Forest:
    """Trees as arrays over all their nodes; a leaf is its own child.

    Attributes:
        roots: one for each tree. feature, split: what a node compares. mode: how, an index into ``modes``.
        children: for each node where it goes if the comparison is false, and if it is true.
        missing: whether NaN goes where true goes. depth: of the deepest tree.
        values: [nodes, targets], what a leaf gives. given: the same, whether it gives that.
        members: for each node the numbers that it looks for, if that is its mode, filled up with NaN.
    """

    roots: np.ndarray
    feature: np.ndarray
    split: np.ndarray
    mode: np.ndarray
    modes: tuple[str, ...]
    children: np.ndarray
    missing: np.ndarray
    depth: int
    values: np.ndarray
    given: np.ndarray
    members: np.ndarray | None = None


def leaves(forest: Forest, x: Node) -> Node:
    """The leaf that each row of features [n, features] comes to in each tree, i64[n, trees]."""
    full = (x.shape[0], len(forest.roots))
    start = promote.broadcast_to(const(forest.roots), full)
    if not forest.depth:
        return start
    tables = [const(a) for a in (forest.feature, forest.split.astype(x.dtype.numpy), forest.children)]

    def step(_, carries, rows, operands):
        (at,), features = carries, operands[0]
        feature, split, children = tables
        value = apply("gather", features, apply("reshape", _at(feature, at), shape=(*full, 1)), batch=1)
        goes = _compared(forest, value, _at(split, at), at)
        if forest.missing.any():
            goes = apply("or", goes, apply("and", apply("ne", value, value), _at(const(forest.missing), at)))
        side = apply("cast", goes, dtype=dt.i64)
        return [_at(children, apply("add", apply("add", at, at), side))], []

    return control.steps(step, [start], [], [x], forest.depth, op="TreeEnsemble")[0][0]


def _at(table: Node, places: Node) -> Node:
    """Entries of a constant vector, at places that lie in it."""
    return apply("gather", table, apply("reshape", places, shape=(*places.shape, 1)), batch=0)


def _compared(forest: Forest, value: Node, split: Node, at: Node) -> Node:
    """Whether each comparison is true."""
    found = None
    for number, mode in enumerate(forest.modes):
        if mode == "BRANCH_MEMBER":
            own = _at(const(forest.members.astype(value.dtype.numpy)), at)
            wide = apply("broadcast", value, shape=own.shape, axes=(0, 1))
            one = apply("reduce", apply("eq", wide, own), kind="any", axes=(2,))
        else:
            kind = _MODES[mode]
            pair = (split, value) if kind in ("ge", "gt") else (value, split)
            one = apply({"ge": "le", "gt": "lt"}.get(kind, kind), *pair)
        if found is None:
            found = one
        else:
            is_mode = apply("eq", _at(const(forest.mode), at), promote.broadcast_to(const(np.int64(number)), at.shape))
            found = apply("select", is_mode, one, found)
    return found


def scores(forest: Forest, x: Node, how: str = "SUM") -> Node:
    """What the trees give together for each row and target, [n, targets]."""
    at = leaves(forest, x)
    count = forest.values.shape[1]
    found = _at(const(forest.values.astype(x.dtype.numpy)), at)
    if how in ("SUM", "AVERAGE"):
        total = reduction.reduce_sum(found, 1)
        return math.divide(total, float(len(forest.roots))) if how == "AVERAGE" else total
    given = _at(const(forest.given), at)
    far = np.inf if how == "MIN" else -np.inf
    kept = math.where(given, found, far)
    best = (reduction.reduce_min if how == "MIN" else reduction.reduce_max)(kept, 1)
    return shape.ensure_shape(math.where(reduction.reduce_any(given, 1), best, 0.0), (x.shape[0], count))


# --------------------------------------------------------------------------------- the attributes of nodes


def _levels(roots: np.ndarray, children: np.ndarray, is_leaf: np.ndarray) -> int:
    """How many steps lead from the roots to the last leaf.

    Raises:
        FormatError: nodes lead back to themselves.
    """
    at, depth = np.unique(roots), 0
    while not is_leaf[at].all():
        at = np.unique(children.reshape(-1, 2)[at[~is_leaf[at]]])
        depth += 1
        if depth > len(is_leaf):
            raise FormatError("TreeEnsemble: the nodes of a tree lead back to themselves")
    return depth


def _array(call: Call, name: str, size: int | None = None, default=None) -> np.ndarray:
    """Numbers in an attribute, or in its form as a tensor."""
    if f"{name}_as_tensor" in call.attributes:
        found = call.tensor(f"{name}_as_tensor").reshape(-1)
    else:
        raw = call.attributes.get(name)
        if raw is None and default is not None:
            return np.full(size, default)
        is_whole = raw is not None and raw.type == 7
        found = np.array(call.ints(name), np.int64) if is_whole else np.array(call.floats(name), np.float32)
    if size is not None and len(found) != size:
        raise FormatError(f"{call.op}: {name} has {len(found)} entries instead of {size}")
    return found


def _keyed_forest(call: Call, prefix: str, ids: str, targets: int) -> Forest:
    """The trees of operators whose nodes are called by the numbers of a tree and of a node in it."""
    trees, own = _array(call, "nodes_treeids"), _array(call, "nodes_nodeids")
    count = len(trees)
    place = {key: k for k, key in enumerate(zip(trees.tolist(), own.tolist()))}
    if len(place) != count or not count:
        raise FormatError(f"{call.op}: its {count} nodes have {len(place)} different numbers")
    names = call.texts("nodes_modes")
    if len(names) != count or not set(names) <= {*_MODES, "LEAF"}:
        raise FormatError(f"{call.op}: nodes_modes are {', '.join(sorted(set(names)))}, {len(names)} for {count} nodes")
    is_leaf = np.array([n == "LEAF" for n in names])
    children = np.repeat(np.arange(count, dtype=np.int64), 2)
    for side, attribute in enumerate(("nodes_falsenodeids", "nodes_truenodeids")):
        wanted = _array(call, attribute, count)
        for k in np.flatnonzero(~is_leaf).tolist():
            children[2 * k + side] = _found(call, place, (int(trees[k]), int(wanted[k])))
    has_parent = np.zeros(count, bool)
    has_parent[children.reshape(-1, 2)[~is_leaf].reshape(-1)] = True
    _, first = np.unique(trees, return_index=True)
    roots = np.array([_root(call, np.flatnonzero((trees == trees[k]) & ~has_parent)) for k in first.tolist()], np.int64)
    values, given = _leaf_table(call, count, targets)
    weights = _array(call, f"{prefix}_weights")
    keys = [_array(call, f"{prefix}_{n}", len(weights)) for n in ("treeids", "nodeids", "ids")]
    for tree, node, target, weight in zip(*[k.tolist() for k in keys], weights):
        _give(call, values, given, _found(call, place, (tree, node)), target, weight)
    modes = tuple(dict.fromkeys(n for n in names if n != "LEAF")) or ("BRANCH_LEQ",)
    number = {n: k for k, n in enumerate(modes)}
    return Forest(roots, _array(call, "nodes_featureids", count), _array(call, "nodes_values", count),
                  np.array([number.get(n, 0) for n in names], np.int64), modes, children,
                  _array(call, "nodes_missing_value_tracks_true", count, 0).astype(bool),
                  _levels(roots, children, is_leaf), values, given)  # fmt: skip


def _found(call: Call, place: dict, key: tuple) -> int:
    if key not in place:
        raise FormatError(f"{call.op}: tree {key[0]} has no node {key[1]}")
    return place[key]


def _root(call: Call, candidates: np.ndarray) -> int:
    if len(candidates) != 1:
        raise FormatError(f"{call.op}: a tree has {len(candidates)} nodes that no other leads to, instead of one root")
    return int(candidates[0])


def _leaf_table(call: Call, count: int, targets: int) -> tuple[np.ndarray, np.ndarray]:
    if targets < 1 or count * targets > _LARGEST:
        raise call.refuse(f"{count} nodes for {targets} targets are too many")
    return np.zeros((count, targets)), np.zeros((count, targets), bool)


def _give(call: Call, values: np.ndarray, given: np.ndarray, node: int, target: int, weight) -> None:
    if not 0 <= target < values.shape[1]:
        raise FormatError(f"{call.op}: target {target} is not below {values.shape[1]}")
    values[node, target] += weight
    given[node, target] = True


def _base_values(call: Call) -> np.ndarray:
    """What is added to the scores; empty where nothing is."""
    is_given = "base_values" in call.attributes or "base_values_as_tensor" in call.attributes
    return _array(call, "base_values") if is_given else np.zeros(0, np.float32)


def _based(call: Call, found: Node, count: int) -> Node:
    """Scores with the base values added."""
    base = _base_values(call)
    if len(base) not in (0, 1, count):
        raise FormatError(f"{call.op}: {len(base)} base_values for {count} targets")
    return math.add(found, const(base.astype(found.dtype.numpy))) if len(base) else found


# ------------------------------------------------------------------------------------------------ operators


@operator("TreeEnsembleRegressor", domain=ML)
def regressor(call: Call):
    """What the trees give together, for each target."""
    targets = call.int("n_targets", 1)
    x = floats_of(rows_of(call[0]))
    how = call.choice("aggregate_function", "SUM", "AVERAGE", "MIN", "MAX")
    found = _based(call, scores(_keyed_forest(call, "target", "target_ids", targets), x, how), targets)
    return math.cast(transformed(found, call.choice("post_transform", *TRANSFORMS)), dt.f32)


@operator("TreeEnsembleClassifier", domain=ML)
def classifier(call: Call):
    """The label that the trees give most for, and the scores of all labels."""
    labels = labels_of(call, "classlabels_int64s")
    how = call.choice("post_transform", *TRANSFORMS)
    forest = _keyed_forest(call, "class", "class_ids", len(labels))
    x = floats_of(rows_of(call[0]))
    used = np.flatnonzero(forest.given.any(0))
    if len(labels) == 2 and len(used) <= 1:
        return _of_two(call, forest, x, labels, int(used[0]) if len(used) else 0, how)
    found = _based(call, scores(forest, x), len(labels))
    return [named(labels, reduction.argmax(found, 1, dt.i64)), math.cast(transformed(found, how), dt.f32)]


def _of_two(call: Call, forest: Forest, x: Node, labels: np.ndarray, used: int, how: str) -> list[Node]:
    """Two classes with one score: for the second, where it is more than a half (weights that are never negative) or 0."""
    found = shape.part(scores(forest, x), 1, used, used + 1)
    base = _base_values(call)
    if len(base):
        found = math.add(found, const(base[-1:].astype(found.dtype.numpy)))
    is_share = bool((forest.values >= 0).all())
    chosen = math.cast(math.greater(shape.reshape(found, (-1,)), 0.5 if is_share else 0.0), dt.i64)
    return [named(labels, chosen), math.cast(two_sided(found, how, is_share), dt.f32)]


@operator("TreeEnsemble", domain=ML, since=5)
def ensemble(call: Call):
    """What the trees give together, for each target; inner nodes and leaves are numbered apart."""
    x, targets = rows_of(call[0]), call.int("n_targets", 1)
    aggregate, post = call.int("aggregate_function", 1), call.int("post_transform", 0)
    if not 0 <= aggregate <= 3 or not 0 <= post < len(TRANSFORMS):
        raise FormatError(f"TreeEnsemble: aggregate_function {aggregate} or post_transform {post} is unknown")
    how = ("AVERAGE", "SUM", "MIN", "MAX")[aggregate]
    return transformed(scores(_numbered_forest(call, targets), x, how), TRANSFORMS[post])


def _numbered_forest(call: Call, targets: int) -> Forest:
    split = call.tensor("nodes_splits").reshape(-1)
    inner = len(split)
    weight = call.tensor("leaf_weights").reshape(-1)
    count = inner + len(weight)
    children = np.repeat(np.arange(count, dtype=np.int64), 2)
    for side, name in enumerate(("false", "true")):
        wanted, is_leaf = _array(call, f"nodes_{name}nodeids", inner), _array(call, f"nodes_{name}leafs", inner)
        children[side : 2 * inner : 2] = wanted + np.where(is_leaf != 0, inner, 0)
    roots = np.array(call.ints("tree_roots"), np.int64)
    limits = ((roots, inner), (children, count))
    if any((a < 0).any() or (a >= n).any() for a, n in limits) or not len(roots):
        raise FormatError("TreeEnsemble: a root or a branch leads to no node")
    values, given = _leaf_table(call, count, targets)
    for k, (target, w) in enumerate(zip(_array(call, "leaf_targetids", len(weight)).tolist(), weight)):
        _give(call, values, given, inner + k, target, w)
    kinds = call.tensor("nodes_modes").reshape(-1)
    if len(kinds) != inner or (kinds >= len(_NUMBERED)).any():
        raise FormatError("TreeEnsemble: nodes_modes are not one known mode for each node")
    used = sorted(set(kinds.tolist()))
    return Forest(roots, _padded(_array(call, "nodes_featureids", inner), count, 0), _padded(split, count, 0),
                  _padded(np.searchsorted(used, kinds), count, 0), tuple(_NUMBERED[k] for k in used), children,
                  _padded(_array(call, "nodes_missing_value_tracks_true", inner, 0).astype(bool), count, False),
                  _levels(roots, children, np.arange(count) >= inner), values, given, _members(call, kinds, count))  # fmt: skip


def _padded(array: np.ndarray, count: int, value) -> np.ndarray:
    return np.concatenate([array, np.full(count - len(array), value, array.dtype)])


def _members(call: Call, kinds: np.ndarray, count: int) -> np.ndarray | None:
    """For each node the numbers that it looks for, filled up with NaN."""
    places = np.flatnonzero(kinds == _NUMBERED.index("BRANCH_MEMBER"))
    if not len(places):
        return None
    flat = call.tensor("membership_values").reshape(-1)
    sets = np.split(flat, np.flatnonzero(np.isnan(flat)) + 1)
    sets = [s[~np.isnan(s)] for s in sets][: len(places)]
    if len(sets) != len(places):
        raise FormatError(f"TreeEnsemble: {len(sets)} sets of membership_values for {len(places)} nodes that look for members")
    table = np.full((count, max(map(len, sets))), np.nan)
    for place, members in zip(places, sets):
        table[place, : len(members)] = members
    return table
