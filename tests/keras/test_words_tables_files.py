"""What Keras makes with TensorFlow alone, made by graphc where that is not installed: words, tables, data sets."""

import importlib.util
import wave

import numpy as np
import pytest
from PIL import Image

import graphc as tf
from graphc import keras
from keras.src.legacy.saving import json_utils

layers = keras.layers
pytestmark = pytest.mark.skipif(importlib.util.find_spec("tensorflow") is not None, reason="TensorFlow is installed")


def test_words_become_numbers_and_numbers_words():
    lookup = layers.StringLookup(vocabulary=["a", "b", "c"])
    assert lookup(np.array([["a", "z"], ["c", "b"]])).numpy().tolist() == [[1, 0], [3, 2]]
    assert layers.StringLookup(vocabulary=["a", "b", "c"], invert=True)([1, 0]).numpy().tolist() == [b"a", b"[UNK]"]
    learnt = layers.StringLookup()
    learnt.adapt(np.array(["x", "y", "x"]))
    assert learnt.get_vocabulary() == ["[UNK]", "x", "y"]
    numbers = layers.IntegerLookup(vocabulary=[12, 36, 1138], output_mode="multi_hot")
    assert numbers(np.array([[12, 1138], [7, 36]])).numpy().tolist() == [[0, 1, 0, 1], [1, 0, 1, 0]]
    counts = layers.StringLookup(vocabulary=["a", "b"], output_mode="count")
    assert counts(tf.ragged.constant([["a", "b", "b"], ["q"]])).numpy().tolist() == [[0, 1, 2], [1, 0, 0]]


def test_hashes_are_tensorflows():
    # recorded with TensorFlow 2.21 underneath Keras 3.15
    words = np.array([["A"], ["B"], ["C"]])
    assert layers.Hashing(num_bins=5)(words).numpy().tolist() == [[4], [3], [2]]
    assert layers.Hashing(num_bins=5, salt=[133, 137])(words).numpy().tolist() == [[4], [0], [2]]
    crossed = layers.HashedCrossing(num_bins=5)((np.array(["A", "B"]), np.array([1, 2])))
    assert crossed.numpy().tolist() == [0, 1]


def test_texts_become_numbers():
    words = layers.TextVectorization(max_tokens=50, output_sequence_length=4)
    words.adapt(["The cat sat!", "the dog, sat."])
    assert words.get_vocabulary() == ["", "[UNK]", "the", "sat", "dog", "cat"]
    assert words(["the cat ran", "dog"]).numpy().tolist() == [[2, 5, 1, 0], [4, 0, 0, 0]]
    pairs = layers.TextVectorization(ngrams=2, output_mode="count")
    pairs.adapt(tf.data.Dataset.from_tensor_slices(["a b c", "a b"]).batch(1))
    known = pairs.get_vocabulary()
    row = pairs(["a b z"]).numpy()[0]
    assert {word: n for word, n in zip(known, row) if n} == {"a": 1, "b": 1, "a b": 1, "[UNK]": 2}
    weighed = layers.TextVectorization(output_mode="tf_idf")
    weighed.adapt(["a b", "a c"])
    row = dict(zip(weighed.get_vocabulary(), weighed(["a b b"]).numpy()[0]))
    assert row["a"] == pytest.approx(np.log(1 + 2 / 3)) and row["b"] == pytest.approx(2 * np.log(2)) and row["c"] == 0


def test_a_model_with_words_is_saved(tmp_path):
    words = layers.TextVectorization(output_sequence_length=4, vocabulary=["x", "y"])
    model = keras.Sequential([keras.Input((1,), dtype="string"), words, layers.Embedding(5, 2)])
    model.save(tmp_path / "words.keras")
    texts = tf.constant([["x y q"], ["y"]])
    assert np.array_equal(keras.models.load_model(tmp_path / "words.keras")(texts), model(texts))


def test_features_of_a_table():
    space = keras.utils.FeatureSpace(
        features={"size": "float_normalized", "kind": keras.utils.FeatureSpace.string_categorical(num_oov_indices=1)},
        output_mode="concat",
    )
    table = {"size": np.arange(4, dtype="float32"), "kind": ["x", "y", "x", "z"]}
    space.adapt(tf.data.Dataset.from_tensor_slices(table))
    rows = space({"size": [1.5, 4.0], "kind": ["x", "none"]}).numpy()
    assert rows.shape == (2, 5) and sorted(rows[0].tolist()) == [0, 0, 0, 0, 1] and rows[:, :4].sum() == 2


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(3)
    for kind in ("cats", "dogs"):
        (tmp_path / kind).mkdir()
        for k in range(5):
            Image.fromarray(rng.integers(0, 255, (20, 24, 3), "uint8")).save(tmp_path / kind / f"{k}.png")
    return tmp_path


def test_a_model_learns_from_a_folder_of_pictures(pictures):
    read = keras.utils.image_dataset_from_directory(pictures, image_size=(16, 16), batch_size=4, verbose=False)
    assert read.class_names == ["cats", "dogs"] and [x.shape[0] for x, _ in read] == [4, 4, 2]
    changed = read.map(lambda x, y: (layers.RandomFlip(seed=1)(x, training=True), y))
    model = keras.Sequential([layers.Rescaling(1 / 255), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(2)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    assert np.isfinite(model.fit(changed, epochs=2, verbose=0).history["loss"]).all()


def test_texts_sounds_and_series_are_read(tmp_path):
    for kind in ("texts/a", "texts/b", "sounds/a", "sounds/b"):
        (tmp_path / kind).mkdir(parents=True)
    for kind, text in (("a", "cats sit"), ("b", "dogs run")):
        (tmp_path / "texts" / kind / "0.txt").write_text(text)
        with wave.open(str(tmp_path / "sounds" / kind / "0.wav"), "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(8000)
            sound.writeframes(b"\1\0" * 100)
    texts = keras.utils.text_dataset_from_directory(tmp_path / "texts", batch_size=2, shuffle=False, verbose=False)
    (words, labels), = texts
    assert words.numpy().tolist() == [b"cats sit", b"dogs run"] and labels.numpy().tolist() == [0, 1]
    sounds = keras.utils.audio_dataset_from_directory(
        tmp_path / "sounds", output_sequence_length=50, batch_size=2, verbose=False
    )
    assert [tuple(x.shape) for x, _ in sounds] == [(2, 50, 1)]
    series = keras.utils.timeseries_dataset_from_array(np.arange(9.0), np.arange(9.0), 4, batch_size=4)
    assert [x.numpy()[0].tolist() for x, _ in series] == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_what_is_written_to_a_file_is_told_apart():
    write, read = keras.saving.serialize_keras_object, keras.saving.deserialize_keras_object
    x = tf.constant([[1.0, 2.0]])
    assert tuple(write(x.shape)) == (1, 2) and read(write({"x": x}))["x"].numpy().tolist() == [[1, 2]]
    assert json_utils.decode(json_utils.Encoder().encode({"key": b"bytes"})) == {"key": b"bytes"}
    sound = tf.audio.decode_wav(tf.audio.encode_wav(np.array([[0.5], [-0.25]]), 8000))
    assert sound.audio.numpy().tolist() == [[0.5], [-0.25]]


def test_nothing_else_is_served_under_tensorflows_name():
    with pytest.raises(TypeError, match="Cannot serialize object"):
        keras.saving.serialize_keras_object(object())
    with pytest.raises(ModuleNotFoundError):
        import tensorflow  # noqa: F401
