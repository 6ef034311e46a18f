"""Steps of Keras' trainer: one program for any number of rows, fed as the data is, told to those who listen."""

import os
import signal
import threading

import numpy as np
import pytest

import graphc as tf
from graphc import keras

layers = keras.layers


@pytest.fixture
def data():
    draw = np.random.default_rng(0)
    x = draw.random((100, 4), np.float32)
    return x, x @ np.array([[1.0], [-2.0], [0.5], [3.0]], np.float32)


def made(*between, **how):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([layers.Input((4,)), layers.Dense(8, activation="relu"), *between, layers.Dense(1)])
    model.compile(**{"optimizer": "adam", "loss": "mse", **how})
    return model


def traced(model) -> list:
    """The list to which every trace of the training step adds its loss."""
    seen, own = [], model.compute_loss

    def compute_loss(*args, **kwargs):
        seen.append(own(*args, **kwargs))
        return seen[-1]

    model.compute_loss = compute_loss
    return seen


def test_one_program_serves_every_number_of_rows_and_every_rate(data):
    x, y = data
    model = made()
    model.fit(x[:2], y[:2], verbose=0)
    model.train_on_batch(x[:7], y[:7])
    seen = traced(model)
    model.fit(x, y, batch_size=32, epochs=2, verbose=0)
    model.train_on_batch(x[:9], y[:9])
    model.optimizer.learning_rate = 0.5
    before = model.get_weights()
    model.fit(x, y, batch_size=50, verbose=0)
    assert not seen and float(model.optimizer.learning_rate) == 0.5
    assert max(abs(a - b).max() for a, b in zip(before, model.get_weights())) > 0.2
    model.compile("sgd", "mse")
    model.fit(x, y, verbose=0)
    assert len(seen) == 2, "compile() begins anew: once for the shapes, and one trace"


