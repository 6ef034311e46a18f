"""Attention of ``keras.ops.nn``: products and softmax, which become one kernel that never stores the scores."""

from __future__ import annotations

from graphc.api.eager import eager
from graphc.api.lift import lift
from graphc.api.op import Op
from graphc.lib import attention
from keras.src.backend.common import dtypes

from graphc.keras.keras_graphc.core import convert_to_tensor

__all__ = ["dot_product_attention"]

_attention = lift(Op("dot_product_attention", "Attention", attention.dot_product_attention,
                     "query key value bias | mask | scale"), eager)  # fmt: skip


def dot_product_attention(query, key, value, bias=None, mask=None, scale=None, is_causal=False, flash_attention=None,
                          attn_logits_soft_cap=None):  # fmt: skip
    """Keras' function; ``flash_attention`` changes nothing, as scores stay in the cache where sizes allow it."""
    query, key, value = (convert_to_tensor(x) for x in (query, key, value))
    if any(len(x.shape) != 4 for x in (query, key, value)):
        raise ValueError(
            f"`dot_product_attention` only supports 4D inputs. Received: query.shape={tuple(query.shape)}, "
            f"key.shape={tuple(key.shape)}, value.shape={tuple(value.shape)}."
        )
    dtype = dtypes.result_type(query.dtype, key.dtype, value.dtype)
    query, key, value = (convert_to_tensor(x, dtype) for x in (query, key, value))
    bias = None if bias is None else convert_to_tensor(bias, dtype)
    mask = None if mask is None else convert_to_tensor(mask, "bool")
    return _attention(query, key, value, bias, mask, scale, is_causal, None, attn_logits_soft_cap)
