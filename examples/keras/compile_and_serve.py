"""A Keras model is compiled ahead of time: a fresh process predicts without a compiler, and trains on without Keras.

python compile_and_serve.py               # everything, in order
python compile_and_serve.py --serve out   # what the fresh process does with the files
"""

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
from digits import load_data

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--serve", metavar="FOLDER", type=Path)
options = parser.parse_args()
(x_train, y_train), (x_test, y_test) = load_data()
x_train, x_test, y_train = x_train.astype("float32") / 255, x_test.astype("float32") / 255, y_train.astype("int32")


def train_and_export(folder):
    from graphc import keras

    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [keras.Input((28, 28), name="image"), keras.layers.Flatten(), keras.layers.Dense(64, activation="relu"),
         keras.layers.Dense(10, activation="softmax", name="digit")]
    )  # fmt: skip
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=1, verbose=0)
    print(f"after one epoch: {model.evaluate(x_test, y_test, verbose=0)[1]:.4f} of the test images right")
    model.export(folder / "digits.gc", format="graphc", verbose=False)
    print("wrote", *sorted(path.name for path in folder.iterdir()))


def serve(folder):
    import graphc

    predict = graphc.load(folder / "digits.gc")
    step = graphc.load(folder / "digits_train.gc")
    assert "keras" not in sys.modules and "llvmlite" not in sys.modules
    (probabilities,) = predict(x_test)
    print(f"loaded: {np.mean(probabilities.argmax(1) == y_test):.4f} of the test images right")
    with np.load(folder / "digits_train.npz") as file:
        state = dict(file)
    taken = [p.name for p in step.signature.inputs][2:]  # after the image and its digit
    given = [p.name for p in step.signature.outputs]
    rng = np.random.default_rng(1)
    for _ in range(400):
        batch = rng.integers(0, len(x_train), 32)
        answers = dict(zip(given, step(x_train[batch], y_train[batch], *[state[name] for name in taken])))
        state.update({name: value for name, value in answers.items() if name in state})
    print(f"400 steps later: loss {answers['loss']:.4f}, accuracy {answers['accuracy']:.4f} since the first of them")


if options.serve:
    serve(options.serve)
else:
    out = Path("out")
    out.mkdir(exist_ok=True)
    train_and_export(out)
    subprocess.run([sys.executable, __file__, "--serve", out], check=True)
