"""A transformer tells prose from code by its words: a layer of one's own, MultiHeadAttention, masks, saving such a model.

python -m graphc.keras transformer.py     # or any other back end of Keras: KERAS_BACKEND=jax python transformer.py
"""

import argparse
import ast
import re
import sysconfig
import zlib
from pathlib import Path

import numpy as np

import keras
from keras import layers, ops

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--epochs", type=int, default=4)
parser.add_argument("--modules", type=int, default=60, help="of Python's library to read")
options = parser.parse_args()
keras.utils.set_random_seed(1)
WORDS, LENGTH, WIDTH = 4096, 16, 32


def lines_of(module):
    """The lines of a module in words: of its documentation, and of its code."""
    tree, source = ast.parse(module), module.splitlines()
    named = [n for n in ast.walk(tree) if isinstance(n, (ast.Module, ast.ClassDef, ast.FunctionDef))]
    documented = [n for n in named if ast.get_docstring(n)]
    inside = {k for n in documented for k in range(n.body[0].lineno - 1, n.body[0].end_lineno)}
    for k, line in enumerate(source):
        words = re.findall("[a-z]+", line.lower())
        if len(words) >= 4 and not line.lstrip().startswith("#"):
            yield int(k in inside), words[:LENGTH]


paths = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))[: options.modules]
rows = [row for path in paths for row in lines_of(path.read_text(encoding="utf-8"))]
x = np.zeros((len(rows), LENGTH), "int32")
for k, (_, words) in enumerate(rows):
    x[k, : len(words)] = [1 + zlib.crc32(w.encode()) % (WORDS - 1) for w in words]
y = np.array([label for label, _ in rows], "float32")
order = np.random.default_rng(1).permutation(len(rows))
x, y, held_out = x[order], y[order], len(rows) // 5
print(f"{len(rows)} lines of {len(paths)} modules, {y.mean():.0%} of them prose")


@keras.saving.register_keras_serializable("examples")
class Block(layers.Layer):
    """Attention and a small network, each added to what goes in."""

    def __init__(self, heads, **kwargs):
        super().__init__(**kwargs)
        self.heads = heads
        self.attention = layers.MultiHeadAttention(heads, WIDTH // heads, dropout=0.1)
        self.network = keras.Sequential([layers.Dense(2 * WIDTH, activation="gelu"), layers.Dense(WIDTH)])
        self.first, self.second = layers.LayerNormalization(), layers.LayerNormalization()

    def build(self, shape):
        self.attention.build(shape, shape)
        for layer in (self.network, self.first, self.second):
            layer.build(shape)

    def call(self, x, mask):
        attended = self.attention(x, x, attention_mask=mask[:, None, :])
        x = self.first(x + attended)
        return self.second(x + self.network(x))

    def get_config(self):
        return super().get_config() | {"heads": self.heads}


words = keras.Input((LENGTH,), dtype="int32", name="words")
mask = ops.not_equal(words, 0)
hidden = layers.Embedding(WORDS, WIDTH)(words) + layers.Embedding(LENGTH, WIDTH)(ops.arange(LENGTH))
hidden = Block(2)(hidden, mask=mask)
hidden = layers.GlobalAveragePooling1D()(hidden, mask=mask)
model = keras.Model(words, layers.Dense(1, activation="sigmoid", name="prose")(layers.Dropout(0.1)(hidden)))
model.summary()
model.compile(optimizer="adamw", loss="binary_crossentropy", metrics=["accuracy", keras.metrics.AUC(name="auc")])
model.fit(x[held_out:], y[held_out:], batch_size=64, epochs=options.epochs, validation_split=0.1, verbose=2)
found = model.evaluate(x[:held_out], y[:held_out], verbose=0, return_dict=True)
print("held out: " + ", ".join(f"{k} {v:.4f}" for k, v in found.items()))
model.save("transformer.keras")
again = keras.models.load_model("transformer.keras")
apart = abs(again.predict(x[:64], verbose=0) - model.predict(x[:64], verbose=0)).max()
print(f"the saved model's answers are {apart:.1e} away")
