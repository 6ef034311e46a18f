"""The tables of the catalogue: a file for each topic, with ``ROWS`` and ``FUNCTIONS``."""

from graphc.api.names import (
    activation, array, audio, autodiff, autograph, basic, callbacks, checkpoint, codec, complex, control, conv, ctc,
    data, data_sources, debugging, function, image, index, interop, io, linalg, lookup, losses, math, normalization,
    optimizers, pool, profiler, program, quantize, queue, ragged, random, recompile, recurrent, sampled, saved_model,
    segment, select, sets, signal, sparse, special, strings, summary,
)  # fmt: skip

TABLES = (
    activation, array, audio, autodiff, autograph, basic, callbacks, checkpoint, codec, complex, control, conv, ctc,
    data, data_sources, debugging, function, image, index, interop, io, linalg, lookup, losses, math, normalization,
    optimizers, pool, profiler, program, quantize, queue, ragged, random, recompile, recurrent, sampled, saved_model,
    segment, select, sets, signal, sparse, special, strings, summary,
)  # fmt: skip
