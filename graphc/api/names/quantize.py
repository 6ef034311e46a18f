"""The catalogue: quantisation."""

from graphc.api.op import Op
from graphc.lib import quantize

_SLOPES = "backprops_wrt_input backprop_wrt_min backprop_wrt_max"
_ROUNDED = "input input_min input_max signed_input num_bits range_given round_mode name narrow_range axis"

ROWS = (
    Op("quantization.fake_quant_with_min_max_args", "FakeQuantWithMinMaxArgs", quantize.fake_quant_with_min_max_args,
       "inputs"),
    Op("quantization.fake_quant_with_min_max_args_gradient", "FakeQuantWithMinMaxArgsGradient",
       quantize.fake_quant_with_min_max_args_gradient, "gradients inputs"),
    Op("quantization.fake_quant_with_min_max_vars", "FakeQuantWithMinMaxVars", quantize.fake_quant_with_min_max_vars,
       "inputs min max"),
    Op("quantization.fake_quant_with_min_max_vars_gradient", "FakeQuantWithMinMaxVarsGradient",
       quantize.fake_quant_with_min_max_vars_gradient, "gradients inputs min max", parts=_SLOPES),
    Op("quantization.fake_quant_with_min_max_vars_per_channel", "FakeQuantWithMinMaxVarsPerChannel",
       quantize.fake_quant_with_min_max_vars_per_channel, "inputs min max"),
    Op("quantization.fake_quant_with_min_max_vars_per_channel_gradient", "FakeQuantWithMinMaxVarsPerChannelGradient",
       quantize.fake_quant_with_min_max_vars_per_channel_gradient, "gradients inputs min max", parts=_SLOPES),
    Op("quantization.quantize_and_dequantize", "QuantizeAndDequantizeV2", quantize.quantize_and_dequantize,
       "input input_min input_max", arguments=_ROUNDED),
    Op("quantization.quantize_and_dequantize_v2", "QuantizeAndDequantizeV4", quantize.quantize_and_dequantize_v2,
       "input input_min input_max", arguments=_ROUNDED),
    Op("quantization.quantize", "QuantizeV2", quantize.quantize, "input min_range max_range",
       arguments="input min_range max_range T mode round_mode name narrow_range axis ensure_minimum_range",
       parts="output output_min output_max"),
    Op("quantization.dequantize", "Dequantize", quantize.dequantize, "input | min_range max_range",
       arguments="input min_range max_range mode name axis narrow_range dtype"),
)  # fmt: skip
