"""The operators of ONNX, one module for each topic; importing this package fills the registry."""

from graphc.onnx.ops import (  # noqa: F401
    activations, attention, boxes, casts, control, convolution, dropout, elementwise, images, indexing,
    integer_products, labels, loops, losses, microsoft_attention, microsoft_fused, microsoft_quantized, ml,
    normalization, pooling, products, quantization, random, recurrent, reductions, resize, sequences, shapes, signal,
    slicing, strings, svm, training, trees,
)  # fmt: skip
