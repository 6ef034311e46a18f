"""Methods, static and class methods, modules."""

import gc
import weakref

import graphc as tf


class Counter:
    made = 0

    def __init__(self, by):
        self.by = by
        self.total = tf.Variable(0.0)

    @tf.function
    def add(self, x):
        """Adds."""
        type(self).made += 1
        self.total.assign_add(x * self.by)
        return self.total

    @staticmethod
    @tf.function
    def twice(x):
        return x * 2

    @tf.function
    @staticmethod
    def thrice(x):
        return x * 3

    @classmethod
    @tf.function
    def named(cls, x):
        return x + len(cls.__name__)

    @property
    @tf.function
    def half(self):
        return self.total / 2

    @tf.function(input_signature=[tf.TensorSpec([None])])
    def summed(self, x):
        return tf.reduce_sum(x) * self.by


def test_every_object_has_its_own_traces():
    a, b = Counter(1.0), Counter(10.0)
    before = Counter.made
    assert [float(v) for v in (a.add(tf.constant(1.0)), b.add(tf.constant(1.0)), a.add(tf.constant(2.0)))] == [1, 10, 3]
    assert Counter.made == before + 2
    assert a.add is a.add and a.add is not b.add and a.add.__doc__ == "Adds."
    assert a.add.experimental_get_tracing_count() == 1
    assert a.add.python_function.__self__ is a


def test_static_and_class_methods_and_properties():
    c = Counter(1.0)
    x = tf.constant(1.0)
    assert float(c.twice(x)) == float(Counter.twice(x)) == 2
    assert float(c.thrice(x)) == float(Counter.thrice(x)) == 3
    assert float(Counter.named(x)) == 8
    c.total.assign(4.0)
    assert float(c.half) == 2


def test_a_method_with_an_input_signature():
    c = Counter(3.0)
    assert float(c.summed([1.0, 2.0])) == 9 and float(c.summed(tf.ones([5]))) == 15
    assert c.summed.experimental_get_tracing_count() == 1
    assert c.summed.get_concrete_function().inputs == [tf.TensorSpec([None], name="x")]


def test_objects_are_not_kept():
    c = Counter(1.0)
    c.add(tf.constant(1.0))
    gone = weakref.ref(c)
    del c
    gc.collect()
    assert gone() is None


def test_classes_with_slots():
    class Slotted:
        __slots__ = ("k",)

        def __init__(self, k):
            self.k = k

        @tf.function
        def scaled(self, x):
            return x * self.k

    assert [float(s.scaled(tf.constant(2.0))) for s in (Slotted(3.0), Slotted(4.0))] == [6, 8]


def test_a_module_with_layers():
    class Dense(tf.Module):
        def __init__(self, rows, columns, name=None):
            super().__init__(name)
            self.w = tf.Variable(tf.ones([rows, columns]) * 0.5, name="w")
            self.b = tf.Variable(tf.zeros([columns]), name="b")

        @tf.Module.with_name_scope
        def __call__(self, x):
            return tf.nn.relu(x @ self.w + self.b)

    class Net(tf.Module):
        def __init__(self):
            super().__init__()
            self.layers = [Dense(3, 4), Dense(4, 2)]

        @tf.function
        def __call__(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

        @tf.function
        def step(self, x, rate):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(self(x))
            for v, g in zip(self.trainable_variables, tape.gradient(loss, self.trainable_variables)):
                v.assign_sub(rate * g)
            return loss

    net = Net()
    assert net(tf.ones([2, 3])).numpy().tolist() == [[3, 3], [3, 3]]
    assert len(net.trainable_variables) == 4
    first = float(net.step(tf.ones([2, 3]), 0.01))
    assert first == 12 and float(net.step(tf.ones([2, 3]), 0.01)) < first
    assert net.step.experimental_get_tracing_count() == 1


def test_a_method_called_by_another_one():
    class Two(tf.Module):
        def __init__(self):
            super().__init__()
            self.v = tf.Variable(1.0)

        @tf.function
        def inner(self, x):
            self.v.assign_add(1.0)
            return x * self.v

        @tf.function
        def outer(self, x):
            return self.inner(x) + self.inner(x)

    two = Two()
    assert float(two.outer(tf.constant(1.0))) == 5 and float(two.v) == 3
    assert two.inner.experimental_get_tracing_count() == 1
