"""Elementary and special functions as inline polynomials: mul, add, fma and bit operations only."""
