"""Engine files and their cache: nothing torn or foreign is ever handed back, and nothing is made twice."""

import errno
import hashlib
import json
import multiprocessing
import os
import struct
import time

import pytest

from streamllie.backends.engine_cache import EngineCache
from streamllie.backends.engine_file import MAGIC, Header, key_of, pack, read
from streamllie.errors import EngineUnusable
from tests.handles import count_handles

KEY = key_of({"a": 1})
ABOUT = {"flavour": "tensorrt-rtx", "version": "1"}
HEADER = Header(kind="timing", key=KEY, about=ABOUT)
BODY = bytes(range(256)) * 40


@pytest.fixture
def cache(tmp_path) -> EngineCache:
    return EngineCache(tmp_path / "cache")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "x.engine"
    path.write_bytes(pack(HEADER, BODY))
    return path


def test_what_was_written_is_read(file):
    assert read(file) == (HEADER, BODY)


def test_a_key_depends_on_every_part_but_not_on_their_order():
    assert key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1})
    assert len({key_of({"a": 1, "b": 2}), key_of({"a": 1, "b": 3}), key_of({"a": 1}), key_of({"a": "1"})}) == 4


@pytest.mark.parametrize("at", [9, 45, 60, -1])
def test_one_changed_bit_anywhere_is_seen(file, at):
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.write_bytes(data)
    with pytest.raises(EngineUnusable, match=r"x\.engine is torn"):
        read(file)


@pytest.mark.parametrize("kept", [0, 4, 20, 44, 100, -1])
def test_a_file_that_ends_early_is_seen(file, kept):
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(EngineUnusable, match=r"x\.engine is (torn|not an engine)"):
        read(file)


def test_a_foreign_file_a_missing_one_and_another_format_are_told_apart(file, tmp_path):
    (tmp_path / "y.engine").write_bytes(b"ftrt" + bytes(5000))  # what TensorRT itself writes
    with pytest.raises(EngineUnusable, match="not an engine of StreamLLIE; make one with `streamllie engine build`"):
        read(tmp_path / "y.engine")
    with pytest.raises(EngineUnusable, match="cannot be read: No such file"):
        read(tmp_path / "z.engine")
    data = file.read_bytes()
    file.write_bytes(data[:7] + bytes([data[7] + 1]) + data[8:])
    with pytest.raises(EngineUnusable, match="has format 2, this version reads 1"):
        read(file)


def test_a_header_of_absurd_length_costs_no_memory(file):
    data = bytearray(file.read_bytes())
    struct.pack_into("<I", data, len(MAGIC) + 32, 2**32 - 1)
    file.write_bytes(data)
    with pytest.raises(EngineUnusable):
        read(file)


@pytest.mark.parametrize(
    "odd",
    [
        Header(kind="engine", key=KEY, about=ABOUT),  # an engine says more
        Header(kind="timing", key=KEY, about={}),
        Header(kind="timing", key=5, about=ABOUT),  # type: ignore[arg-type]
        Header(kind="timing", key=KEY, about=["list"]),  # type: ignore[arg-type]
    ],
    ids=lambda header: f"{header.kind} {header.about}",
)
def test_a_whole_file_whose_header_says_nothing_to_us_is_one_sentence(file, cache, odd):
    file.write_bytes(pack(odd, BODY))
    with pytest.raises(EngineUnusable, match=r"x\.engine has a header that says nothing to this version"):
        read(file)
    cache.folder.mkdir()
    file.rename(cache.path(KEY))
    assert [entry.header for entry in cache.entries()] == [None]


def test_a_header_that_is_no_json_is_one_sentence_too(file):
    data = pack(HEADER, BODY)
    body = b"\x02\x00\x00\x00[]"
    file.write_bytes(data[:8] + hashlib.sha256(body).digest() + body)
    with pytest.raises(EngineUnusable, match="says nothing to this version"):
        read(file)


def test_what_is_in_the_cache_is_not_made_again(cache):
    made = []

    def make():
        made.append(1)
        return HEADER, BODY

    assert cache.load(KEY) is None
    assert cache.get(KEY, make) == cache.get(KEY, make) == cache.load(KEY) == (HEADER, BODY)
    assert made == [1]


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.engine")
    with pytest.raises(EngineUnusable, match="is no file but a folder, a pipe or a device"):
        read(tmp_path / "x.engine")


def test_a_torn_file_is_made_again_once_and_said(cache, caplog):
    cache.get(KEY, lambda: (HEADER, BODY))
    path = cache.path(KEY)
    path.write_bytes(path.read_bytes()[:-5])
    assert cache.get(KEY, lambda: (HEADER, BODY)) == (HEADER, BODY)
    assert "is torn: its content is not what was written; build the engine again" in caplog.text
    caplog.clear()
    assert cache.load(KEY) == (HEADER, BODY)
    assert caplog.text == ""


