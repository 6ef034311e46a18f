"""Two networks against each other: one draws digits from noise, the other tells them from real ones.

python gan.py
"""

import argparse

from digits import drawn, load_data

import graphc as tf

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--steps", type=int, default=3000)
parser.add_argument("--seed", type=int, default=1)
options = parser.parse_args()
tf.random.set_seed(options.seed)

(x_train, _), _ = load_data()
images = tf.data.Dataset.from_tensor_slices(x_train.reshape(-1, 64) * 2 - 1)
images = images.shuffle(1500, seed=options.seed).repeat().batch(64).prefetch(2)
NOISE = 16


class Layers(tf.Module):
    def __init__(self, sizes, name):
        super().__init__(name)
        glorot = tf.initializers.GlorotNormal()
        self.weights = [tf.Variable(glorot([a, b])) for a, b in zip(sizes, sizes[1:])]
        self.biases = [tf.Variable(tf.zeros([b])) for b in sizes[1:]]

    def __call__(self, x):
        for w, b in zip(self.weights[:-1], self.biases[:-1]):
            x = tf.nn.leaky_relu(x @ w + b, 0.2)
        return x @ self.weights[-1] + self.biases[-1]


generator = Layers([NOISE, 128, 128, 64], "generator")
discriminator = Layers([64, 128, 64, 1], "discriminator")
generator_optimizer = tf.optimizers.Adam(0.0005, beta_1=0.5)
discriminator_optimizer = tf.optimizers.Adam(0.0005, beta_1=0.5)


def cross_entropy(logits, label):
    labels = tf.fill(tf.shape(logits), label)
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits))


@tf.function
def train_step(real):
    noise = tf.random.normal([tf.shape(real)[0], NOISE])
    with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
        fake = tf.tanh(generator(noise))
        on_real, on_fake = discriminator(real), discriminator(fake)
        g_loss = cross_entropy(on_fake, 1.0)
        d_loss = cross_entropy(on_real, 0.9) + cross_entropy(on_fake, 0.0)
    g_variables, d_variables = generator.trainable_variables, discriminator.trainable_variables
    generator_optimizer.apply_gradients(zip(g_tape.gradient(g_loss, g_variables), g_variables))
    discriminator_optimizer.apply_gradients(zip(d_tape.gradient(d_loss, d_variables), d_variables))
    return g_loss, d_loss


for step, real in enumerate(images.take(options.steps), 1):
    g_loss, d_loss = train_step(real)
    if step % 1000 == 0:
        print(f"step {step:5d}   generator loss {float(g_loss):.4f}   discriminator loss {float(d_loss):.4f}")

fakes = tf.tanh(generator(tf.random.normal([500, NOISE])))
distance = tf.reduce_min(tf.norm(fakes[:, None, :] - (x_train.reshape(1, -1, 64) * 2 - 1), axis=2), axis=1)
print(f"mean distance of a drawn digit from the nearest real one {tf.reduce_mean(distance):.4f}")
print(drawn((fakes.numpy()[:6].reshape(-1, 8, 8) + 1) / 2))
