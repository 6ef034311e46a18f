"""Calls of ``tf.layers`` that run alike under TensorFlow and graphc, and what is recorded of each."""

import numpy as np

GROUPS = {
    "dense": """
        dense(a, 3)
        dense(a, 3, activation=tf.nn.relu, use_bias=False)
        dense(a, 3, activation='tanh', name='out')
        dense(seq, 3, activation=tf.nn.sigmoid)
        dense(img, 2)
        dense(a64, 3)
        dense(a16, 3)
        flatten(img)
        flatten(open_img)
        dropout(img)
        dense(a, 3, kernel_regularizer=l2, bias_regularizer=tf.reduce_sum, activity_regularizer=l2)
        flatten(imgc, data_format='channels_first')
    """,
    "conv": """
        conv1d(seq, 4, 2)
        conv1d(seq, 4, 3, strides=2, padding='same', activation=tf.nn.relu)
        conv1d(seq, 4, 2, dilation_rate=2, padding='causal')
        conv2d(img, 4, 3, activation=tf.nn.relu)
        conv2d(img, 4, (3, 2), strides=(2, 1), padding='same')
        conv2d(img, 4, 3, dilation_rate=2, use_bias=False)
        conv2d(img, 4, [2, 2], dilation_rate=(1, 2), padding='same')
        conv3d(vol, 2, 2)
        conv3d(vol, 2, 2, strides=2, padding='same')
        conv2d(img, 2, 2, kernel_regularizer=tf.nn.l2_loss)
        conv2d(imgc, 4, 3, data_format='channels_first', strides=2, padding='same')
        conv1d(seqc, 4, 2, data_format='channels_first')
    """,
    "transpose": """
        conv2d_transpose(img, 4, 3)
        conv2d_transpose(img, 4, 3, strides=2)
        conv2d_transpose(img, 4, 3, strides=(2, 3), padding='same', activation=tf.nn.relu)
        conv2d_transpose(img, 4, 2, strides=3)
        conv3d_transpose(vol, 2, 2, strides=2, padding='same')
        conv3d_transpose(vol, 2, 3)
        conv2d_transpose(imgc, 2, 3, data_format='channels_first', strides=2)
    """,
    "separable": """
        separable_conv1d(seq, 4, 2)
        separable_conv1d(seq, 4, 3, depth_multiplier=2, padding='same', activation=tf.nn.relu)
        separable_conv2d(img, 4, 3)
        separable_conv2d(img, 4, (2, 3), depth_multiplier=2, padding='same', use_bias=False)
        separable_conv2d(img, 4, 3, strides=2)
        separable_conv2d(img, 4, 2, dilation_rate=2)
        separable_conv2d(imgc, 2, 3, data_format='channels_first')
    """,
    "pool": """
        max_pooling1d(seq, 2, 2)
        max_pooling1d(seq, 3, 1, padding='same')
        average_pooling1d(seq, 2, 2)
        max_pooling2d(img, 2, 2)
        max_pooling2d(img, (3, 2), (2, 1), padding='same')
        average_pooling2d(img, 2, 2, padding='same')
        max_pooling3d(vol, 2, 1)
        average_pooling3d(vol, 2, 2, padding='same')
        max_pooling2d(imgc, 2, 2, data_format='channels_first')
        max_pooling1d(seqc, 2, 2, data_format='channels_first')
    """,
    "batch_norm": """
        batch_normalization(a)
        batch_normalization(a, training=True)
        batch_normalization(a, training=on)
        batch_normalization(a, training=off)
        batch_normalization(a, training=True, momentum=0.5, epsilon=0.1, scale=False)
        batch_normalization(a, training=True, center=False)
        batch_normalization(img)
        batch_normalization(img, training=True)
        batch_normalization(img, training=True, momentum=0.9, scale=False, center=False)
        batch_normalization(img, training=True, fused=False)
        batch_normalization(img, training=on)
        batch_normalization(img, training=off)
        batch_normalization(img, axis=1, training=True)
        batch_normalization(img, axis=2, training=True)
        batch_normalization(img, axis=[1, 3], training=True)
        batch_normalization(seq, training=True)
        batch_normalization(seq, axis=1, training=True)
        batch_normalization(vol, training=True)
        batch_normalization(img16, training=True)
        batch_normalization(a16, training=True)
        batch_normalization(a, training=True, renorm=True)
        batch_normalization(img, training=True, renorm=True, renorm_clipping=clip, renorm_momentum=0.8)
        batch_normalization(img, training=on, renorm=True)
        batch_normalization(img, training=off, renorm=True)
        batch_normalization(img, renorm=True)
        batch_normalization(img, training=True, virtual_batch_size=2)
        batch_normalization(img, virtual_batch_size=2)
        batch_normalization(a, training=True, adjustment=shift)
        batch_normalization(imgc, axis=1)
    """,
}
INPUTS = """
a = tf.placeholder(tf.float32, [None, 5], name='a'); a64 = tf.cast(a, tf.float64); a16 = tf.cast(a, tf.float16)
seq = tf.placeholder(tf.float32, [None, 7, 3], name='seq'); seqc = tf.placeholder(tf.float32, [None, 3, 7], name='seqc')
img = tf.placeholder(tf.float32, [None, 6, 5, 3], name='img'); img16 = tf.cast(img, tf.float16)
imgc = tf.placeholder(tf.float32, [None, 3, 6, 5], name='imgc')
open_img = tf.placeholder(tf.float32, [None, None, None, 3], name='open_img')
vol = tf.placeholder(tf.float32, [None, 4, 4, 3, 2], name='vol')
l2, clip = tf.nn.l2_loss, {'rmax': 1.1, 'rmin': 0.9, 'dmax': 0.2}
shift = lambda shape: (2.0 * tf.ones([shape[0], 1]), 0.5 * tf.ones([shape[0], 1]))
on = tf.placeholder_with_default(True, [], name='on'); off = tf.placeholder_with_default(False, [], name='off')
"""
SHAPES = {"a": (4, 5), "seq": (4, 7, 3), "seqc": (4, 3, 7), "img": (4, 6, 5, 3), "imgc": (4, 3, 6, 5),
          "open_img": (4, 6, 5, 3), "vol": (4, 4, 4, 3, 2)}  # fmt: skip


