"""Gradients of one's own: a stable log(1 + e^x), rounding that learns, a layer that turns gradients round; higher orders.

python custom_gradients.py
"""

import graphc as tf


def naive(x):
    return tf.math.log(1 + tf.exp(x))


@tf.custom_gradient
def log1pexp(x):
    e = tf.exp(x)

    def grad(upstream):
        return upstream * (1 - 1 / (1 + e))

    return tf.math.log(1 + e), grad


@tf.custom_gradient
def rounded(x):
    """Rounds, and lets the gradient pass as if it had not."""
    return tf.round(x), lambda upstream: upstream


@tf.custom_gradient
def reversed_gradient(x):
    return tf.identity(x), lambda upstream: -0.1 * upstream


x = tf.constant(100.0)
for function in (naive, log1pexp):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    print(f"gradient of {function.__name__} at 100: {tape.gradient(y, x).numpy()}")

# A quantised weight: the loss sees round(w), the gradient sees w.
w = tf.Variable(0.3)
for _ in range(30):
    with tf.GradientTape() as tape:
        loss = (rounded(w * 4) / 4 - 0.75) ** 2
    w.assign_sub(0.2 * tape.gradient(loss, w))
print(f"quantised weight {float(tf.round(w * 4) / 4)}")

v = tf.Variable([1.0, 2.0])
with tf.GradientTape() as tape:
    y = tf.reduce_sum(reversed_gradient(v) ** 2)
print(f"turned round: {tape.gradient(y, v).numpy()}")

# Second derivatives: a tape around a tape; Jacobians; forward mode gives Hessian times vector.
a = tf.Variable(2.0)
with tf.GradientTape() as outer:
    with tf.GradientTape() as inner:
        y = a**3
    first = inner.gradient(y, a)
second = outer.gradient(first, a)
print(f"a^3 at 2: slope {first.numpy()}, curvature {second.numpy()}")

m = tf.constant([1.0, 2.0, 3.0])
with tf.GradientTape() as tape:
    tape.watch(m)
    y = tf.cumsum(m**2)
print(f"Jacobian of the cumulative sum of squares:\n{tape.jacobian(y, m).numpy()}")

direction = tf.constant([1.0, 0.0, -1.0])
with tf.autodiff.ForwardAccumulator(m, direction) as forward:
    with tf.GradientTape() as tape:
        tape.watch(m)
        y = tf.reduce_prod(m)
    slope = tape.gradient(y, m)
print(f"Hessian of the product times {direction.numpy()}: {forward.jvp(slope).numpy()}")
