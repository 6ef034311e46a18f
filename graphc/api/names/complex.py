"""Names of operations on complex numbers."""

from graphc.api.op import Op
from graphc.lib import complex as lib

ROWS = (
    Op("complex dtypes.complex", "Complex", lib.complex, "real imag"),
    Op("math.real", "Real", lib.real, "input"),
    Op("math.imag", "Imag", lib.imag, "input"),
    Op("math.conj", "Conj", lib.conj, "x"),
    Op("math.angle", "Angle", lib.angle, "input"),
)
