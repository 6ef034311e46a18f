"""TensorFlow 1's names of the catalogue's operations: where they were found, and how their arguments were called."""

from __future__ import annotations

from dataclasses import dataclass

import graphc.v1.old_operations as old  # not "from": the package looks names up in a table that needs this module
from graphc.api.op import Op
from graphc.lib import index, linalg, math, select


@dataclass(frozen=True)
class Old:
    """Names that TensorFlow 1 had for an operation whose arguments differ.

    Attributes:
        names: TensorFlow 1's, without ``tf.``.
        of: the catalogue's name.
        arguments: TensorFlow 1's, see ``graphc.api.spelling.respelled``.
        label: the default name in a graph, if it is not the catalogue's.
    """

    names: str
    of: str
    arguments: str = ""
    label: str | None = None


MOVED = {
    "math": """accumulate_n angle betainc bincount ceil conj cumprod digamma erf erfc expm1 floordiv floormod igamma
        igammac imag invert_permutation is_finite is_inf is_nan is_non_decreasing is_strictly_increasing lbeta lgamma
        log log1p log_sigmoid logical_xor mod polygamma real reciprocal rint rsqrt segment_max segment_mean segment_min
        segment_prod segment_sum squared_difference unsorted_segment_max unsorted_segment_mean unsorted_segment_min
        unsorted_segment_prod unsorted_segment_sqrt_n unsorted_segment_sum zeta""",
    "linalg": "cholesky cholesky_solve cross global_norm matrix_transpose qr svd trace",
    "signal": "fft fft2d fft3d ifft ifft2d ifft3d",
    "quantization": """dequantize fake_quant_with_min_max_args fake_quant_with_min_max_args_gradient
        fake_quant_with_min_max_vars fake_quant_with_min_max_vars_gradient fake_quant_with_min_max_vars_per_channel
        fake_quant_with_min_max_vars_per_channel_gradient quantize quantized_concat""",
    "debugging": """assert_integer assert_type assert_proper_iterable assert_same_float_dtype check_numerics
        is_numeric_tensor""",
    "io": """FixedLenFeature FixedLenSequenceFeature SparseFeature VarLenFeature decode_base64 decode_compressed
        decode_json_example deserialize_many_sparse encode_base64 matching_files parse_single_sequence_example
        parse_tensor read_file serialize_tensor write_file""",
    "image": "random_crop",
    "strings": "regex_replace",
    "queue": "FIFOQueue PaddingFIFOQueue PriorityQueue QueueBase RandomShuffleQueue",
}

RENAMED = {
    **{f"debugging.{n}": f"math.{n}" for n in
       ("is_finite", "is_inf", "is_nan", "is_non_decreasing", "is_strictly_increasing")},
    **{f"spectral.{n}": f"signal.{n}" for n in
       ("fft", "fft2d", "fft3d", "ifft", "ifft2d", "ifft3d", "rfft", "rfft2d", "rfft3d", "irfft", "irfft2d", "irfft3d",
        "dct", "idct")},
    **{f"manip.{n}": n for n in ("reshape", "reverse", "roll", "scatter_nd", "space_to_batch_nd", "tile")},
    **{f"sparse_{n}": f"sparse.{n}" for n in
       ("fill_empty_rows", "mask", "maximum", "minimum", "reorder", "reset_shape", "reshape", "retain", "slice",
        "softmax", "to_indicator", "transpose")},
    **{f"sets.set_{n}": f"sets.{n}" for n in ("difference", "intersection", "size", "union")},
    **{f"string_{n}": f"strings.{n}" for n in
       ("join", "strip", "to_hash_bucket_fast", "to_hash_bucket_strong")},
    **{f"tensor_scatter_{n}": f"tensor_scatter_nd_{n}" for n in ("add", "sub", "update")},
    **{f"{prefix}{n}": f"random.{n}" for prefix in ("random_", "random.random_") for n in
       ("gamma", "normal", "shuffle", "uniform")},
    "batch_to_space_nd": "batch_to_space",
    "diag": "linalg.tensor_diag",
    "diag_part": "linalg.tensor_diag_part",
    "div_no_nan": "math.divide_no_nan",
    "dtypes.as_string": "strings.as_string",
    "as_string": "strings.as_string",
    "image.resize_image_with_crop_or_pad": "image.resize_with_crop_or_pad",
    "lin_space": "linspace",
    "linalg.transpose": "linalg.matrix_transpose",
    "manip.batch_to_space_nd": "batch_to_space",
    "matrix_band_part": "linalg.band_part",
    "matrix_determinant": "linalg.det",
    "matrix_diag": "linalg.diag",
    "matrix_diag_part": "linalg.diag_part",
    "matrix_inverse": "linalg.inv",
    "matrix_set_diag": "linalg.set_diag",
    "matrix_solve": "linalg.solve",
    "matrix_solve_ls": "linalg.lstsq",
    "matrix_square_root": "linalg.sqrtm",
    "matrix_triangular_solve": "linalg.triangular_solve",
    "matvec": "linalg.matvec",
    "nn.avg_pool_v2": "nn.avg_pool",
    "nn.ctc_beam_search_decoder_v2": "nn.ctc_beam_search_decoder",
    "nn.ctc_loss_v2": "nn.ctc_loss",
    "nn.depthwise_conv2d_native_backprop_filter": "nn.depthwise_conv2d_backprop_filter",
    "nn.depthwise_conv2d_native_backprop_input": "nn.depthwise_conv2d_backprop_input",
    "nn.log_uniform_candidate_sampler": "random.log_uniform_candidate_sampler",
    "nn.max_pool_v2": "nn.max_pool",
    "nn.uniform_candidate_sampler": "random.uniform_candidate_sampler",
    "random.truncated_normal": "random.truncated_normal",
    "reverse_v2": "reverse",
    "self_adjoint_eig": "linalg.eigh",
    "self_adjoint_eigvals": "linalg.eigvalsh",
    "sparse.matmul": "sparse.sparse_dense_matmul",
    "sparse_tensor_dense_matmul": "sparse.sparse_dense_matmul",
    "sparse_tensor_to_dense": "sparse.to_dense",
    "train.match_filenames_once": "io.match_filenames_once",
    "truncated_normal": "random.truncated_normal",
    "where_v2": "where",
}  # fmt: skip

