"""The disk cache: hits, damage, bounds, folders that cannot be written, many processes at once."""

import os
import subprocess
import sys
import warnings

import pytest

from graphc.errors import GraphcWarning, UsageError
from graphc.runtime.cache import DiskCache, default_cache, digest_of

PARTS = {"graph": "graph @f()", "target": "x86-64-v3"}


@pytest.fixture
def cache(tmp_path):
    return DiskCache(tmp_path / "cache")


def test_an_entry_comes_back(cache):
    digest = digest_of(PARTS)
    assert cache.get(digest) is None
    assert cache.put(digest, {"library": b"code"}, PARTS)
    assert bytes(cache.get(digest)["library"]) == b"code"
    stats = cache.stats()
    assert (stats.entries, stats.hits, stats.misses, stats.writes) == (1, 1, 1, 1)
    assert stats.bytes > 0


def test_an_entry_is_found_without_being_counted(cache):
    assert cache.find("a") is None
    cache.put("a", {"library": b"code"}, PARTS)
    assert cache.find("a") == cache.path / "a.gc"
    assert (cache.stats().hits, cache.stats().misses) == (0, 0)
    assert DiskCache(None).find("a") is None


def test_the_folder_is_private(cache):
    cache.put("a", {"library": b"code"}, PARTS)
    assert cache.path.stat().st_mode & 0o777 == 0o700


def test_the_digest_depends_on_every_name_and_value():
    digests = [digest_of(p) for p in ({"a": "bc"}, {"ab": "c"}, {"a": "b", "c": ""}, {"a": "b"}, {})]
    assert len(set(digests)) == len(digests)
    assert digest_of({"a": "1", "b": "2"}) == digest_of({"b": "2", "a": "1"})


def test_a_damaged_entry_is_removed_and_missing(cache):
    cache.put("a", {"library": b"code"}, PARTS)
    (path,) = cache.path.iterdir()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert cache.get("a") is None
    assert not path.exists()
    assert cache.stats().damaged == 1
    assert cache.put("a", {"library": b"code"}, PARTS)
    assert cache.get("a") is not None


def test_the_least_recently_used_entries_go_first(tmp_path):
    cache = DiskCache(tmp_path, limit=3500)
    for age, digest in enumerate("abc"):
        cache.put(digest, {"library": bytes(800)}, PARTS)
        os.utime(tmp_path / f"{digest}.gc", (1000 + age, 1000 + age))
    assert cache.get("a") is not None
    cache.put("d", {"library": bytes(800)}, PARTS)
    assert [d for d in "abcd" if cache.get(d)] == ["a", "c", "d"]
    assert cache.stats().bytes <= 3500


def test_an_entry_larger_than_the_limit_is_not_kept(tmp_path):
    cache = DiskCache(tmp_path, limit=2000)
    cache.put("a", {"library": bytes(100)}, PARTS)
    assert not cache.put("b", {"library": bytes(5000)}, PARTS)
    assert cache.get("a") is not None and cache.get("b") is None


def test_what_killed_writers_left_is_removed(cache):
    cache.put("a", {"library": b"code"}, PARTS)
    old, new = cache.path / ".tmp-1-old", cache.path / ".tmp-2-new"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (1000, 1000))
    cache.stats()
    assert not old.exists() and new.exists()


def test_a_miss_says_which_part_differed(cache):
    assert "no entry to compare" in cache.explain(PARTS)
    cache.put("a", {"library": b""}, PARTS)
    cache.put("b", {"library": b""}, {"graph": "graph @g()", "target": "aarch64"})
    assert "these very key parts" in cache.explain(PARTS)
    message = cache.explain({**PARTS, "target": "x86-64-v4"})
    assert message == "the nearest entry differs in target: x86-64-v3 there, x86-64-v4 here"
    assert "version: absent there, 2 here" in cache.explain({**PARTS, "version": "2"})
    long = {**PARTS, "graph": "x" * 10000}
    assert len(cache.explain(long)) < 400


def test_clear_removes_all(cache):
    cache.put("a", {"library": b""}, PARTS)
    cache.clear()
    assert cache.stats().entries == 0


def test_a_cache_that_is_off(monkeypatch):
    monkeypatch.setenv("GRAPHC_CACHE", "off")
    cache = default_cache()
    assert not cache.put("a", {"library": b""}, PARTS)
    assert cache.get("a") is None
    assert cache.explain(PARTS) == "the cache is off"
    assert cache.stats().path is None
    cache.clear()


