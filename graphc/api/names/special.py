"""TensorFlow's special functions: their names, and the lib functions that build them."""

from __future__ import annotations

from graphc.api.op import Op
from graphc.lib import math, special

ROWS = (
    Op("math.erf", "Erf", math.erf, "x"),
    Op("math.erfc", "Erfc", special.erfc, "x"),
    Op("math.erfinv", "Erfinv", math.erfinv, "x", "erfinv"),
    Op("math.erfcinv", "Erfcinv", special.erfcinv, "x", "erfcinv"),
    Op("math.ndtri", "Ndtri", special.ndtri, "x", "ndtri"),
    Op("math.lgamma", "Lgamma", math.lgamma, "x"),
    Op("math.digamma", "Digamma", math.digamma, "x"),
    Op("math.polygamma", "Polygamma", special.polygamma, "a x"),
    Op("math.zeta", "Zeta", special.zeta, "x q"),
    Op("math.igamma", "Igamma", special.igamma, "a x"),
    Op("math.igammac", "Igammac", special.igammac, "a x"),
    Op("math.betainc", "Betainc", special.betainc, "a b x"),
    Op("math.lbeta", "Lbeta", special.lbeta, "x", "lbeta"),
    Op("math.bessel_i0 math.special.bessel_i0", "BesselI0", special.bessel_i0, "x"),
    Op("math.bessel_i1 math.special.bessel_i1", "BesselI1", special.bessel_i1, "x"),
    Op("math.bessel_i0e math.special.bessel_i0e", "BesselI0e", special.bessel_i0e, "x"),
    Op("math.bessel_i1e math.special.bessel_i1e", "BesselI1e", special.bessel_i1e, "x"),
    Op("math.special.bessel_j0", "BesselJ0", special.bessel_j0, "x"),
    Op("math.special.bessel_j1", "BesselJ1", special.bessel_j1, "x"),
    Op("math.special.bessel_k0", "BesselK0", special.bessel_k0, "x"),
    Op("math.special.bessel_k1", "BesselK1", special.bessel_k1, "x"),
    Op("math.special.bessel_k0e", "BesselK0e", special.bessel_k0e, "x"),
    Op("math.special.bessel_k1e", "BesselK1e", special.bessel_k1e, "x"),
    Op("math.special.bessel_y0", "BesselY0", special.bessel_y0, "x"),
    Op("math.special.bessel_y1", "BesselY1", special.bessel_y1, "x"),
    Op("math.special.dawsn", "Dawsn", special.dawsn, "x"),
    Op("math.special.expint", "Expint", special.expint, "x"),
    Op("math.special.fresnel_cos", "FresnelCos", special.fresnel_cos, "x"),
    Op("math.special.fresnel_sin", "FresnelSin", special.fresnel_sin, "x"),
    Op("math.special.spence", "Spence", special.spence, "x"),
)
