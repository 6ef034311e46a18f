"""Programs of TensorFlow 1 whose placeholders have open sizes, with the sizes they are run with.

A shape such as ``"n,4"`` has the open size ``n``; ``SIZES`` says what the letters become in five runs, one of them 1 and,
where that means something, one of them 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field

SIZES = {
    "n": (3, 6, 2, 1, 0), "m": (4, 2, 1, 5, 3), "t": (5, 2, 7, 1, 4), "h": (6, 9, 8, 12, 5), "w": (5, 8, 7, 10, 6),
    "e": (4, 8, 2, 6, 10),
}  # fmt: skip


@dataclass(frozen=True)
class Program:
    """One program.

    Attributes:
        build: ``(tf, *placeholders) -> fetches``.
        feeds: for each placeholder its dtype and shape; ``i32<5`` are integers below 5.
        least: letter -> the smallest size it is run with.
    """

    name: str
    build: object
    feeds: tuple[str, ...]
    least: dict = field(default_factory=dict)


PROGRAMS: list[Program] = []


def program(*feeds: str, **least: int):
    """Enter a program; ``least``: letter -> the smallest size it is run with."""

    def enter(build):
        PROGRAMS.append(Program(build.__name__, build, feeds, least))
        return build

    return enter


def _variable(tf, name, *shape):
    count = 1
    for d in shape:
        count *= d
    values = [((7 * k) % 11 - 5) / 8 for k in range(count)]
    return tf.get_variable(name, initializer=tf.reshape(tf.constant(values, tf.float32), shape))


def _trained(tf, loss, optimizer=None):
    return [loss, (optimizer or tf.train.GradientDescentOptimizer(0.1)).minimize(loss)]


# ------------------------------------------------------------------------------------------- networks


@program("f32 n,4", "i32<3 n", n=1)
def mlp_training(tf, x, labels):
    hidden = tf.nn.relu(tf.matmul(x, _variable(tf, "w1", 4, 5)) + _variable(tf, "b1", 5))
    logits = tf.matmul(hidden, _variable(tf, "w2", 5, 3))
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))
    return _trained(tf, loss, tf.train.AdamOptimizer(0.05))


@program("f32 n,4", "i32<3 n")
def mlp_inference(tf, x, labels):
    hidden = tf.nn.gelu(tf.matmul(x, _variable(tf, "w1", 4, 5)))
    hidden = tf.nn.dropout(hidden, rate=0.0)
    logits = tf.matmul(hidden, _variable(tf, "w2", 5, 3))
    correct = tf.equal(tf.cast(tf.argmax(logits, 1), tf.int32), labels)
    return [tf.nn.softmax(logits), tf.reduce_sum(tf.cast(correct, tf.float32)), tf.nn.in_top_k(logits, labels, 2)]


@program("f32 n,h,w,2", n=1)
def cnn_training(tf, x):
    y = tf.nn.conv2d(x, _variable(tf, "k1", 3, 3, 2, 4), strides=1, padding="SAME")
    mean, variance = tf.nn.moments(y, [0, 1, 2])
    y = tf.nn.relu(tf.nn.batch_normalization(y, mean, variance, _variable(tf, "beta", 4), None, 1e-3))
    y = tf.nn.max_pool(y, 2, 2, "SAME")
    y = tf.nn.conv2d(y, _variable(tf, "k2", 3, 3, 4, 3), strides=2, padding="SAME")
    return _trained(tf, tf.reduce_mean(tf.square(tf.reduce_mean(y, [1, 2]))))


@program("f32 n,h,w,2")
def cnn_inference(tf, x):
    y = tf.nn.depthwise_conv2d(x, _variable(tf, "d", 2, 2, 2, 2), [1, 1, 1, 1], "VALID")
    y = tf.nn.avg_pool(y, 2, 1, "VALID")
    y = tf.nn.local_response_normalization(y)
    y = tf.image.resize(y, [4, 6])
    return [y, tf.nn.conv2d_transpose(y, _variable(tf, "u", 3, 3, 2, 4), [tf.shape(x)[0], 8, 12, 2], 2)]


@program("f32 n,h,w,2")
def upsampling(tf, x):
    s = tf.shape(x)
    return [tf.image.resize(x, [2 * s[1], s[2]], method="nearest"), tf.image.resize(x, [s[1] // 2, s[2] * 2]),
            tf.nn.depth_to_space(tf.concat([x, x], 3), 2)]  # fmt: skip


@program("f32 n,t,4", "f32 n,t", n=1)
def attention_training(tf, x, mask):
    q, k, v = (tf.tensordot(x, _variable(tf, name, 4, 6), 1) for name in "qkv")
    s = tf.shape(x)
    q, k, v = (tf.transpose(tf.reshape(y, [s[0], s[1], 2, 3]), [0, 2, 1, 3]) for y in (q, k, v))
    scores = tf.matmul(q, k, transpose_b=True) / 3**0.5 + mask[:, None, None, :]
    y = tf.matmul(tf.nn.softmax(scores), v)
    y = tf.reshape(tf.transpose(y, [0, 2, 1, 3]), [s[0], s[1], 6])
    return _trained(tf, tf.reduce_mean(tf.square(y)))


@program("f32 n,t,4")
def causal_attention(tf, x):
    t = tf.shape(x)[1]
    scores = tf.einsum("nid,njd->nij", x, x)
    causal = tf.linalg.band_part(tf.ones([t, t]), -1, 0)
    scores = tf.where(causal[None] > 0, scores, -1e9 * tf.ones_like(scores))
    positions = tf.cast(tf.range(t), tf.float32)[:, None] * tf.constant([1.0, 0.5, 0.25, 0.125])
    return tf.einsum("nij,njd->nid", tf.nn.softmax(scores), x + tf.sin(positions))


@program("f32 n,t,3", n=1)
def lstm_training(tf, x):
    w, b = _variable(tf, "w", 7, 16), _variable(tf, "b", 16)

    def step(state, row):
        c, h = state
        i, j, f, o = tf.split(tf.matmul(tf.concat([row, h], 1), w) + b, 4, axis=1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(j)
        return c, tf.sigmoid(o) * tf.tanh(c)

    zero = tf.zeros([tf.shape(x)[0], 4])
    _, hidden = tf.scan(step, tf.transpose(x, [1, 0, 2]), (zero, zero))
    return _trained(tf, tf.reduce_mean(tf.square(hidden[-1])))


@program("f32 n,3", "f32 t,3")
def while_loop_over_time(tf, start, rows):
    def body(k, total):
        return k + 1, 0.5 * total + tf.gather(rows, k)

    _, total = tf.while_loop(lambda k, total: k < tf.shape(rows)[0], body, [0, start])
    return [total, tf.gradients(total, rows)[0]]


@program("i32<10 n,t", n=1)
def embedding_training(tf, words):
    table = _variable(tf, "table", 10, 4)
    pooled = tf.reduce_mean(tf.nn.embedding_lookup(table, words), axis=1)
    return _trained(tf, tf.reduce_sum(tf.square(pooled)), tf.train.MomentumOptimizer(0.1, 0.9))


# ------------------------------------------------------------------------------------------- catalogue


@program("f32 n,4", "i32<4 n")
def segments(tf, x, ids):
    ordered = tf.sort(ids)
    return [tf.math.unsorted_segment_sum(x, ids, 5), tf.math.unsorted_segment_mean(x, ids, 5),
            tf.math.unsorted_segment_max(x, ids, tf.shape(x)[0] + 4), tf.math.segment_sum(x, ordered)]  # fmt: skip


@program("f32 n,m", "f32 m,t")
def einsums(tf, x, y):
    return [tf.einsum("nm,mt->nt", x, y), tf.einsum("nm,mt->tn", x, y), tf.einsum("nm,nm->n", x, x),
            tf.einsum("nm->mn", x), tf.einsum("nm,kt->nkmt", x, y), tf.einsum("nm->", x)]  # fmt: skip


@program("f32 n,5", "f32 n,5")
def losses(tf, x, y):
    p = tf.sigmoid(x)
    return [tf.losses.mean_squared_error(y, x), tf.losses.huber_loss(y, x), tf.losses.absolute_difference(y, x),
            tf.nn.sigmoid_cross_entropy_with_logits(labels=p, logits=y), tf.nn.softmax_cross_entropy_with_logits(labels=p, logits=y),
            tf.nn.l2_loss(x - y), tf.reduce_logsumexp(x, 1), tf.nn.log_poisson_loss(p, y)]  # fmt: skip


@program("u8 n,h,w,3")
def image_pipeline(tf, images):
    x = tf.image.convert_image_dtype(images, tf.float32)
    s = tf.shape(x)
    x = tf.image.flip_left_right(tf.image.adjust_contrast(tf.image.adjust_brightness(x, 0.1), 1.5))
    x = tf.image.adjust_saturation(tf.clip_by_value(x, 0.0, 1.0), 0.5)
    small = tf.image.resize(x, [s[1] // 2, s[2] // 2])
    return [tf.image.rgb_to_grayscale(x), small, tf.image.per_image_standardization(x), tf.image.central_crop(x, 0.5),
            tf.image.resize_with_crop_or_pad(x, 7, 7), tf.image.rot90(x), tf.image.sobel_edges(x)]  # fmt: skip


@program("f32 n,m")
def running(tf, x):
    return [tf.cumsum(x, 0), tf.cumsum(x, 1, exclusive=True, reverse=True), tf.cumprod(x, 1),
            tf.math.cumulative_logsumexp(x, 1)]  # fmt: skip


@program("f32 n,m", m=2)
def ordering(tf, x):
    values, places = tf.nn.top_k(x, 2)
    return [values, places, tf.sort(x, 0), tf.argsort(x, direction="DESCENDING"), tf.nn.top_k(x, tf.shape(x)[1])[0],
            tf.argmax(x, 1), tf.searchsorted(tf.sort(x, 1), x)]  # fmt: skip


@program("i32<4 n,t", "f32 n,t")
def hot(tf, ids, x):
    return [tf.one_hot(ids, 4), tf.one_hot(ids, tf.shape(x)[1], axis=0), tf.sequence_mask(ids, 6),
            tf.sequence_mask(ids, tf.shape(ids)[1])]  # fmt: skip


@program("f32 n,m", "f32 n,t")
def joining(tf, x, y):
    both = tf.concat([x, y], 1)
    return [both, tf.split(both, [tf.shape(x)[1], tf.shape(y)[1]], 1), tf.pad(x, [[1, 2], [0, 1]]), tf.tile(x, [2, 3]),
            tf.stack([x, 2 * x], 1), tf.unstack(tf.stack([x, 2 * x], 1), axis=1), tf.tile(x, [1, tf.shape(y)[1]]),
            tf.pad(y, [[tf.shape(x)[1], 0], [0, 0]]), tf.concat([x, tf.zeros_like(y)], -1)]  # fmt: skip


@program("f32 e,m", m=1)
def halves(tf, x):
    return [*tf.split(x, 2), tf.reshape(x, [-1, 2 * tf.shape(x)[1]]), tf.reshape(x, [2, -1]), x[::2], x[:, ::-1], x[-1],
            x[1:-1], tf.strided_slice(x, [0, 0], [2, 1]), tf.roll(x, 1, 0), tf.reverse(x, [0])]  # fmt: skip


@program("f32 n,m")
def reductions(tf, x):
    return [tf.reduce_sum(x), tf.reduce_mean(x, 0), tf.reduce_max(x, 1), tf.reduce_prod(x, 1, keepdims=True),
            tf.reduce_any(x > 0, 0), tf.reduce_all(x > 0), tf.math.reduce_std(x, 1), tf.norm(x, axis=1), tf.count_nonzero(x),
            tf.nn.zero_fraction(x), tf.nn.moments(x, [1])]  # fmt: skip


@program("f32 n,m")
def with_broadcasts(tf, x):
    row, column = tf.reduce_mean(x, 0, keepdims=True), tf.reduce_sum(x, 1, keepdims=True)
    return [x - row, x * column, row * column, x / (1.0 + tf.reduce_max(tf.abs(x))), tf.expand_dims(x, 1) - tf.expand_dims(x, 0),
            tf.nn.l2_normalize(x, 1), tf.ones([tf.shape(x)[0], 1]) * row, tf.maximum(x, column)]  # fmt: skip


@program("f32 n,m", "f32 n,m")
def pairs(tf, x, y):
    return [x + y, x * y, tf.where(x > y, x, y), tf.maximum(x, y), tf.squared_difference(x, y), tf.atan2(x, y),
            tf.div_no_nan(x, y), tf.stack([x, y]), tf.add_n([x, y, x]), tf.gradients(x * tf.tanh(y), [x, y])]  # fmt: skip


@program("f32 n,m,m")
def matrices(tf, x):
    spd = tf.matmul(x, x, transpose_b=True) + 2.0 * tf.eye(tf.shape(x)[1])
    return [tf.linalg.cholesky(spd), tf.linalg.inv(spd), tf.linalg.det(spd), tf.linalg.trace(x), tf.linalg.diag_part(x),
            tf.linalg.diag(x[:, 0]), tf.linalg.solve(spd, x), tf.linalg.band_part(x, 0, -1)]  # fmt: skip


@program("f32 n,t", "i32<3 n,t")
def picking(tf, x, ids):
    rows = tf.range(tf.shape(x)[0])
    first = tf.stack([rows, tf.zeros_like(rows)], 1)
    return [tf.gather_nd(x, first), tf.batch_gather(tf.concat([x, x, x], 1), ids), tf.scatter_nd(first, x[:, 0], tf.shape(x)),
            tf.tensor_scatter_nd_add(x, first, x[:, 0]), tf.gather(x, rows[::-1]),
            tf.reverse_sequence(x, tf.minimum(ids[:, 0], tf.shape(x)[1]), seq_axis=1)]  # fmt: skip


@program("f32 n,t", t=1)
def signals(tf, x):
    return [tf.signal.frame(x, 3, 2, pad_end=True), tf.signal.dct(x), tf.abs(tf.signal.rfft(x)), tf.signal.hann_window(tf.shape(x)[1])]


@program("c64 n,m")
def complex_numbers(tf, x):
    return [tf.math.real(x), tf.abs(x * x), tf.math.conj(x), tf.reduce_sum(x, 1), tf.matmul(x, x, adjoint_b=True)]


@program("f16 n,m", "f64 n,m", "bf16 n,m")
def other_floats(tf, x, y, z):
    return [tf.nn.softmax(x), tf.reduce_sum(x, 0), tf.reduce_mean(y), tf.tanh(z), tf.cast(z, tf.float32) + tf.cast(x, tf.float32),
            tf.matmul(y, y, transpose_b=True)]  # fmt: skip


@program("f32 n,4", n=1)
def dropout_training(tf, x):
    y = tf.nn.dropout(tf.nn.relu(tf.matmul(x, _variable(tf, "w", 4, 6))), rate=0.5)
    noise = tf.random_uniform(tf.shape(y), seed=3) + tf.random_normal([tf.shape(x)[0], 1]) * tf.ones([1, 6])
    return _trained(tf, tf.reduce_mean(tf.square(y - noise)), tf.train.RMSPropOptimizer(0.01))


@program("f32 n,h,w,2", n=1)
def image_geometry(tf, x):
    s = tf.shape(x)
    boxes = tf.tile([[0.1, 0.2, 0.8, 0.9]], [s[0], 1])
    padded = tf.pad(x, [[0, 0], [1, 1], [2, 2], [0, 0]], "REFLECT")
    return [tf.image.crop_and_resize(x, boxes, tf.range(s[0]), [3, 4]), tf.image.resize(x, [7, 5], method="bicubic"),
            tf.image.extract_patches(x, [1, 2, 2, 1], [1, 1, 1, 1], [1, 1, 1, 1], "VALID"), tf.image.total_variation(x),
            tf.image.crop_to_bounding_box(x, 1, 1, s[1] - 2, s[2] - 3), padded, tf.gradients(padded, x)[0]]  # fmt: skip


@program("f32 n,t,2", "f32 n,e,e,1", n=1)
def convolutions(tf, x, y):
    k1, k2 = _variable(tf, "k1", 3, 2, 4), _variable(tf, "k2", 2, 2, 1, 2)
    z = tf.nn.conv1d(x, k1, 1, "SAME")
    u = tf.nn.atrous_conv2d(y, _variable(tf, "k3", 2, 2, 1, 3), 2, "SAME")
    v = tf.nn.separable_conv2d(y, k2, _variable(tf, "p", 1, 1, 2, 3), [1, 1, 1, 1], "SAME")
    w = tf.nn.conv3d(tf.expand_dims(y, 1), _variable(tf, "k4", 1, 2, 2, 1, 2), [1, 1, 2, 2, 1], "SAME")
    total = sum(tf.reduce_sum(tf.square(a)) for a in (z, u, v, w))
    return [z, u, v, w, tf.gradients(total, [x, y, k1, k2]), tf.space_to_depth(y, 2)]


@program("f32 n,t,3", "i32<3 n", t=1)
def loops(tf, x, lengths):
    def step(k, total, rows):
        row = x[:, k]
        alive = tf.cast(k < lengths, tf.float32)[:, None]
        return k + 1, total + alive * row, rows.write(k, tf.reduce_sum(total))

    count = tf.shape(x)[1]
    rows = tf.TensorArray(tf.float32, size=count)
    start = (0, tf.zeros_like(x[:, 0]), rows)
    _, total, rows = tf.while_loop(lambda k, *_: k < count, step, start)
    return [total, rows.stack(), tf.map_fn(lambda v: tf.reduce_sum(v * v), x), tf.gradients(total, x)[0]]


@program("f32 n,m", "i32<4 n", n=1)
def counting(tf, x, ids):
    return [tf.math.bincount(ids), tf.math.bincount(ids, minlength=6, maxlength=6), tf.math.confusion_matrix(ids, ids, 4),
            tf.histogram_fixed_width(x, [-2.0, 2.0], 4), tf.argmin(x, 0), tf.math.is_nan(x), tf.nn.softplus(x),
            tf.math.lgamma(tf.abs(x) + 1.0), tf.math.floormod(x, 0.75), tf.clip_by_norm(x, 1.0), tf.linalg.norm(x)]  # fmt: skip


@program("f32 n,4")
def boxes(tf, raw):
    x = tf.sigmoid(raw)
    corners = tf.concat([tf.minimum(x[:, :2], x[:, 2:]), tf.maximum(x[:, :2], x[:, 2:])], 1)
    scores = tf.reduce_sum(x, 1)
    kept = tf.image.non_max_suppression(corners, scores, 4)
    return [kept, tf.gather(corners, kept), tf.reduce_sum(tf.gather(scores, kept))]


@program("f32 n,m", "b1 ")
def branches(tf, x, flag):
    y = tf.cond(flag, lambda: tf.nn.relu(x), lambda: tf.exp(x) - 1.0)
    return [y, tf.gradients(y, x)[0], tf.map_fn(lambda row: tf.cumsum(row), x), tf.foldl(lambda a, row: a + row, x,
            initializer=tf.zeros([tf.shape(x)[1]]))]  # fmt: skip


# ------------------------------------------------------------------------------ sizes that depend on data


@program("f32 n,m")
def masked(tf, x):
    flat = tf.reshape(x, [-1])
    some = tf.boolean_mask(flat, flat > 0)
    places = tf.where(x > 0)
    return [some, tf.reduce_sum(some), tf.concat([some, [1.0]], 0), places, tf.gather_nd(x, places) * 2.0, tf.cumsum(some),
            tf.shape(some), tf.zeros(tf.shape(places)), tf.reshape(some, [-1, 1]) * tf.ones([1, 3])]  # fmt: skip


@program("i32<4 n", "f32 n,3")
def groups(tf, ids, x):
    names, group, counts = tf.unique_with_counts(ids)
    sums = tf.math.unsorted_segment_sum(x, group, tf.size(names))
    w = _variable(tf, "w", 3, 2)
    return [names, counts, sums / tf.cast(counts, tf.float32)[:, None], tf.matmul(sums, w), tf.sort(names),
            tf.one_hot(group, tf.size(names))]  # fmt: skip


@program("f32 n,3", n=1)
def masked_training(tf, x):
    kept = tf.boolean_mask(x, x[:, 0] > -1.5)
    y = tf.matmul(kept, _variable(tf, "w", 3, 2))
    return _trained(tf, tf.reduce_sum(tf.square(y)))


@program("f32 n", "i32<5 n", "i32<4 ")
def computed_sizes(tf, x, ids, k):
    return [tf.zeros([k, tf.shape(x)[0]]), tf.tile(x, [k]), tf.range(k), tf.repeat(x, ids), tf.fill([k + 1], 2.0), tf.eye(k),
            tf.concat([x, tf.ones([k])], 0), x[: k], tf.pad(x, [[k, 0]]), tf.reduce_sum(tf.random_normal([k, 2]) * 0.0, 0),
            tf.dynamic_partition(x, ids, 5)]  # fmt: skip


@program("f32 n")
def python_function(tf, x):
    y = tf.py_function(lambda v: v.numpy()[::2], [x], tf.float32)
    y.set_shape([None])
    return [y, tf.reduce_sum(y), tf.concat([y, y], 0)]


@program("f32 n,m", "i32<4 ", m=1)
def computed_sizes_in_loops(tf, x, k):
    def row(v):
        count = tf.cast(tf.reduce_sum(tf.abs(v)), tf.int32)
        return 2.0 * tf.reduce_sum(tf.ones([k])) + tf.reduce_sum(tf.boolean_mask(v, v > 0)) + tf.reduce_sum(tf.ones([count]))

    return [tf.map_fn(row, x), tf.cond(k > 1, lambda: tf.reduce_sum(tf.ones([k])), lambda: 0.0)]
