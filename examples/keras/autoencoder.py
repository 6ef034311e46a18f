"""An autoencoder squeezes images through 16 numbers: functional models that share layers, early stopping.

python -m graphc.keras autoencoder.py     # or any other back end of Keras: KERAS_BACKEND=jax python autoencoder.py
"""

import argparse

import numpy as np
from digits import DATA, drawn, load

import keras
from keras import layers

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--data", choices=DATA, default="digits")
parser.add_argument("--epochs", type=int, default=40)
parser.add_argument("--noise", type=float, default=0.1, help="of the images that go in")
options = parser.parse_args()
keras.utils.set_random_seed(1)

(x_train, _), (x_test, _) = load(options.data)
x_train, x_test = x_train.astype("float32") / 255, x_test.astype("float32") / 255

image = keras.Input((28, 28), name="image")
hidden = layers.Flatten()(image)
hidden = layers.GaussianNoise(options.noise)(hidden)
hidden = layers.Dense(128, activation="relu")(hidden)
code = layers.Dense(16, name="code")(hidden)
encoder = keras.Model(image, code, name="encoder")

numbers = keras.Input((16,), name="numbers")
hidden = layers.Dense(128, activation="relu")(numbers)
pixels = layers.Dense(28 * 28, activation="sigmoid")(hidden)
decoder = keras.Model(numbers, layers.Reshape((28, 28))(pixels), name="decoder")

both = keras.Model(image, decoder(encoder(image)), name="autoencoder")
both.summary()
both.compile(optimizer=keras.optimizers.Adam(2e-3), loss="binary_crossentropy", metrics=["mse"])
stop = keras.callbacks.EarlyStopping("val_mse", mode="min", patience=5, restore_best_weights=True)
history = both.fit(
    x_train, x_train, batch_size=64, epochs=options.epochs, validation_data=(x_test, x_test), callbacks=[stop], verbose=0
).history
print(f"{len(history['mse'])} epochs, loss from {history['loss'][0]:.4f} to {history['loss'][-1]:.4f}")

codes = encoder.predict(x_test, verbose=0)
back = decoder.predict(codes, verbose=0)
error, of_mean = np.mean((back - x_test) ** 2), np.mean((x_train.mean(0) - x_test) ** 2)
print(f"squared error of test images {error:.5f}, of their mean {of_mean:.5f}")
print("three images, what comes back, and what lies between the first two:")
between = decoder.predict(np.stack([codes[0] * (1 - t) + codes[1] * t for t in (0.25, 0.5, 0.75)]), verbose=0)
for row in (x_test[:3], back[:3], between):
    print(drawn(row), end="\n\n")
