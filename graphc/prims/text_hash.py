"""Hashes of byte strings: FarmHash's Fingerprint64, SipHash-2-4, and MurmurHash2 of 64 bits; all exact."""

from __future__ import annotations

from collections.abc import Iterator

_MASK = (1 << 64) - 1
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
_MURMUR, _MURMUR_SEED = 0xC6A4A7935BD1E995, 0xDECAFCAFFE


def _word(s: bytes, at: int, size: int = 8) -> int:
    return int.from_bytes(s[at : at + size], "little")


def _turn(x: int, by: int) -> int:
    """Rotate right."""
    x &= _MASK
    return (x >> by | x << (64 - by)) & _MASK


def _mix(x: int) -> int:
    x &= _MASK
    return x ^ x >> 47


# --------------------------------------------------------------------------------------------- FarmHash


def _pair(u: int, v: int, mul: int) -> int:
    a = _mix((u ^ v) * mul)
    return _mix((v ^ a) * mul) * mul & _MASK


def _short(s: bytes) -> int:
    n = len(s)
    mul = _K2 + 2 * n
    if n >= 8:
        a, b = _word(s, 0) + _K2 & _MASK, _word(s, n - 8)
        c, d = _turn(b, 37) * mul + a & _MASK, (_turn(a, 25) + b) * mul & _MASK
        return _pair(c, d, mul)
    if n >= 4:
        return _pair(n + (_word(s, 0, 4) << 3), _word(s, n - 4, 4), mul)
    if n:
        y, z = s[0] + (s[n >> 1] << 8), n + (s[-1] << 2)
        return _mix(y * _K2 & _MASK ^ z * _K0 & _MASK) * _K2 & _MASK
    return _K2


def _medium(s: bytes) -> int:
    """17 to 64 bytes."""
    n = len(s)
    mul = _K2 + 2 * n
    a, b = _word(s, 0) * (_K1 if n <= 32 else _K2) & _MASK, _word(s, 8)
    c, d = _word(s, n - 8) * mul & _MASK, _word(s, n - 16) * _K2 & _MASK
    y = _turn(a + b, 43) + _turn(c, 30) + d & _MASK
    z = _pair(y, a + _turn(b + _K2, 18) + c & _MASK, mul)
    if n <= 32:
        return z
    e, f = _word(s, 16) * mul & _MASK, _word(s, 24)
    g, h = (y + _word(s, n - 32)) * mul & _MASK, (z + _word(s, n - 24)) * mul & _MASK
    return _pair(_turn(e + f, 43) + _turn(g, 30) + h & _MASK, e + _turn(f + a, 18) + g & _MASK, mul)


def _weak(s: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    w, x, y, z = (_word(s, at + k) for k in (0, 8, 16, 24))
    a += w
    b = _turn(b + a + z, 21)
    c = a
    a += x + y
    b += _turn(a, 44)
    return a + z & _MASK, b + c & _MASK


def _block(s, at, mul, x, y, z, v, w, last: int):
    """One round over 64 bytes; ``last`` is 9 in the final one, else 1."""
    x = _turn(x + y + v[0] + _word(s, at + 8), 37) * mul & _MASK
    y = _turn(y + v[1] + _word(s, at + 48), 42) * mul & _MASK
    x ^= w[1] * last & _MASK
    y = y + v[0] * last + _word(s, at + 40) & _MASK
    z = _turn(z + w[0], 33) * mul & _MASK
    v = _weak(s, at, v[1] * mul, x + w[0])
    w = _weak(s, at + 32, z + w[1], y + _word(s, at + 16))
    return z, y, x, v, w


def fingerprint64(s: bytes) -> int:
    """FarmHash's Fingerprint64, an unsigned number of 64 bits."""
    n = len(s)
    if n <= 16:
        return _short(s)
    if n <= 64:
        return _medium(s)
    y = 81 * _K1 + 113 & _MASK
    z = _mix(y * _K2 + 113) * _K2 & _MASK
    x, v, w = 81 * _K2 + _word(s, 0) & _MASK, (0, 0), (0, 0)
    for at in range(0, (n - 1) // 64 * 64, 64):
        x, y, z, v, w = _block(s, at, _K1, x, y, z, v, w, 1)
    mul = _K1 + ((z & 0xFF) << 1)
    w0 = w[0] + (n - 1 & 63) & _MASK
    v0 = v[0] + w0 & _MASK
    x, y, z, v, w = _block(s, n - 64, mul, x, y, z, (v0, v[1]), (w0 + v0 & _MASK, w[1]), 9)
    first = _pair(v[0], w[0], mul) + _mix(y) * _K0 + z & _MASK
    return _pair(first, _pair(v[1], w[1], mul) + x & _MASK, mul)


# ------------------------------------------------------------------------------------- SipHash and Murmur


def _left(x: int, by: int) -> int:
    return _turn(x, 64 - by)


def _rounds(count: int, a: int, b: int, c: int, d: int) -> tuple[int, int, int, int]:
    for _ in range(count):
        a, c = a + b & _MASK, c + d & _MASK
        b, d = _left(b, 13) ^ a, _left(d, 16) ^ c
        a, c = _left(a, 32), c + b & _MASK
        a, b = a + d & _MASK, _left(b, 17) ^ c
        d, c = _left(d, 21) ^ a, _left(c, 32)
    return a, b, c, d


def siphash(s: bytes, key: tuple[int, int]) -> int:
    """SipHash-2-4 with a key of two 64-bit numbers."""
    k0, k1 = (k & _MASK for k in key)
    state = (k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573)
    for word in _words_with_length(s):
        a, b, c, d = _rounds(2, *state[:3], state[3] ^ word)
        state = (a ^ word, b, c, d)
    a, b, c, d = state
    a, b, c, d = _rounds(4, a, b, c ^ 0xFF, d)
    return a ^ b ^ c ^ d


def _words_with_length(s: bytes) -> Iterator[int]:
    whole = len(s) // 8 * 8
    yield from (_word(s, at) for at in range(0, whole, 8))
    yield _word(s, whole, 8) | (len(s) & 0xFF) << 56


def murmur64(s: bytes) -> int:
    """MurmurHash2 (64A) with TensorFlow's seed."""
    whole = len(s) // 8 * 8
    h = _MURMUR_SEED ^ len(s) * _MURMUR & _MASK
    for at in range(0, whole, 8):
        k = _word(s, at) * _MURMUR & _MASK
        k = (k ^ k >> 47) * _MURMUR & _MASK
        h = (h ^ k) * _MURMUR & _MASK
    if len(s) > whole:
        h = (h ^ _word(s, whole)) * _MURMUR & _MASK
    h = (h ^ h >> 47) * _MURMUR & _MASK
    return h ^ h >> 47
