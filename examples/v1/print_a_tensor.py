"""Looking at tensors: eval, an interactive session, and printing from inside the graph with tf.Print.

python print_a_tensor.py
"""

import graphc.v1 as tf

sess = tf.InteractiveSession()

a = tf.constant([[1.0, 2.0], [3.0, 4.0]], name="a")
b = tf.matmul(a, a, name="b")

print("the tensor:", b)
print("its shape: ", b.shape, " its dtype:", b.dtype, " its operation:", b.op.type, b.op.name)
print("its value, by eval:\n", b.eval())
print("its value, by run:\n", sess.run(b))
print("both at once:", sess.run([a, b])[1].sum())

# tf.Print is an identity that writes to standard error when its result is computed.
b = tf.Print(b, [tf.shape(b), b], message="b is computed now: ", summarize=4)
total = tf.reduce_sum(b)
print("sum of b:", total.eval())

# Variables have values only after their initializers ran.
counter = tf.Variable(0, name="counter")
count = tf.assign_add(counter, 1)
sess.run(tf.global_variables_initializer())
for _ in range(3):
    print("counter:", count.eval())
sess.close()