def test_a_file_under_the_name_of_another_key_is_made_again(cache, caplog):
    other = Header(kind="timing", key=key_of({"a": 2}), about=ABOUT)
    cache.put(other, BODY)
    cache.path(other.key).rename(cache.path(KEY))
    assert cache.get(KEY, lambda: (HEADER, BODY))[0] == HEADER
    assert "made for something else" in caplog.text


def test_a_build_that_fails_leaves_nothing_and_the_next_one_works(cache):
    def fail():
        raise RuntimeError("the library refused")

    with pytest.raises(RuntimeError, match="refused"):
        cache.get(KEY, fail)
    assert cache.entries() == []
    assert cache.get(KEY, lambda: (HEADER, BODY)) == (HEADER, BODY)


def test_a_write_that_fails_leaves_the_old_file_whole(cache):
    cache.put(HEADER, BODY)
    blocker = cache.folder / "elsewhere"
    cache.path(KEY).rename(blocker)
    cache.path(KEY).mkdir()  # the rename into place must fail
    with pytest.raises(EngineUnusable, match="cannot be written"):
        cache.put(HEADER, b"new")
    assert read(blocker) == (HEADER, BODY)
    assert list(cache.folder.glob("*.part")) == []


def _want(folder, log):
    def make():
        with log.open("a") as file:
            file.write("made\n")
        time.sleep(0.3)
        return HEADER, BODY

    assert EngineCache(folder).get(KEY, make) == (HEADER, BODY)


def test_processes_that_want_one_engine_make_it_once(cache, tmp_path):
    log = tmp_path / "log"
    context = multiprocessing.get_context("fork")
    wanting = [context.Process(target=_want, args=(cache.folder, log)) for _ in range(3)]
    for process in wanting:
        process.start()
    for process in wanting:
        process.join(20)
    assert [process.exitcode for process in wanting] == [0, 0, 0]
    assert log.read_text() == "made\n"


def test_prune_removes_the_torn_the_useless_and_what_a_dead_process_left_but_no_more(cache):
    for number in range(3):
        cache.put(Header(kind="timing", key=key_of({"n": number}), about=ABOUT | {"n": number}), BODY)
    torn = cache.path(key_of({"n": 0}))
    torn.write_bytes(torn.read_bytes()[:-1])  # its header is whole
    left = cache.folder / f"{KEY[:32]}.123-4.part"
    left.write_bytes(b"left by a process that died")
    (cache.folder / f"{KEY[:32]}.lock").touch()

    gone = cache.prune(lambda header: header.about["n"] == 1)
    assert {entry.path for entry in gone} == {torn, cache.path(key_of({"n": 1}))}
    assert [path.name for path in cache.folder.iterdir()] == [cache.path(key_of({"n": 2})).name]


def test_a_folder_in_the_cache_is_no_engine_and_a_cache_that_is_a_file_is_told(cache, tmp_path):
    (cache.folder / "odd.engine").mkdir(parents=True)
    assert cache.entries() == cache.prune(lambda header: True) == []
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EngineUnusable, match=r"is no folder; set STREAMLLIE_CACHE to another"):
        EngineCache(tmp_path / "file").entries()


def test_what_cannot_be_removed_is_told(cache):
    (cache.folder / "odd.lock").mkdir(parents=True)
    with pytest.raises(EngineUnusable, match=r"odd\.lock cannot be removed \(Is a directory\); ask its owner, or set"):
        cache.prune(lambda header: True)


def test_prune_leaves_alone_what_is_being_built(cache):
    def make():
        part = cache.folder / f"{KEY[:32]}.1-1.part"
        part.write_bytes(b"half of it")
        cache.prune(lambda header: True)
        assert part.exists()
        part.unlink()
        return HEADER, BODY

    assert cache.get(KEY, make) == (HEADER, BODY)


def test_a_cache_folder_that_cannot_be_locked_is_told_and_keeps_no_file_open(cache, monkeypatch):
    def refused(file, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refused)
    before = count_handles()
    with pytest.raises(EngineUnusable, match="No locks available; set STREAMLLIE_CACHE to another"):
        cache.get(KEY, lambda: (HEADER, BODY))
    assert count_handles() == before


def test_a_cache_folder_that_cannot_be_made_is_one_sentence_with_a_way_out(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EngineUnusable, match=r"cache folder .* cannot be used: .*; set STREAMLLIE_CACHE"):
        EngineCache(tmp_path / "file" / "engines").get(KEY, lambda: (HEADER, BODY))


def test_headers_are_json_that_other_programs_can_read(file):
    data = file.read_bytes()
    (length,) = struct.unpack_from("<I", data, 40)
    assert json.loads(data[44 : 44 + length])["about"]["flavour"] == "tensorrt-rtx"
