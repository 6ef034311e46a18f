"""Recurrent networks learn a text letter by letter and write it: Embedding, SimpleRNN, LSTM or GRU, a schedule, sampling.

python -m graphc.keras text_rnn.py        # or any other back end of Keras: KERAS_BACKEND=jax python text_rnn.py
"""

import argparse
import contextlib
import io

import numpy as np

import keras
from keras import layers

CELLS = {"rnn": layers.SimpleRNN, "lstm": layers.LSTM, "gru": layers.GRU}
parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--cell", choices=CELLS, default="gru")
parser.add_argument("--epochs", type=int, default=8)
parser.add_argument("--length", type=int, default=160)
options = parser.parse_args()
keras.utils.set_random_seed(1)

with contextlib.redirect_stdout(io.StringIO()) as printed:
    import this  # noqa: F401  the Zen of Python, which comes with every Python
text = printed.getvalue()
letters = sorted(set(text))
codes = np.array([letters.index(c) for c in text], "int32")
TIME = 40

rng = np.random.default_rng(1)
at = rng.integers(0, len(codes) - TIME - 1, 2048)[:, None] + np.arange(TIME)
x, y = codes[at], codes[at + 1]

model = keras.Sequential(
    [keras.Input((None,), dtype="int32"), layers.Embedding(len(letters), 32),
     CELLS[options.cell](128, return_sequences=True), layers.Dense(len(letters), activation="softmax")]
)  # fmt: skip
rate = keras.optimizers.schedules.ExponentialDecay(0.01, decay_steps=100, decay_rate=0.8)
model.compile(
    optimizer=keras.optimizers.RMSprop(rate, clipnorm=1.0), loss="sparse_categorical_crossentropy", metrics=["accuracy"]
)
model.summary()


class Writes(keras.callbacks.Callback):
    """Lets the model write a few words after some epochs."""

    def on_epoch_end(self, epoch, logs=None):
        print(f"epoch {epoch + 1}   loss {logs['loss']:.4f}   accuracy {logs['accuracy']:.4f}")
        if epoch % 4 == 3:
            print(written("The ", options.length))


def written(start, length):
    """``start`` and what follows it, drawn from what the model finds likely."""
    line = [letters.index(c) for c in start]
    for _ in range(length):
        probabilities = np.asarray(model.predict_on_batch(np.array([line[-TIME:]], "int32")))[0, -1].astype("float64")
        line.append(int(rng.choice(len(letters), p=probabilities**2 / (probabilities**2).sum())))
    return "".join(letters[k] for k in line)


model.fit(x, y, batch_size=64, epochs=options.epochs, callbacks=[Writes()], verbose=0)