_REDUCED = "input_tensor axis keepdims name reduction_indices=axis keep_dims=keepdims"
_SPARSE_REDUCED = "sp_input axis keepdims reduction_axes=axis keep_dims=keepdims"
_SPARSE_SEGMENTS = "data indices segment_ids name num_segments sparse_gradient"
_COMPARED = "x y -data summarize message name"

RESPELLED = (
    *(Old(f"math.{name} {name}", f"math.{name}", _REDUCED) for name in
      ("reduce_all", "reduce_any", "reduce_logsumexp", "reduce_max", "reduce_mean", "reduce_min", "reduce_prod",
       "reduce_sum")),
    Old("count_nonzero math.count_nonzero", "math.count_nonzero",
        "input_tensor=input axis keepdims dtype name reduction_indices=axis keep_dims=keepdims input"),
    Old("argmax math.argmax", "argmax", "input axis name dimension=axis output_type"),
    Old("argmin math.argmin", "argmin", "input axis name dimension=axis output_type"),
    Old("arg_max", "argmax", "input dimension=axis output_type name"),
    Old("arg_min", "argmin", "input dimension=axis output_type name"),
    Old("linalg.norm norm", "norm", "tensor ord axis keepdims name keep_dims=keepdims"),
    Old("linalg.l2_normalize math.l2_normalize nn.l2_normalize", "math.l2_normalize", "x axis epsilon name dim=axis"),
    Old("math.softmax nn.softmax", "nn.softmax", "logits axis name dim=axis"),
    Old("math.log_softmax nn.log_softmax", "nn.log_softmax", "logits axis name dim=axis"),
    Old("math.in_top_k nn.in_top_k", "math.in_top_k", "predictions targets k name"),
    Old("math.bincount bincount", "math.bincount", "arr weights minlength maxlength dtype"),
    Old("math.confusion_matrix confusion_matrix", "math.confusion_matrix",
        "labels predictions num_classes dtype name weights"),
    # arrays
    Old("extract_image_patches image.extract_image_patches", "image.extract_patches",
        "images ksizes=sizes strides rates padding name sizes"),
    Old("batch_to_space", "batch_to_space", "input crops block_size=block_shape name block_shape"),
    Old("space_to_batch nn.space_to_batch", "space_to_batch", "input paddings block_size=block_shape name block_shape"),
    Old("space_to_depth nn.space_to_depth", "nn.space_to_depth", "input block_size name data_format"),
    Old("depth_to_space nn.depth_to_space", "nn.depth_to_space", "input block_size name data_format"),
    Old("boolean_mask", "boolean_mask", "tensor mask name axis"),
    Old("expand_dims", "expand_dims", "input axis name dim=axis"),
    Old("squeeze", "squeeze", "input axis name squeeze_dims=axis"),
    Old("gather", "gather", "params indices validate_indices name axis batch_dims"),
    Old("gather_nd manip.gather_nd", "gather_nd", "params indices name batch_dims -bad_indices_policy"),
    Old("zeros_like", "zeros_like", "tensor=input dtype name -optimize"),
    Old("ones_like", "ones_like", "tensor=input dtype name -optimize"),
    Old("pad", "pad", "tensor paddings mode name constant_values"),
    Old("reverse_sequence", "reverse_sequence",
        "input seq_lengths seq_axis batch_axis name seq_dim=seq_axis batch_dim=batch_axis"),
    Old("shape", "shape", "input name out_type"),
    Old("size", "size", "input name out_type"),
    Old("transpose", "transpose", "a perm name conjugate"),
    # neural networks
    Old("nn.avg_pool nn.avg_pool2d", "nn.avg_pool2d", "value=input ksize strides padding data_format name input",
        "AvgPool"),
    Old("nn.max_pool", "nn.max_pool2d", "value=input ksize strides padding data_format name input", "MaxPool"),
    Old("nn.max_pool_with_argmax", "nn.max_pool_with_argmax",
        "input ksize strides padding data_format Targmax=output_dtype name output_dtype include_batch_in_index"),
    Old("nn.fractional_avg_pool", "nn.fractional_avg_pool",
        "value pooling_ratio pseudo_random overlapping -deterministic seed -seed2 name"),
    Old("nn.fractional_max_pool", "nn.fractional_max_pool",
        "value pooling_ratio pseudo_random overlapping -deterministic seed -seed2 name"),
    Old("nn.pool", "nn.pool",
        "input window_shape pooling_type padding dilation_rate=dilations strides name data_format dilations"),
    Old("nn.convolution", "nn.convolution",
        "input filter=filters padding strides dilation_rate=dilations name data_format filters dilations"),
    Old("nn.conv1d", "nn.conv1d",
        "value=input filters stride padding -use_cudnn_on_gpu data_format name input dilations"),
    Old("nn.conv2d", "nn.conv2d",
        "input filter=filters strides padding -use_cudnn_on_gpu data_format dilations name filters"),
    Old("nn.conv3d", "nn.conv3d", "input filter=filters strides padding data_format dilations name filters"),
    Old("nn.conv2d_transpose", "nn.conv2d_transpose",
        "value=input filter=filters output_shape strides padding data_format name input filters dilations"),
    Old("nn.conv3d_transpose", "nn.conv3d_transpose",
        "value=input filter=filters output_shape strides padding data_format name input filters dilations"),
    Old("nn.depthwise_conv2d", "nn.depthwise_conv2d",
        "input filter strides padding rate=dilations name data_format dilations"),
    Old("nn.separable_conv2d", "nn.separable_conv2d",
        "input depthwise_filter pointwise_filter strides padding rate=dilations name data_format dilations"),
    Old("nn.crelu", "nn.crelu", "features name axis"),
    Old("nn.moments", "nn.moments", "x axes shift name keep_dims=keepdims keepdims"),
    Old("nn.sufficient_statistics", "nn.sufficient_statistics", "x axes shift keep_dims=keepdims name keepdims"),
    Old("nn.weighted_moments", "nn.weighted_moments", "x axes frequency_weights name keep_dims=keepdims keepdims"),
    Old("nn.softmax_cross_entropy_with_logits_v2", "nn.softmax_cross_entropy_with_logits",
        "labels logits axis name dim=axis"),
    Old("nn.weighted_cross_entropy_with_logits", "nn.weighted_cross_entropy_with_logits",
        "labels logits pos_weight name targets=labels"),
    Old("nn.nce_loss", "nn.nce_loss",
        "weights biases labels inputs num_sampled num_classes num_true sampled_values remove_accidental_hits "
        "-partition_strategy name"),
    Old("nn.sampled_softmax_loss", "nn.sampled_softmax_loss",
        "weights biases labels inputs num_sampled num_classes num_true sampled_values remove_accidental_hits "
        "-partition_strategy name seed"),
    # random numbers
    Old("random.poisson random.random_poisson random_poisson", "random.poisson", "lam shape dtype seed name"),
    Old("multinomial random.multinomial", "random.categorical", "logits num_samples seed name output_dtype=dtype",
        "multinomial"),
    Old("random.stateless_multinomial", "random.stateless_categorical",
        "logits num_samples seed output_dtype=dtype name"),
    # sparse tensors
    Old("sparse.add sparse_add", "sparse.add", "a b threshold thresh=threshold"),
    Old("sparse.concat sparse_concat", "sparse.concat",
        "axis sp_inputs name expand_nonconcat_dim=expand_nonconcat_dims concat_dim=axis expand_nonconcat_dims"),
    Old("sparse.reduce_max sparse_reduce_max", "sparse.reduce_max", _SPARSE_REDUCED),
    Old("sparse.reduce_sum sparse_reduce_sum", "sparse.reduce_sum", _SPARSE_REDUCED),
    Old("sparse.segment_mean sparse_segment_mean", "sparse.segment_mean", _SPARSE_SEGMENTS),
    Old("sparse.segment_sqrt_n sparse_segment_sqrt_n", "sparse.segment_sqrt_n", _SPARSE_SEGMENTS),
    Old("sparse.segment_sum sparse_segment_sum", "sparse.segment_sum", _SPARSE_SEGMENTS),
    Old("sparse.split sparse_split", "sparse.split", "-keyword_required sp_input num_split axis name split_dim=axis"),
    # strings and files
    Old("reduce_join strings.reduce_join", "strings.reduce_join",
        "inputs axis keep_dims=keepdims separator name reduction_indices=axis keepdims"),
    Old("string_to_hash_bucket strings.to_hash_bucket", "strings.to_hash_bucket",
        "string_tensor=input num_buckets name input"),
    Old("string_to_number strings.to_number", "strings.to_number", "string_tensor=input out_type name input"),
    Old("strings.length", "strings.length", "input name unit"),
    Old("strings.substr substr", "strings.substr", "input pos len name unit"),
    Old("decode_csv io.decode_csv", "io.decode_csv",
        "records record_defaults field_delim use_quote_delim name na_value select_cols"),
    Old("decode_raw io.decode_raw", "io.decode_raw", "input_bytes out_type little_endian name bytes=input_bytes"),
    Old("io.parse_example parse_example", "io.parse_example", "serialized features name example_names"),
    Old("io.parse_single_example parse_single_example", "io.parse_single_example",
        "serialized features name example_names"),
    Old("io.serialize_many_sparse serialize_many_sparse", "io.serialize_many_sparse", "sp_input name out_type"),
    Old("io.serialize_sparse serialize_sparse", "io.serialize_sparse", "sp_input name out_type"),
    # assertions
    *(Old(f"{n} debugging.{n}", f"debugging.{n}", _COMPARED) for n in
      ("assert_equal", "assert_greater", "assert_greater_equal", "assert_less", "assert_less_equal",
       "assert_none_equal")),
    *(Old(f"{n} debugging.{n}", f"debugging.{n}", "x -data summarize message name") for n in
      ("assert_negative", "assert_non_negative", "assert_non_positive", "assert_positive")),
    Old("assert_near debugging.assert_near", "debugging.assert_near", "x y rtol atol -data summarize message name"),
    *(Old(f"{n} debugging.{n}", f"debugging.{n}", f"x {wanted} -data summarize message name") for n, wanted in
      (("assert_rank", "rank"), ("assert_rank_at_least", "rank"), ("assert_rank_in", "ranks"))),
    Old("assert_scalar debugging.assert_scalar", "debugging.assert_scalar", "tensor name message"),
    Old("debugging.assert_all_finite verify_tensor_all_finite", "debugging.assert_all_finite",
        "t=x msg=message name x message"),
)  # fmt: skip