def test_steps_are_what_numpy_says(data):
    x, y = data
    model = keras.Sequential([layers.Input((4,)), layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    w, b = model.get_weights()
    history = model.fit(x, y, batch_size=30, shuffle=False, verbose=0).history
    losses = []
    for k in range(0, 100, 30):
        off = x[k : k + 30] @ w + b - y[k : k + 30]
        losses.append((float((off**2).mean()), len(off)))
        w, b = w - 0.2 * x[k : k + 30].T @ off / len(off), b - 0.2 * off.mean(0)
    assert history["loss"] == pytest.approx([sum(v * n for v, n in losses) / 100], rel=1e-5)
    np.testing.assert_allclose(model.get_weights()[0], w, rtol=1e-5, atol=1e-6)


def test_a_size_that_python_needs_has_a_program_of_its_own(data):
    class Rows(layers.Layer):
        def call(self, x):
            return x * float(x.shape[0])

        def compute_output_spec(self, x):
            return keras.KerasTensor(x.shape, x.dtype)

    model = keras.Sequential([layers.Input((4,)), Rows()])
    x = data[0]
    np.testing.assert_allclose(model.predict(x, batch_size=60, verbose=0), np.r_[x[:60] * 60, x[60:] * 40], rtol=1e-6)


def test_a_model_of_two_networks_needs_no_call(data):
    """As adversarial networks are written: a step trains both, and nothing says what the model is of a batch."""

    class Pair(keras.Model):
        def __init__(self):
            super().__init__()
            self.one = keras.Sequential([layers.Dense(2), layers.Dense(1)])  # not built before the step calls it
            self.other = keras.Sequential([layers.Input((4,)), layers.Dense(1)])
            self.loss_tracker = keras.metrics.Mean("off")

        def compile(self, one_optimizer, other_optimizer):
            super().compile()
            self.optimizers = one_optimizer, other_optimizer

        @property
        def metrics(self):
            return [self.loss_tracker]

        def train_step(self, x):
            for part, target, optimizer in zip((self.one, self.other), (1.0, -1.0), self.optimizers):
                with tf.GradientTape() as tape:
                    off = keras.ops.mean((part(x) - target) ** 2)
                optimizer.apply(tape.gradient(off, part.trainable_weights), part.trainable_weights)
            self.loss_tracker.update_state(off)
            return {m.name: m.result() for m in self.metrics}

    model = Pair()
    model.compile(keras.optimizers.Adam(0.05), keras.optimizers.SGD(0.1))
    history = model.fit(data[0], batch_size=32, epochs=20, verbose=0).history
    assert history["off"][-1] < 0.5 * history["off"][0]
    assert abs(float(keras.ops.mean(model.one(data[0]))) - 1) < 0.3
    with pytest.raises(NotImplementedError, match="does not have a `call"):
        model.predict(data[0], verbose=0)


def test_a_metric_may_answer_with_its_variable(data):
    class Above(keras.metrics.Metric):
        def __init__(self):
            super().__init__(name="above")
            self.count = self.add_weight(shape=(), initializer="zeros")

        def update_state(self, y, y_pred, sample_weight=None):
            self.count.assign_add(keras.ops.sum(keras.ops.cast(y > 0, "float32")))

        def result(self):
            return self.count

    x, y = data
    model = keras.Sequential([layers.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[Above()])
    assert model.fit(x, y, verbose=0).history["above"] == [np.sum(y > 0)]
    assert np.array(model.metrics[1].result(), copy=True).shape == ()


def test_a_model_that_gets_a_layer_forgets_its_steps(data):
    model = keras.Sequential([layers.Input((4,)), layers.Dense(8)])
    assert model.predict(data[0], verbose=0).shape == (100, 8)
    model.add(layers.Dense(3))
    assert model.predict(data[0], verbose=0).shape == (100, 3)
    model.pop()
    assert model.predict(data[0], verbose=0).shape == (100, 8)


def test_arrays_are_fed_where_they_lie(data):
    x, y = data
    model, seen = made(), []
    model.make_train_function()
    own = model.train_function
    model.train_function = lambda batches: seen.extend(batches) or own(batches)
    model.fit(x, y, batch_size=25, shuffle=False, verbose=0)
    assert len(seen) == 4 and all(np.shares_memory(bx, x) and np.shares_memory(by, y) for bx, by in seen)


def test_predictions_are_arrays_of_ones_own(data):
    model, seen = made(), []
    x = data[0]
    for found in (model.predict(x, verbose=0), model.predict(x[:1], verbose=0), model.predict_on_batch(x)):
        found[...] = 1.0
    listener = keras.callbacks.LambdaCallback(on_predict_batch_end=lambda batch, logs: seen.append(logs["outputs"].shape))
    assert model.predict(data[0], batch_size=60, verbose=0, callbacks=[listener]).shape == (100, 1)
    assert seen == [(60, 1), (40, 1)]


def test_data_sets_of_ours_are_batches(data):
    x, y = data
    one, other = made(), made()
    expected = one.fit(x, y, batch_size=32, epochs=2, shuffle=False, validation_data=(x, y), verbose=0).history
    train = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)
    found = other.fit(train, epochs=2, validation_data=train, verbose=0).history
    assert found == {k: pytest.approx(v, rel=1e-5) for k, v in expected.items()}
    np.testing.assert_allclose(other.predict(train, verbose=0), one.predict(x, verbose=0), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="`y` should not be passed beside a graphc.data.Dataset"):
        other.fit(train, y)
    labels = (np.arange(100) % 3).astype(np.int64)
    weights = {0: 1.0, 1: 0.0, 2: 3.0}
    losses = []
    for given in ((x, labels), (tf.data.Dataset.from_tensor_slices((x, labels)).batch(32),)):
        model = keras.Sequential([layers.Input((4,)), layers.Dense(3, "softmax", kernel_initializer="ones")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        losses.append(model.fit(*given, shuffle=False, class_weight=weights, verbose=0).history["loss"][0])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_several_steps_in_one_execution_are_the_same_steps(data, recwarn):
    x, y = data
    one, three = made(layers.BatchNormalization()), made(layers.BatchNormalization(), steps_per_execution=3)
    heard = []
    listener = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: heard.append(batch))
    expected = one.fit(x, y, batch_size=25, epochs=2, shuffle=False, verbose=0).history
    found = three.fit(x, y, batch_size=25, epochs=2, shuffle=False, verbose=0, callbacks=[listener]).history
    assert found == {k: pytest.approx(v, rel=1e-5) for k, v in expected.items()} and heard == [2, 5, 2, 5]
    assert not [w for w in recwarn if "ran out of data" in str(w.message)]
    rows = three.predict(x, batch_size=30, verbose=0)
    np.testing.assert_allclose(rows, one.predict(x, verbose=0), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_narrow_numbers_train_wide_weights(data, policy):
    x, y = data
    keras.config.set_dtype_policy(policy)
    try:
        model = made(layers.BatchNormalization(), layers.Activation("linear", dtype="float32"))
    finally:
        keras.config.set_dtype_policy("float32")
    losses = model.fit(x, y, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0] and {w.dtype for w in model.weights} == {"float32"}
    assert model.layers[0].compute_dtype == policy[6:]
    assert (type(model.optimizer).__name__ == "LossScaleOptimizer") == (policy == "mixed_float16")


def test_an_interrupted_fit_leaves_all_usable(data):
    x, y = data
    model = made()
    model.fit(x, y, verbose=0)
    begun = int(model.optimizer.iterations)

    class Interrupting(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, verbose=0, callbacks=[Interrupting()], validation_data=(x, y))
    assert int(model.optimizer.iterations) == begun + 3
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, epochs=1_000_000, verbose=0)
    assert int(model.optimizer.iterations) > begun + 3
    assert model.fit(x, y, epochs=3, verbose=0).history["loss"][-1] < 10
    assert model.predict(x, verbose=0).shape == (100, 1)


def test_loops_of_ones_own_take_gradients_by_the_variables_of_keras(data):
    x, y = data
    model, optimizer = made(), keras.optimizers.Adam(0.05)
    measure = keras.losses.MeanSquaredError()

    def step(x, y):
        with tf.GradientTape() as tape:
            loss = measure(y, model(x, training=True))
        optimizer.apply_gradients(zip(tape.gradient(loss, model.trainable_weights), model.trainable_weights))
        return loss

    losses = [float(step(x, y)) for _ in range(3)]
    compiled = tf.function(step)
    losses += [float(compiled(x, y)) for _ in range(60)]
    assert losses[2] < losses[0] and losses[-1] < 0.2 * losses[0]


def test_a_step_without_state_takes_and_gives_it(data):
    x, y = data
    model = made(layers.BatchNormalization())
    optimizer, measure = keras.optimizers.SGD(0.05), keras.losses.MeanSquaredError()
    optimizer.build(model.trainable_variables)
    groups = model.trainable_variables, model.non_trainable_variables, optimizer.variables
    state = [[v.numpy() for v in group] for group in groups]
    held = model.get_weights()

    @tf.function
    def step(trainable, other, slots, x, y):
        with tf.GradientTape() as tape:
            tape.watch(trainable)
            answer, other = model.stateless_call(trainable, other, x, training=True)
            loss = measure(y, answer)
        trainable, slots = optimizer.stateless_apply(slots, tape.gradient(loss, trainable), trainable)
        return loss, trainable, other, slots

    losses = []
    for _ in range(20):
        loss, *state = step(*state, x, y)
        losses.append(float(loss))
    assert losses[-1] < losses[0] and all((a == b).all() for a, b in zip(held, model.get_weights()))


def test_values_of_steps_are_told_to_those_who_listen(data, tmp_path):
    x, y = data
    model, told = made(metrics=["mae"]), []

    class Old(keras.callbacks.Callback):
        def on_batch_end(self, batch, logs=None):
            told.append(sorted(logs))

    log, weights = tmp_path / "log.csv", tmp_path / "best.weights.h5"
    model.fit(
        x, y, batch_size=50, epochs=3, verbose=0, validation_split=0.2,
        callbacks=[Old(), keras.callbacks.CSVLogger(str(log)), keras.callbacks.EarlyStopping(restore_best_weights=True),
                   keras.callbacks.ModelCheckpoint(str(weights), save_weights_only=True),
                   keras.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1)),
                   keras.callbacks.ReduceLROnPlateau(), keras.callbacks.TerminateOnNaN()],
    )  # fmt: skip
    assert told and told[0] == ["loss", "mae"] and weights.exists()
    assert log.read_text().splitlines()[0] == "epoch,loss,mae,val_loss,val_mae"


def test_a_step_that_does_not_fit_names_the_layer_and_the_shapes(data):
    x, y = data
    with pytest.raises(ValueError, match=r"layer 'dense.*expected axis -1 .* value 4.* shape \(25, 3\)"):
        made().fit(x[:, :3], y, batch_size=25, verbose=0)