def calls(group: str) -> list[str]:
    """The calls of a group."""
    return [line.strip() for line in GROUPS[group].strip().splitlines()]


def value(name: str, shape, dtype=np.float32):
    """Numbers for a variable or an input; those of variances are positive."""
    x = np.cos(np.arange(np.prod(shape)) * 1.7 + len(name)) * 0.5
    x = x * x + 0.5 if "variance" in name or "stddev" in name else x
    return x.reshape(shape).astype(dtype)


def digest(x) -> list[float]:
    """Two numbers that change with every element."""
    x = np.asarray(x, np.float64)
    weights = np.cos(np.arange(x.size) * 0.9).reshape(x.shape)
    return [round(float(np.sum(x * weights)), 5), round(float(np.sqrt(np.sum(x * x))), 5)]


def outcome(tf, group: str) -> dict:
    """Names, shapes, values, and variables after a step of gradient descent, of all calls of a group in one graph."""
    with tf.Graph().as_default() as graph:
        found = {"tf": tf}
        exec(INPUTS, found)
        outs = [eval(f"tf.layers.{call}", found) for call in calls(group)]
        weighted = []
        for y in outs:
            sizes = y.shape.as_list()[1:]
            weights = 1.0 if None in sizes else value("y", sizes)
            weighted.append(tf.cast(tf.reduce_sum(y * tf.cast(weights, y.dtype)), tf.float32))
        loss = tf.add_n(weighted + tf.losses.get_regularization_losses())
        variables, trained = tf.global_variables(), [v.name for v in tf.trainable_variables()]
        updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
        feeds = {found[name]: value(name, shape) for name, shape in SHAPES.items()}
        with tf.control_dependencies(updates):
            step = tf.train.GradientDescentOptimizer(0.1).minimize(loss) if trained else tf.no_op()
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            for v in variables:
                v.load(value(v.name, v.shape.as_list(), v.dtype.as_numpy_dtype), session)
            results, total = session.run([outs, loss], feeds)
            session.run(step, feeds)
            after = {v.name: digest(x) for v, x in zip(variables, session.run(variables))}
        sizes = [[None if d is None else int(d) for d in y.shape.as_list()] for y in outs]
        return {"names": [y.name for y in outs], "shapes": sizes, "values": [digest(x) for x in results],
                "loss": round(float(total), 4), "after": after, "trained": trained, "updates": len(updates),
                "regularizers": len(graph.get_collection("regularization_losses"))}  # fmt: skip