def test_the_environment_chooses_folder_and_limit(monkeypatch, tmp_path):
    monkeypatch.setenv("GRAPHC_CACHE_DIR", str(tmp_path / "mine"))
    monkeypatch.setenv("GRAPHC_CACHE_LIMIT", "3M")
    cache = default_cache()
    assert cache.path == tmp_path / "mine" and cache.limit == 3 << 20
    assert default_cache() is cache
    monkeypatch.delenv("GRAPHC_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert default_cache().path == tmp_path / "xdg" / "graphc"
    monkeypatch.setenv("GRAPHC_CACHE_LIMIT", "lots")
    with pytest.raises(UsageError, match="GRAPHC_CACHE_LIMIT=lots"):
        default_cache()


def _expect_one_warning(cache):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            assert not cache.put("a", {"library": b"code"}, PARTS)
            assert cache.get("a") is None
    assert [w.category for w in caught] == [GraphcWarning]
    assert "GRAPHC_CACHE_DIR" in str(caught[0].message)


def test_a_folder_that_cannot_be_made_gives_one_warning(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    _expect_one_warning(DiskCache(tmp_path / "file" / "cache"))


def test_entries_of_another_user_are_not_run(cache):
    if os.getuid() != 0:
        pytest.skip("only root may give files away")
    cache.put("a", {"library": b"code"}, PARTS)
    os.chown(cache.path / "a.gc", 12345, -1)
    with pytest.warns(GraphcWarning, match="another user"):
        assert cache.get("a") is None


def test_a_full_disk_gives_one_warning(cache, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    _expect_one_warning(cache)
    assert list(cache.path.iterdir()) == []


def test_a_read_only_folder_still_serves_hits(cache):
    """Run in a child without the rights of root, as root may write everywhere."""
    cache.put("a", {"library": b"code"}, PARTS)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            for folder in [cache.path, *cache.path.parents]:
                if os.getuid() == 0 and folder != folder.parent:
                    os.chmod(folder, 0o555)
            for file in cache.path.iterdir():
                os.chmod(file, 0o444)
            if os.getuid() == 0:
                os.setuid(65534)
            again = DiskCache(cache.path)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                kept = [again.put(d, {"library": b""}, PARTS) for d in "bc"]
                served = bytes(again.get("a")["library"]) == b"code"
            status = 0 if served and kept == [False, False] and len(caught) == 1 else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


WRITER = """
import sys
from graphc.runtime.cache import DiskCache
cache, seed = DiskCache(sys.argv[1], limit=60_000), int(sys.argv[2])
for k in range(60):
    digest = f"d{(k * 7 + seed) % 20}"
    content = (digest.encode() * 3000)[: 4000 + 100 * (k % 3)]
    entry = cache.get(digest)
    if entry is not None:
        found = bytes(entry["library"])
        assert found == (digest.encode() * 3000)[: len(found)] and len(found) >= 4000
    cache.put(digest, {"library": content}, {"digest": digest})
assert cache.stats().damaged == 0
"""


def test_eight_processes_at_once(tmp_path):
    command = [sys.executable, "-W", "error", "-c", WRITER, str(tmp_path)]
    writers = [subprocess.Popen([*command, str(seed)], stderr=subprocess.PIPE, text=True) for seed in range(8)]
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors
    assert DiskCache(tmp_path).stats().bytes <= 60_000
    assert all(path.suffix == ".gc" for path in tmp_path.iterdir())


def test_a_folder_of_many_small_entries_is_seldom_listed(tmp_path, monkeypatch):
    cache, listed = DiskCache(tmp_path, limit=1 << 20), []
    monkeypatch.setattr(cache, "_shrink", listed.append)
    for k in range(64):
        assert cache.put(f"{k:02d}", {"a": b"x"}, {})
    assert 1 <= len(listed) < 16
    assert cache.put("large", {"a": bytes(1 << 15)}, {}) and listed[-1].name.startswith("large")


def test_a_draft_is_an_entry_only_when_it_is_kept(cache):
    with cache.draft("a", PARTS) as draft:
        draft.begin(["weights", "library"])
        draft.add(bytes(100))
        assert cache.get("a") is None
    assert list(cache.path.iterdir()) == []
    with pytest.raises(ZeroDivisionError), cache.draft("a", PARTS) as draft:
        draft.begin(["weights", "library"])
        1 / 0
    assert list(cache.path.iterdir()) == [] and draft.keep() is False
    with cache.draft("a", PARTS) as draft:
        draft.begin(["weights", "library"])
        draft.add(bytes(100))
        draft.add(b"code")
        assert draft.keep()
        assert bytes(draft.kept()["library"]) == b"code"
    assert bytes(cache.get("a")["weights"]) == bytes(100)
