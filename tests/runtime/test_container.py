"""The container format: what is written comes back, and no changed or missing byte goes unnoticed."""

import os
import stat

import numpy as np
import pytest

from graphc.errors import FormatError, UsageError
from graphc.runtime.container import ALIGN, Container, Writer, encode

SECTIONS = {"manifest": {"name": "train", "version": 1}, "ir": "graph @f()", "empty": b"", "weights": bytes(range(1, 80))}


def write(path, sections: dict) -> None:
    with Writer(path, sections) as writer:
        for value in sections.values():
            writer.add(value)
        writer.close()


@pytest.fixture
def content():
    return b"".join(encode(SECTIONS))


def test_what_is_written_comes_back(tmp_path):
    path = tmp_path / "a.gc"
    write(path, SECTIONS)
    container = Container.open(path)
    assert container.names == tuple(SECTIONS)
    assert container.json("manifest") == SECTIONS["manifest"]
    assert container.text("ir") == SECTIONS["ir"]
    assert bytes(container["weights"]) == SECTIONS["weights"]
    assert len(container["empty"]) == 0
    assert "ir" in container and "object" not in container
    assert os.listdir(tmp_path) == ["a.gc"]


def test_no_sections_at_all():
    assert Container.parse(b"".join(encode({}))).names == ()


def test_weights_are_mapped_aligned_and_outlive_the_container(tmp_path):
    weights = np.arange(1000, dtype=np.float32)
    write(tmp_path / "a.gc", {"ir": "x", "weights": weights})
    array = np.frombuffer(Container.open(tmp_path / "a.gc")["weights"], dtype=np.float32)
    assert array.__array_interface__["data"][0] % ALIGN == 0
    assert not array.flags.writeable
    np.testing.assert_array_equal(array, weights)


def test_every_changed_byte_is_noticed(content):
    for position in range(len(content)):
        for change in (0x01, 0x80, 0xFF):
            damaged = bytearray(content)
            damaged[position] ^= change
            with pytest.raises(FormatError):
                Container.parse(bytes(damaged))


def test_every_truncation_and_appended_bytes_are_noticed(content):
    for size in range(len(content)):
        with pytest.raises(FormatError):
            Container.parse(content[:size])
    with pytest.raises(FormatError):
        Container.parse(content + b"\0")


def test_random_bytes_are_no_container():
    random = np.random.default_rng(0)
    for size in random.integers(0, 400, 300):
        noise = random.bytes(int(size))
        with pytest.raises(FormatError):
            Container.parse(noise)
        with pytest.raises(FormatError):
            Container.parse(b"".join(encode({}))[:16] + noise)


def test_messages_say_what_is_wrong(tmp_path, content):
    path = tmp_path / "a.gc"
    for damaged, words in (
        (b"", "empty"),
        (b"PK" + content[2:], "no .gc container"),
        (content[:8] + b"\x09" + content[9:], "version 9"),
        (content[:-1], "cut off"),
        (content[:-1] + b"!", "'weights'"),
    ):
        path.write_bytes(damaged)
        with pytest.raises(FormatError, match=words) as info:
            Container.open(path)
        assert "a.gc" in str(info.value)
    with pytest.raises(FormatError, match="no section 'object'"):
        Container.parse(content)["object"]
    with pytest.raises(FormatError, match="not JSON"):
        Container.parse(content).json("ir")


def test_only_one_section_can_be_verified(content):
    damaged = content[:-1] + b"!"
    assert Container.parse(damaged, only="ir").text("ir") == SECTIONS["ir"]
    with pytest.raises(FormatError):
        Container.parse(damaged, only="weights")


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.gc"
    write(path, SECTIONS)
    with pytest.raises(TypeError):
        write(path, {"ir": object()})
    with pytest.raises(UsageError):
        write(path, {"": b"x"})
    assert Container.open(path).text("ir") == SECTIONS["ir"]
    assert os.listdir(tmp_path) == ["a.gc"]


def test_files_get_the_usual_permissions(tmp_path):
    before = os.umask(0o022)
    try:
        write(tmp_path / "a.gc", SECTIONS)
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(tmp_path / "a.gc").st_mode) == 0o644
