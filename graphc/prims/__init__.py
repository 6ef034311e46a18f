"""Primitives: what each operation means, and a constructor for each."""

from graphc.ir.node import const
from graphc.prims.act import act, python
from graphc.prims import (  # rows that only the library applies
    candidates, csv, edit_distance, example, files, images, index_shuffle, isotonic, lookup, pieces, scripts,
    sound, sparse, sparse_proto, strings, tensor_proto, vocabulary,
)  # fmt: skip
from graphc.prims.byte_products import conv4, dot4
from graphc.prims.cast import bitcast, cast
from graphc.prims.complex import complex_, conj, imag, real, view
from graphc.prims.contract import conv, dot
from graphc.prims.correlate import correlate
from graphc.prims.control import call, cond, loop
from graphc.prims.cumulate import cumulate
from graphc.prims.effects import check, check_numerics, print_
from graphc.prims.data import measured, nonzero, unique
from graphc.prims.fft import fft
from graphc.prims.formula import FUNCTIONS
from graphc.prims.guard import guard, refusal
from graphc.prims.host import host
from graphc.prims.index import gather, scatter
from graphc.prims.leaf import iota
from graphc.prims.linalg import cholesky, eig, eigh, lu, qr, svd, triangular_solve
from graphc.prims.order import item, sort
from graphc.prims.random import random_bits, swaps
from graphc.prims.reduce import argreduce, reduce
from graphc.prims.scalar import (
    abs, acos, acosh, add, and_, asin, asinh, atan, atan2, atanh, ceil, cos, cosh, digamma, div, eq, erf, erfinv, exp,
    expm1, floor, floordiv, fma, isfinite, le, lgamma, log, log1p, lt, max, min, mod, mul, ne, neg, not_, or_, popcount,
    pow, round, rsqrt, select, shl, shr, sigmoid, sign, sin, sinh, sqrt, sub, tan, tanh, trunc, xor,
)  # fmt: skip
from graphc.prims.shape import broadcast, concat, ensure, pad, reshape, reverse, stop, transfer, transpose
from graphc.prims.shape import slice_ as slice
from graphc.prims.solve import det, inverse, matrix_function, slogdet, solve
from graphc.prims.table import TABLE, Piece, Prim, apply, row
from graphc.prims.while_loop import while_
from graphc.prims.window import unwindow, window