ROWS = (
    Op("div", "RealDiv", math.classic_div, "x y", "div"),
    Op("floor_div", "FloorDiv", math.floordiv, "x y"),
    Op("sparse_matmul", "SparseMatMul", linalg.matmul, "a b",
       arguments="a b transpose_a transpose_b a_is_sparse b_is_sparse name"),
    Op("batch_gather", "BatchGather", index.batch_gather, "params | indices"),
    Op("where", "Select", select.where_v1, "condition | x y"),
    Op("setdiff1d", "ListDiff", select.setdiff1d, "x y", parts="out idx"),
    Op("clip_by_average_norm", "ClipByAverageNorm", old.clip_by_average_norm, "t clip_norm", "clip_by_average_norm"),
    Op("nn.embedding_lookup", "embedding_lookup", old.embedding_lookup, "*params | ids",
       arguments="params ids partition_strategy name -validate_indices max_norm"),
    Op("nn.xw_plus_b", "xw_plus_b", old.xw_plus_b, "x weights biases"),
    Op("nn.relu_layer", "relu_layer", old.relu_layer, "x weights biases"),
    Op("nn.dilation2d", "Dilation2D", old.dilation2d, "input filters",
       arguments="input filter=filters strides rates=dilations padding name filters dilations"),
    Op("nn.erosion2d", "Erosion2D", old.erosion2d, "value kernel", "erosion2d",
       arguments="value kernel strides rates padding name"),
    Op("quantize_v2", "QuantizeV2", old.quantize_v2, "input min_range max_range",
       arguments="input min_range max_range T mode name round_mode narrow_range axis ensure_minimum_range",
       parts="output output_min output_max"),
)  # fmt: skip
