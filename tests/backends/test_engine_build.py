"""TensorRT engines are built for real, on a machine without a GPU: TensorRT for RTX compiles ahead of time."""

import json
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from streamllie import shelf
from streamllie.backends import engine_build
from streamllie.backends.engine_build import build_engine, entries, info, prune
from streamllie.backends.engine_cache import EngineCache
from streamllie.backends.engine_file import pack, read
from streamllie.backends.tensorrt_build import Plan, Sizes, build
from streamllie.backends.tensorrt_library import choose, installed, load, logger
from streamllie.errors import BackendError, BackendMissing, EngineUnusable, ModelNotFound

pytestmark = pytest.mark.skipif(
    "tensorrt-rtx" not in installed(), reason="needs TensorRT for RTX: streamllie[tensorrt]"
)

MODELS = [model.name for model in shelf.models()]


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> EngineCache:
    """Shared: an engine that two tests want is built once."""
    return EngineCache(tmp_path_factory.mktemp("cache"))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("precision", "targets"), [("fp16", ("sm89",)), ("fp32", ())], ids=["fp16-sm89", "fp32-default"]
)
def test_every_model_builds_with_open_sizes_in_seconds(model, precision, targets, cache):
    shares = []
    began = time.process_time()  # of the CPU: a machine that is busy with other things makes the wall's longer
    built = build_engine(
        model, precision=precision, targets=targets, flavour="tensorrt-rtx", cache=cache, on_step=shares.append
    )
    assert time.process_time() - began < 15  # of both cores; a camera that is followed takes half of it
    assert built.fresh
    assert built.bytes == built.path.stat().st_size > 100_000
    assert shares == sorted(shares) and shares[-1] > 0.5
    layers = built.header.about["layers"]
    assert (layers.get("half", 0) > 50) == (precision == "fp16")
    assert layers["float"] > 100, "statistics and tone stay float32"


def test_bf16_fixed_sizes_and_deep_video_build_too(cache):
    sizes = (Sizes.fixed(720, 1280), Sizes.fixed(1080, 1920))
    built = build_engine("lite", precision="bf16", sizes=sizes, deep=True, flavour="tensorrt-rtx", cache=cache)
    assert built.header.about["layers"]["bf16"] > 50
    assert "uint8" not in built.header.about["layers"]
    assert len(built.header.about["sizes"]) == 2


def test_a_second_build_is_found_in_the_cache_and_the_event_is_the_promised_one(cache):
    first = build_engine("lite", flavour="tensorrt-rtx", cache=cache)
    again = build_engine("lite", flavour="tensorrt-rtx", cache=cache)
    assert not again.fresh
    assert again.seconds < 1
    assert list(again.event()) == ["path", "bytes", "seconds", "flavour", "version", "precision", "key"]
    assert again.event()["key"] == first.header.key


def test_the_key_changes_with_graph_sizes_precision_targets_and_version(cache):
    library = load("tensorrt-rtx")
    plan = Plan(model="x", graph=b"1")
    others = [
        replace(plan, graph=b"2"),
        replace(plan, sizes=(Sizes.fixed(720, 1280),)),
        replace(plan, precision="fp32"),
        replace(plan, targets=("sm89",)),
    ]
    keys = {p.key(library, None) for p in (plan, *others)} | {plan.key(replace(library, version="0.1"), None)}
    assert len(keys) == 6
    assert replace(plan, model="another name").key(library, None) in keys


def test_an_engine_of_another_version_is_useless_and_pruned(tmp_path):
    cache = EngineCache(tmp_path)
    built = build_engine("lite", sizes=(Sizes.fixed(64, 64),), flavour="tensorrt-rtx", cache=cache)
    header, body = read(built.path)
    built.path.write_bytes(pack(replace(header, about=header.about | {"version": "0.1"}), body))
    ((_, reason),) = entries(cache)
    assert reason is not None and "made by tensorrt-rtx 0.1, installed is" in reason
    assert info(built.path)[1] == reason
    assert [entry.path for entry in prune(cache=cache)] == [built.path]
    assert not built.path.exists()


