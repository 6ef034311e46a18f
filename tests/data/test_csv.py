"""CSV files: records as tuples, batches of columns by name, and what is said about records that do not fit."""

import gzip

import numpy as np
import pytest

import graphc as tf
from graphc.api.data.csv_files import texts_of
from graphc.errors import DtypeError, InvalidArgumentError, ShapeError, UsageError

CSV = 'a,b,c\n1,2.5,"x,y"\n,3,"q""r"\n4,,\n'


def values(dataset):
    return list(dataset.as_numpy_iterator())


@pytest.fixture
def file(tmp_path):
    def write(text, name="x.csv"):
        (tmp_path / name).write_bytes(text.encode())
        return str(tmp_path / name)

    return write


def csv(path, defaults, **options):
    return tf.data.experimental.CsvDataset(path, defaults, **options)


def test_records_are_tensorflows(file):
    path = file(CSV)
    defaults = [tf.constant([7], tf.int32), tf.constant([1.5]), tf.constant(["d"])]
    made = csv(path, defaults, header=True)
    assert values(made) == [(1, 2.5, b"x,y"), (7, 3.0, b'q"r'), (4, 1.5, b"d")]
    assert [s.dtype for s in made.element_spec] == [tf.int32, tf.float32, tf.string]
    assert values(csv(path, [[0], ""], header=True, select_cols=[0, 2])) == [(1, b"x,y"), (0, b'q"r'), (4, b"")]
    assert values(csv(path, [[0], ""], header=True, exclude_cols=[1])) == [(1, b"x,y"), (0, b'q"r'), (4, b"")]


def test_fields(file):
    assert values(csv(file("1,NA\nNA,3"), [[9], [8]], na_value="NA")) == [(1, 8), (9, 3)]
    assert values(csv(file('"1";a"b\n'), ["", ""], field_delim=";", use_quote_delim=False)) == [(b'"1"', b'a"b')]
    types = [tf.int64, tf.float64, tf.float32, tf.string]
    assert values(csv(file("-3000000000,1e300,-0x1p-1,x y\r\n"), types)) == [(-3000000000, 1e300, -0.5, b"x y")]
    assert values(csv(file('1,"a\nb"\r\n2,""\n'), [0, "z"])) == [(1, b"a\nb"), (2, b"z")]
    assert values(csv(file('"a",\n'), ["", "z"])) == [(b"a", b"z")]


def test_several_files_and_compression(file, tmp_path):
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"h\n5\n6\n"))
    both = [str(tmp_path / "x.gz")] * 2
    assert values(csv(both, [tf.int32], compression_type="GZIP", header=True)) == [(5,), (6,), (5,), (6,)]
    names = tf.data.Dataset.from_tensor_slices([file("1\n", "a"), file("2\n", "b")])
    assert values(names.flat_map(lambda n: csv(n, [0]))) == [(1,), (2,)]


def test_texts_do_not_depend_on_blocks():
    text = b'1,"a\nb""\n"\r\n\n2,c'
    for size in range(1, len(text)):
        pieces = iter([text[k : k + size] for k in range(0, len(text), size)])
        assert list(texts_of(pieces, True)) == [b'1,"a\nb""\n"', b"", b"2,c"]


@pytest.mark.parametrize("text, defaults, what", [
    ("1,2\n3\n", [0, 0], "x.csv: record 1 has 1 fields, expected 2"),
    ("1,2\n3,4,5\n", [0, 0], "x.csv: record 1 has 3 fields, expected 2"),
    ("1,2\n3,x\n", [0, 0], "x.csv: record 1 field 1 is not a valid int32: 'x'"),
    ("1\n3000000000\n", [0], "x.csv: record 1 field 0 is not a valid int32: '3000000000'"),
    ("1,2\n,3\n", [tf.int32, 0], "x.csv: record 1 field 0 is required but missing"),
    ('1\na"b\n', [""], "x.csv: record 1 unquoted fields cannot have quotes"),
    ('1\n"ab"c\n', [""], "x.csv: record 1 a quote inside of a string"),
])  # fmt: skip
def test_records_that_do_not_fit(file, text, defaults, what):
    iterator = iter(csv(file(text), defaults))
    next(iterator)
    with pytest.raises(InvalidArgumentError, match=what):
        next(iterator)


def test_arguments_that_mean_nothing(file):
    path = file("1,2\n")
    with pytest.raises(DtypeError, match="column 0 is bool, but columns are float32"):
        csv(path, [tf.bool])
    with pytest.raises(ShapeError, match="default 0 must be a vector of one value at most"):
        csv(path, [tf.constant([1, 2])])
    with pytest.raises(UsageError, match="field_delim must be one character, got ', '"):
        csv(path, [0], field_delim=", ")
    with pytest.raises(UsageError, match="1 select_cols for 2 record_defaults"):
        csv(path, [0, 0], select_cols=[1])
    with pytest.raises(UsageError, match="ascending order"):
        csv(path, [0, 0], select_cols=[1, 0])
    with pytest.raises(UsageError, match="select_cols or exclude_cols, not both"):
        csv(path, [0], select_cols=[1], exclude_cols=[0])
    with pytest.raises(UsageError, match="record_defaults must be a list"):
        csv(path, 3)


