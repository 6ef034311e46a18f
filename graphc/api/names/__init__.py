"""The tables of the catalogue: a file for each topic, with ``ROWS`` and ``FUNCTIONS``."""

from graphc.api.names import (
    activation, array, audio, autodiff, basic, callbacks, checkpoint, codec, complex, control, conv, ctc, debugging,
    image, index, io, linalg, lookup, losses, math, normalization, pool, program, quantize, queue, ragged, random,
    recompile, recurrent, sampled, saved_model, segment, select, sets, signal, sparse, special, strings, summary,
)  # fmt: skip

TABLES = (
    activation, array, audio, autodiff, basic, callbacks, checkpoint, codec, complex, control, conv, ctc, debugging,
    image, index, io, linalg, lookup, losses, math, normalization, pool, program, quantize, queue, ragged, random,
    recompile, recurrent, sampled, saved_model, segment, select, sets, signal, sparse, special, strings, summary,
)  # fmt: skip