def test_an_output_is_a_whole_copy_and_never_overwritten_unasked(tmp_path, cache):
    output = tmp_path / "lite.engine"
    built = build_engine("lite", output=output, flavour="tensorrt-rtx", cache=cache)
    assert built.path == output
    assert read(output)[0] == built.header
    output.write_text("precious")
    with pytest.raises(EngineUnusable, match="--overwrite"):
        build_engine("lite", output=output, flavour="tensorrt-rtx", cache=cache)
    assert output.read_text() == "precious"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "fp8"}, "there are: fp16, bf16, fp32"),
        ({"targets": ("sm33",)}, 'no target "sm33"; there are: sm75'),
        ({"sizes": (Sizes(least=(100, 100), most=(50, 50)),)}, "do not grow"),
        ({"flavour": "tensorflow"}, 'no flavour "tensorflow"'),
    ],
)
def test_a_plan_that_cannot_be_built_is_refused_at_once(options, message, cache):
    with pytest.raises(BackendError, match=message):
        build_engine("lite", cache=cache, **options)


def test_a_graph_that_is_none_and_a_name_that_is_none_are_sentences(tmp_path, cache):
    (tmp_path / "odd.onnx").write_bytes(b"not a graph")
    with pytest.raises(BackendError, match="odd is not an ONNX file"):
        build_engine(tmp_path / "odd.onnx", flavour="tensorrt-rtx", cache=cache)
    with pytest.raises(ModelNotFound, match="huge"):
        build_engine("huge", cache=cache)
    assert not list(cache.folder.glob("*.part"))


def test_a_flavour_that_is_not_installed_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(BackendMissing, match=r'pip install "streamllie\[tensorrt\]"'):
        choose(None)


def test_an_interrupted_build_leaves_the_cache_clean(tmp_path):
    cache = EngineCache(tmp_path)

    class StopError(Exception):
        """As if somebody pressed Ctrl-C."""

    def stop(share):
        raise StopError

    with pytest.raises((StopError, BackendError)):
        build_engine("lite", sizes=(Sizes.fixed(64, 64),), flavour="tensorrt-rtx", cache=cache, on_step=stop)
    assert entries(cache) == []


def test_the_library_itself_is_told_apart_from_our_refusals():
    """What reaches the library is whole; what it then refuses, here for want of a GPU, it says in words."""
    library = load("tensorrt-rtx")
    _, body = build(
        Plan(model="lite", graph=shelf.find("lite").path.read_bytes(), sizes=(Sizes.fixed(64, 64),)), library, None
    )
    log = logger(library)
    if library.module.Runtime(log).deserialize_cuda_engine(body) is None:
        assert "CUDA" in " ".join(log.errors)


def test_the_command_builds_lists_explains_and_prunes(tmp_path, monkeypatch):
    monkeypatch.setenv("STREAMLLIE_CACHE", str(tmp_path / "cache"))

    def engine(*words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "streamllie", "engine", *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    output = tmp_path / "mine.engine"
    built = engine("build", "lite", "--size", "64x64", "--target", "sm86,sm89", "-o", output, "--json")
    assert built.returncode == 0, built.stderr
    event = json.loads(built.stdout)
    assert (event["path"], event["precision"], event["flavour"]) == (str(output), "fp16", "tensorrt-rtx")
    (listed,) = [json.loads(line) for line in engine("list", "--json").stdout.splitlines()]
    assert (listed["key"], listed["useless"], listed["targets"]) == (event["key"], None, ["sm86", "sm89"])
    told = engine("info", output).stdout
    for words in ("whole, and of use here", "sm86, sm89", "64x64", "half", "precision fp16"):
        assert words in told
    output.write_bytes(output.read_bytes()[:-1])
    torn = engine("info", output)
    assert (torn.returncode, torn.stdout) == (1, "")
    assert "is torn" in torn.stderr
    assert "1 removed" in engine("prune", "--all").stdout
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_checkpoint_without_torch_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "checkpoint.pt").write_bytes(b"")
    find_spec = engine_build.importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "torch" else find_spec(name))
    with pytest.raises(BackendMissing, match=r'needs torch; pip install "streamllie\[export\]"'):
        build_engine(tmp_path / "checkpoint.pt", flavour="tensorrt-rtx")
