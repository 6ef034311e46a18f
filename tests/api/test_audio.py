"""WAV files that are damaged, and files with other parts than samples."""

import struct

import numpy as np
import pytest

import graphc as tf


def wav(bits=16, kind=1, samples=b"\x00\x40\x00\x80"):
    form = struct.pack("<HHIIHH", kind, 1, 8000, 16000, bits // 8, bits)
    return b"RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00" + form + b"data" + struct.pack("<I", len(samples)) + samples


def test_samples_are_between_minus_one_and_one():
    audio, rate = tf.audio.decode_wav(wav())
    assert audio.numpy().tolist() == [[0.5], [-1.0]] and rate.numpy() == 8000


@pytest.mark.parametrize("contents, words", [
    (b"abc", "starts with b'abc'"),
    (wav()[:45], "has 1 bytes instead of 4"),
    (wav()[:36], "there are no samples"),
    (wav(bits=8), "16 bits"),
    (wav(kind=3), "format 3"),
])  # fmt: skip
def test_damaged_files_are_refused_while_running(contents, words):
    with pytest.raises(ValueError, match=words):
        tf.audio.decode_wav(contents).audio.numpy()


def test_sizes_are_found_while_a_function_of_the_contents_runs():
    files = [tf.audio.encode_wav(np.full((n, 2), 0.25, np.float32), 100).numpy() for n in (3, 8)]
    assert [float(tf.reduce_sum(tf.audio.decode_wav(f).audio)) for f in files] == [1.5, 4.0]
