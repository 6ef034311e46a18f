"""ai.onnx.ml: labels, features, linear models, support vector machines and trees, beside definitions and ONNX Runtime."""

import numpy as np
import pytest
from onnx_models import model, node

import graphc
from graphc.errors import FormatError, GraphcError, ShapeError

RANDOM = np.random.default_rng(6)


def normal(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def texts(*values):
    return np.array(values, object)


def ml(op, *arrays, outputs=1, version=3, **attributes):
    """A model of one operator whose inputs have open sizes, and what it is fed with."""
    names = [f"x{k}" for k in range(len(arrays))]
    kinds = ["string" if a.dtype == object else a.dtype.name for a in arrays]
    inputs = [f"{n}: {k}[{', '.join(f'{n}_{a}' for a in range(x.ndim))}]" for n, k, x in zip(names, kinds, arrays)]
    results = [f"y{k}" for k in range(outputs)]
    one = node(op, " ".join(names), " ".join(results), domain="ai.onnx.ml", **attributes)
    return model([one], inputs, results, domains={"ai.onnx.ml": version}), dict(zip(names, arrays))


def run(op, *arrays, **setting):
    made, fed = ml(op, *arrays, **setting)
    found = graphc.onnx.load(made).run(fed)
    return found if setting.get("outputs", 1) > 1 else found[0]


def beside_ort(op, *arrays, **setting):
    runtime = pytest.importorskip("onnxruntime")
    runtime.set_default_logger_severity(4)
    kinds = setting.pop("kinds", ())
    made, fed = ml(op, *arrays, **setting)
    for info, kind in zip(made.graph.output, kinds):
        info.type.tensor_type.elem_type = kind
    session = runtime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    for a, b in zip(graphc.onnx.load(made).run(fed), session.run(None, fed)):
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_array_equal(a, b) if b.dtype == object else np.testing.assert_allclose(a, b, 1e-4, 1e-5)


# --------------------------------------------------------------------------------------------------- labels


def test_encoders_of_every_kind():
    words = texts("b", "?", "a")
    assert run("LabelEncoder", words, keys_strings=["a", "b"], values_int64s=[5, 6]).tolist() == [6, -1, 5]
    assert run("LabelEncoder", np.array([2, 3]), keys_int64s=[1, 2], values_strings=["x", "y"], default_string="none").tolist() == ["y", "none"]
    found = run("LabelEncoder", np.array([np.nan, 2, 1], np.float32), keys_floats=[1.0, float("nan")], values_floats=[3.0, 4.0])
    assert found.tolist() == [4, 0, 3] and np.signbit(found[1])
    found = run("LabelEncoder", np.array([3, 9], np.int64), version=4, keys_tensor=np.array([9, 3]), values_tensor=np.array([1, 2], np.int16),
                default_tensor=np.array([7], np.int16))  # fmt: skip
    assert found.dtype == np.int16 and found.tolist() == [2, 1]
    assert run("LabelEncoder", words, version=1, classes_strings=["a", "b"]).tolist() == [1, -1, 0]
    assert run("LabelEncoder", np.array([1, 5]), version=1, classes_strings=["a", "b"]).tolist() == ["b", "_Unused"]
    assert run("CategoryMapper", words, cats_strings=["a", "b"], cats_int64s=[10, 20]).tolist() == [20, -1, 10]
    assert run("CategoryMapper", np.array([10, 11]), cats_strings=["a", "b"], cats_int64s=[10, 20]).tolist() == ["a", "_Unused"]


def test_encoders_that_do_not_fit():
    with pytest.raises(FormatError, match="keys and values must be given, as many of both"):
        run("LabelEncoder", texts("a"), keys_strings=["a", "b"], values_int64s=[5])
    with pytest.raises(GraphcError, match="LabelEncoder: the keys are strings"):
        run("LabelEncoder", np.array([1]), keys_strings=["a"], values_int64s=[5])


def test_one_hot_encoder():
    np.testing.assert_array_equal(run("OneHotEncoder", np.array([[3.0], [9.0]], np.float32), cats_int64s=[1, 3]), [[[0, 1]], [[0, 0]]])
    np.testing.assert_array_equal(run("OneHotEncoder", texts("b"), cats_strings=["a", "b"]), [[0, 1]])
    with pytest.raises(GraphcError, match="OneHotEncoder: indices"):
        run("OneHotEncoder", np.array([9]), cats_int64s=[1, 3], zeros=0)


# ------------------------------------------------------------------------------------------------- features


def test_features():
    x = np.array([[1, 2, 4], [0, 0, 0]], np.float32)
    np.testing.assert_array_equal(run("ArrayFeatureExtractor", x, np.array([2, 0])), x[:, [2, 0]])
    assert run("ArrayFeatureExtractor", x[0], np.array([1])).tolist() == [[2]]
    assert run("Binarizer", x, threshold=1.5).tolist() == [[0, 1, 1], [0, 0, 0]]
    np.testing.assert_array_equal(run("Scaler", x, offset=[1.0, 2.0, 3.0], scale=[2.0]), (x - [1, 2, 3]) * 2)
    for norm, size in (("MAX", 4), ("L1", 7), ("L2", np.sqrt(21))):
        np.testing.assert_allclose(run("Normalizer", x, norm=norm), x / size, 1e-6)
    holes = np.array([[np.nan, 1], [2, np.nan]], np.float32)
    found = run("Imputer", holes, imputed_value_floats=[8.0, 9.0], replaced_value_float=float("nan"))
    assert found.tolist() == [[8, 1], [2, 9]]
    assert run("Imputer", np.array([[0, 5]]), imputed_value_int64s=[7]).tolist() == [[7, 5]]
    np.testing.assert_array_equal(run("FeatureVectorizer", x, np.array([[1], [2]]), inputdimensions=[3, 1]), np.c_[x, [1, 2]])


def test_dictionaries_for_rows():
    x = normal(2, 2)
    rows = run("ZipMap", x, classlabels_int64s=[0, 7])
    assert [list(r) for r in rows] == [[0, 7], [0, 7]] and [list(r.values()) for r in rows] == x.tolist()
    assert run("ZipMap", x, classlabels_strings=["no", "yes"])[1]["yes"] == x[1, 1]
    with pytest.raises(ShapeError, match="3 keys do not fit|2 != 3"):
        run("ZipMap", x, classlabels_int64s=[0, 1, 2])


# --------------------------------------------------------------------------------------------- linear models


@pytest.mark.parametrize("how", ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"])
def test_linear_models(how):
    x, w = normal(5, 3), normal(6)
    beside_ort("LinearRegressor", x, coefficients=w.tolist(), intercepts=[0.5, -0.5], targets=2, post_transform=how)
    beside_ort("LinearClassifier", x, outputs=2, coefficients=w.tolist(), intercepts=[0.5, -0.5], classlabels_strings=["a", "b"],
               post_transform=how, kinds=(8, 1))  # fmt: skip
    if how in ("NONE", "LOGISTIC"):
        beside_ort("LinearClassifier", x, outputs=2, coefficients=w[:3].tolist(), intercepts=[0.5], classlabels_ints=[3, 4],
                   post_transform=how, kinds=(7, 1))  # fmt: skip


def test_linear_models_that_do_not_fit():
    with pytest.raises(FormatError, match="LinearRegressor: 5 coefficients are not for 2 results"):
        run("LinearRegressor", normal(2, 3), coefficients=[1.0] * 5, targets=2)
    with pytest.raises(FormatError, match="there are no class labels"):
        run("LinearClassifier", normal(2, 3), outputs=2, coefficients=[1.0] * 3, intercepts=[0.0])


KERNELS = {"LINEAR": [0.0, 0.0, 0.0], "POLY": [0.3, 0.5, 2.0], "RBF": [0.4, 0.0, 0.0], "SIGMOID": [0.2, 0.1, 0.0]}


@pytest.mark.parametrize("kernel", KERNELS)
def test_support_vectors(kernel):
    x, vectors, weights = normal(6, 3), normal(5, 3), normal(10)
    kind = dict(kernel_type=kernel, kernel_params=KERNELS[kernel])
    beside_ort("SVMRegressor", x, support_vectors=vectors.reshape(-1).tolist(), coefficients=weights[:5].tolist(), n_supports=5,
               rho=[0.3], one_class=int(kernel == "RBF"), **kind)  # fmt: skip
    if kernel in ("LINEAR", "SIGMOID"):
        return
    three = dict(support_vectors=vectors.reshape(-1).tolist(), coefficients=weights.tolist(), vectors_per_class=[2, 2, 1],
                 rho=[0.1, -0.2, 0.3], classlabels_ints=[5, 6, 7], outputs=2, kinds=(7, 1), **kind)  # fmt: skip
    beside_ort("SVMClassifier", x, **three)
    beside_ort("SVMClassifier", x, prob_a=[-1.0, -0.5, -2.0], prob_b=[0.1, 0.0, -0.1], **three)


# --------------------------------------------------------------------------------------------------- trees

TREES = dict(
    nodes_treeids=[0, 0, 0, 0, 0, 1, 1, 1], nodes_nodeids=[0, 1, 2, 3, 4, 0, 1, 2], nodes_featureids=[0, 0, 1, 0, 0, 2, 0, 0],
    nodes_modes=["BRANCH_LEQ", "LEAF", "BRANCH_GT", "LEAF", "LEAF", "BRANCH_LT", "LEAF", "LEAF"],
    nodes_values=[0.0, 0.0, 0.5, 0.0, 0.0, -0.2, 0.0, 0.0], nodes_truenodeids=[1, 0, 3, 0, 0, 1, 0, 0],
    nodes_falsenodeids=[2, 0, 4, 0, 0, 2, 0, 0],
)  # fmt: skip


def weighted(prefix, ids, weights):
    return {f"{prefix}_treeids": [0, 0, 0, 1, 1], f"{prefix}_nodeids": [1, 3, 4, 1, 2], f"{prefix}_ids": ids, f"{prefix}_weights": weights}


@pytest.mark.parametrize("how", ["SUM", "AVERAGE", "MIN", "MAX"])
def test_regression_by_trees(how):
    x = normal(40, 3)
    trees = TREES | weighted("target", [0, 1, 0, 1, 0], [1.5, -2.0, 3.0, 0.5, -1.0])
    first = np.where(x[:, 0] <= 0, 0, np.where(x[:, 1] > 0.5, 1, 2))
    second = np.where(x[:, 2] < np.float32(-0.2), 3, 4)
    gives = np.array([[1.5, 0], [0, -2], [3, 0], [0, 0.5], [-1, 0]])
    given = gives != 0
    both, there = np.stack([gives[first], gives[second]]), np.stack([given[first], given[second]])
    far = {"MIN": np.inf, "MAX": -np.inf}.get(how, 0)
    wanted = {"SUM": np.sum, "AVERAGE": np.mean, "MIN": np.min, "MAX": np.max}[how](np.where(there, both, far), 0)
    wanted = np.where(there.any(0), wanted, 0)
    np.testing.assert_allclose(run("TreeEnsembleRegressor", x, n_targets=2, aggregate_function=how, **trees), wanted, 1e-6)


@pytest.mark.parametrize("how", ["NONE", "LOGISTIC", "SOFTMAX"])
def test_classes_by_trees(how):
    x = normal(30, 3)
    beside_ort("TreeEnsembleClassifier", x, outputs=2, classlabels_int64s=[4, 5, 6], post_transform=how, kinds=(7, 1),
               base_values=[0.1, 0.2, 0.3], **TREES, **weighted("class", [0, 1, 2, 1, 0], [1.5, 2.0, 3.0, 0.5, 1.0]))  # fmt: skip
    for weights in ([0.4, 0.1, 0.3, 0.5, 0.2], [1.5, -2.0, 3.0, 0.5, -1.0])[: 1 if how == "SOFTMAX" else 2]:
        beside_ort("TreeEnsembleClassifier", x, outputs=2, classlabels_strings=["no", "yes"], post_transform=how, kinds=(8, 1),
                   **TREES, **weighted("class", [0, 0, 0, 0, 0], weights))  # fmt: skip


def test_base_values_of_two_classes_count_in_both_of_their_forms():
    x = normal(30, 3)
    setting = dict(outputs=2, classlabels_int64s=[0, 1], **TREES, **weighted("class", [0, 0, 0, 0, 0], [0.4, 0.1, 0.3, 0.5, 0.2]))
    plain = run("TreeEnsembleClassifier", x, **setting)[1]
    for base in ({"base_values": [0.25]}, {"base_values_as_tensor": np.float32([0.25])}):
        scores = run("TreeEnsembleClassifier", x, **setting, **base)[1]
        np.testing.assert_allclose(scores, plain + [-0.25, 0.25], rtol=0, atol=1e-6)


def test_missing_values_have_a_branch():
    x = np.array([[np.nan, 0, 0]], np.float32)
    trees = TREES | weighted("target", [0] * 5, [1.0, 2.0, 4.0, 8.0, 16.0])
    assert run("TreeEnsembleRegressor", x, n_targets=1, **trees).item() == 4 + 16
    assert run("TreeEnsembleRegressor", x, n_targets=1, nodes_missing_value_tracks_true=[1] * 8, **trees).item() == 1 + 16


def test_trees_in_the_newer_form():
    setting = dict(version=5, n_targets=1, tree_roots=[0], nodes_featureids=[0, 1], nodes_splits=np.array([1.0, 0.0]),
                   nodes_modes=np.array([0, 6], np.uint8), nodes_truenodeids=[0, 1], nodes_trueleafs=[1, 1], nodes_falsenodeids=[1, 2],
                   nodes_falseleafs=[0, 1], leaf_targetids=[0, 0, 0], leaf_weights=np.array([1.0, 2.0, 3.0]),
                   membership_values=np.array([4.0, 6.0, np.nan]))  # fmt: skip
    found = run("TreeEnsemble", np.array([[1.0, 4], [2, 6], [2, 5]]), **setting)
    assert found.dtype == np.float64 and found.tolist() == [[1], [2], [3]]
    with pytest.raises(FormatError, match="lead back to themselves"):
        run("TreeEnsemble", np.zeros((1, 2)), **(setting | dict(nodes_falsenodeids=[0, 2])))


def test_broken_trees():
    trees = TREES | weighted("target", [0] * 5, [1.0] * 5)
    with pytest.raises(FormatError, match="TreeEnsembleRegressor: tree 0 has no node 9"):
        run("TreeEnsembleRegressor", normal(1, 3), n_targets=1, **(trees | dict(nodes_truenodeids=[9, 0, 3, 0, 0, 1, 0, 0])))
    with pytest.raises(FormatError, match="target 3 is not below 1"):
        run("TreeEnsembleRegressor", normal(1, 3), n_targets=1, **(trees | dict(target_ids=[3] * 5)))
    with pytest.raises(FormatError, match="nodes_modes are .*ODD"):
        run("TreeEnsembleRegressor", normal(1, 3), n_targets=1, **(trees | dict(nodes_modes=["ODD"] * 8)))
