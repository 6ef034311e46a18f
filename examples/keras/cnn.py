"""A convolutional network classifies handwritten digits: Sequential, compile, fit, evaluate, predict, curves, a saved file.

python -m graphc.keras cnn.py             # or any other back end of Keras: KERAS_BACKEND=jax python cnn.py
"""

import argparse

import matplotlib
from digits import DATA, drawn, load

import keras
from keras.layers import Activation, Conv2D, Dense, Dropout, Flatten, LeakyReLU, MaxPooling2D

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", choices=DATA, default="digits")
parser.add_argument("--epochs", type=int, default=8)
options = parser.parse_args()
keras.utils.set_random_seed(1)
matplotlib.use("Agg")  # files, no windows
import matplotlib.pyplot as plt  # noqa: E402

(x_train, y_train), (x_test, y_test) = load(options.data)
x_train = x_train[..., None].astype("float32") / 255
x_test = x_test[..., None].astype("float32") / 255

model = keras.Sequential()
model.add(Conv2D(filters=16, kernel_size=(3, 3), padding="same", activation="relu", input_shape=(28, 28, 1)))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Conv2D(32, (3, 3), padding="same"))
model.add(LeakyReLU(negative_slope=0.1))
model.add(MaxPooling2D(pool_size=(2, 2)))
model.add(Flatten())
model.add(Dropout(0.25))
model.add(Dense(units=64, activation="relu"))
model.add(Dense(10))
model.add(Activation("softmax"))
model.summary()
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, epochs=options.epochs, batch_size=32, validation_data=(x_test, y_test), verbose=2)

curves = model.history.history
figure, axes = plt.subplots(1, 2, figsize=(9, 3))
for axis, name in zip(axes, ("accuracy", "loss")):
    axis.plot(curves[name], label="training")
    axis.plot(curves[f"val_{name}"], label="test")
    axis.set_xlabel("epoch")
    axis.set_title(name)
    axis.legend()
figure.savefig("cnn_curves.png")
try:
    keras.utils.plot_model(model, "cnn_model.png", show_shapes=True)
except ImportError as error:  # it needs pydot and graphviz
    print(error)

loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"test loss {loss:.4f}, test accuracy {accuracy:.4f}")
print(drawn(x_test[:3, :, :, 0]))
print("classified as", *model.predict(x_test[:3], verbose=0).argmax(axis=1), "and labelled", *y_test[:3])
model.save("cnn.keras")
again = keras.models.load_model("cnn.keras")
same = (again.predict(x_test, verbose=0) == model.predict(x_test, verbose=0)).all()
print("the saved model answers the same:", bool(same))