# ------------------------------------------------------------------------------------- columns by name

TABLE = "a,b,c,d\n1,2.5,x,3000000000\n2,3.5,y,4\n3,,z,5\n4,1.0,,6\n"


def table(path, batch_size=2, **options):
    return tf.data.experimental.make_csv_dataset(path, batch_size, shuffle=False, **{"num_epochs": 1, **options})


def plain(batch):
    return {name: column.tolist() for name, column in batch.items()}


def test_dtypes_are_found_out(file):
    """As TensorFlow finds them."""
    made = table(file(TABLE))
    assert {n: s.dtype for n, s in made.element_spec.items()} == {
        "a": tf.int32, "b": tf.float32, "c": tf.string, "d": tf.int64}  # fmt: skip
    assert made.element_spec["a"].shape.as_list() == [None]
    assert [plain(b) for b in values(made)] == [
        {"a": [1, 2], "b": [2.5, 3.5], "c": [b"x", b"y"], "d": [3000000000, 4]},
        {"a": [3, 4], "b": [0.0, 1.0], "c": [b"z", b""], "d": [5, 6]},
    ]
    wide = table(file("p,q,r\n1e300,nan,\n2,3,\n"))
    assert [s.dtype for s in wide.element_spec.values()] == [tf.float64, tf.float32, tf.string]


def test_labels_columns_and_defaults(file):
    path = file(TABLE)
    x, y = values(table(path, label_name="c"))[0]
    assert list(x) == ["a", "b", "d"] and y.tolist() == [b"x", b"y"]
    assert sorted(values(table(path, select_columns=["b", "a"]))[0]) == ["a", "b"]
    assert plain(values(table(path, select_columns=[3]))[0]) == {"d": [3000000000, 4]}
    given = table(path, column_defaults=[0, 7.5, "q", tf.int64])
    assert [plain(b)["b"] for b in values(given)] == [[2.5, 3.5], [7.5, 1.0]]
    named = table(file("1,2\n3,4\n"), header=False, column_names=["p", "q"])
    assert [plain(b) for b in values(named)] == [{"p": [1, 3], "q": [2, 4]}]


def test_epochs_batches_and_order(file, tmp_path):
    path = file(TABLE)
    assert [len(b["a"]) for b in values(table(path, 3))] == [3, 1]
    assert [len(b["a"]) for b in values(table(path, 3, num_epochs=2))] == [3, 3, 2]
    endless = tf.data.experimental.make_csv_dataset(path, 3, shuffle=True, shuffle_seed=1)
    first = [v for b in endless.take(4).as_numpy_iterator() for v in b["a"].tolist()]
    assert sorted(first) == sorted([1, 2, 3, 4] * 3) and endless.element_spec["a"].shape.as_list() == [3]
    file("a,b,c,d\n9,1,w,1\n", "y.csv")
    both = table(str(tmp_path / "*.csv"), 5)
    assert [b["a"].tolist() for b in values(both)] == [[1, 2, 3, 4, 9]]
    bad = file("a\n1\nx\n2\n", "bad")
    assert [b["a"].tolist() for b in values(table(bad, 4, column_defaults=[0], ignore_errors=True))] == [[1]]


@pytest.mark.parametrize("options, what", [
    ({"label_name": "zz"}, "label_name must be one of the columns .*'d'.*, got 'zz'"),
    ({"select_columns": ["zz"]}, "column 'zz' of select_columns is none of a, b, c, d"),
    ({"select_columns": [4]}, "there is no column 4 among 4"),
    ({"column_names": ["a", "a", "b", "c"]}, "hold the same names twice: a"),
    ({"column_defaults": [0]}, "1 column_defaults for 4 columns"),
    ({"header": False}, "without a header column_names must be given"),
])  # fmt: skip
def test_columns_that_are_not_there(file, options, what):
    with pytest.raises(UsageError, match=what):
        table(file(TABLE), **options)


def test_headers_must_be_the_same(file, tmp_path):
    file("a,b\n1,2\n", "1.csv")
    file("a,c\n1,2\n", "2.csv")
    what = r"the header of .*2.csv is \['a', 'c'\], that of .*1.csv \['a', 'b'\]"
    with pytest.raises(InvalidArgumentError, match=what):
        table(str(tmp_path / "*.csv"))
    with pytest.raises(InvalidArgumentError, match="No files matched"):
        table(str(tmp_path / "*.zip"))


def test_large_numbers_of_rows(file):
    rows = 3000
    made = table(file("a,b\n" + "".join(f"{k},{k}.25\n" for k in range(rows))), 1000)
    found = values(made)
    assert np.concatenate([b["a"] for b in found]).tolist() == list(range(rows))
    assert np.concatenate([b["b"] for b in found]).sum(dtype=np.float64) == rows * (rows - 1) / 2 + rows / 4
