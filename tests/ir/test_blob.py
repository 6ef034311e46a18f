"""Bytes made piece by piece, and the digest of many bytes."""

import hashlib

import numpy as np
import pytest

from graphc.ir.blob import EMPTY, Blob, Piece
from graphc.ir.digest import PIECE, Digest, digest_of_bytes


def test_a_blob_has_its_pieces_at_their_places_and_zeros_between():
    calls = []

    def make(array):
        return lambda: calls.append(array.size) or array

    first, second = np.arange(3, dtype=np.uint8), np.float32([[1.5], [-2]])
    blob = Blob(32, (Piece(0, 3, make(first)), Piece(8, 8, make(second.T))))
    assert len(blob) == 32 and not calls
    wanted = bytes([0, 1, 2]) + bytes(5) + second.tobytes() + bytes(16)
    assert b"".join(blob.chunks()) == wanted and calls == [3, 2]
    assert bytes(blob.view) == wanted and blob.view.readonly
    assert blob.view is blob.view and calls == [3, 2, 3, 2]
    assert b"".join(blob.chunks()) == wanted and calls == [3, 2, 3, 2]


def test_blobs_are_compared_by_content():
    made = Blob(4, (Piece(0, 4, lambda: np.uint8([1, 2, 3, 4])),))
    assert made == Blob.of(bytes([1, 2, 3, 4])) and hash(made) == hash(Blob.of(bytes([1, 2, 3, 4])))
    assert made != Blob.of(bytes([1, 2, 3, 5])) and made != Blob.of(b"") and made != bytes([1, 2, 3, 4])
    assert EMPTY == Blob.of(b"") and len(EMPTY) == 0 and bytes(EMPTY.view) == b""


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 9 * PIECE + 17])
def test_the_digest_does_not_depend_on_chunks_or_threads(size):
    content = np.random.default_rng(size).integers(0, 256, size, np.uint8).tobytes()
    whole = digest_of_bytes(content)
    pieces = [hashlib.sha256(content[k : k + PIECE]).digest() for k in range(0, max(size, 1), PIECE)]
    assert whole == (pieces[0] if len(pieces) == 1 else hashlib.sha256(b"".join(pieces)).digest())
    growing = Digest()
    for k in range(0, size, 777_777):
        growing.update(content[k : k + 777_777])
    assert growing.digest() == whole
    copy = np.empty(size, np.uint8)
    assert digest_of_bytes(content, copy) == whole and copy.tobytes() == content
    if size:
        assert digest_of_bytes(content[:-1] + bytes([content[-1] ^ 1])) != whole


def test_a_piece_may_come_in_parts_that_share_memory():
    memory = np.zeros(2, np.uint16)

    def parts():
        for k in range(3):
            memory[:] = k, k + 1
            yield memory

    blob = Blob(16, (Piece(2, 12, parts),))
    assert np.frombuffer(blob.view, np.uint16).tolist() == [0, 0, 1, 1, 2, 2, 3, 0]
