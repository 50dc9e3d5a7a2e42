"""TensorRT engines are built for real, on a machine without a GPU: TensorRT for RTX compiles ahead of time."""

import json
import os
import shutil
import signal
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from streamllie import cli, cli_engine, shelf
from streamllie.backends import engine_build
from streamllie.backends.engine_build import build_engine, entries, info, prune
from streamllie.backends.engine_cache import EngineCache
from streamllie.backends.engine_file import pack, read
from streamllie.backends.tensorrt_build import Plan, Sizes
from streamllie.backends.tensorrt_library import choose, installed, load, logger
from streamllie.errors import BackendError, BackendMissing, ModelError, ModelNotFound, OutputExists, SinkError
from tests.command import streamllie

pytestmark = pytest.mark.skipif(
    "tensorrt-rtx" not in installed(), reason="needs TensorRT for RTX: streamllie[tensorrt]"
)

SMALLEST = (Sizes.fixed(64, 64),)
QUICK = "lite-lol"  # builds in half of the time of lite: for tests of something else
LIKE_OTHERS = {"lite-handheld", "lite-open"}  # they have no layer that base and lite have not
MODELS = [model.name for model in shelf.models() if model.name not in LIKE_OTHERS]


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> EngineCache:
    """Shared: an engine that two tests want is built once."""
    return EngineCache(tmp_path_factory.mktemp("cache"))


@pytest.mark.parametrize(
    ("model", "precision", "targets"), [*((model, "fp16", ("sm89",)) for model in MODELS), ("lite-lol", "fp32", ())]
)
def test_every_kind_of_model_builds_with_open_sizes_and_stays_small(model, precision, targets, cache):
    shares = []
    built = build_engine(
        model, precision=precision, targets=targets, flavour="tensorrt-rtx", cache=cache, on_step=shares.append
    )
    assert built.fresh
    assert built.bytes == built.path.stat().st_size
    assert 100_000 < built.bytes < 60_000_000, "120 MB once took three times as long to build"
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
    first = build_engine(QUICK, sizes=SMALLEST, flavour="tensorrt-rtx", cache=cache)
    again = build_engine(QUICK, sizes=SMALLEST, flavour="tensorrt-rtx", cache=cache)
    assert not again.fresh
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


def test_an_engine_of_another_version_is_useless_and_pruned(tmp_path, cache):
    built = build_engine(QUICK, sizes=SMALLEST, flavour="tensorrt-rtx", cache=cache)
    header, body = read(built.path)
    old, path = EngineCache(tmp_path), tmp_path / built.path.name
    path.write_bytes(pack(replace(header, about=header.about | {"version": "0.1"}), body))
    ((_, reason),) = entries(old)
    assert reason is not None and "made by tensorrt-rtx 0.1, installed is" in reason
    assert info(path)[1] == reason
    assert [entry.path for entry in prune(cache=old)] == [path]
    assert not path.exists()


def test_an_output_is_a_whole_copy_and_never_overwritten_unasked(tmp_path, cache):
    output = tmp_path / "mine.engine"
    options = {"sizes": SMALLEST, "output": output, "flavour": "tensorrt-rtx", "cache": cache}
    built = build_engine(QUICK, **options)
    assert built.path == output
    assert read(output)[0] == built.header
    output.write_text("precious")
    with pytest.raises(OutputExists, match="--overwrite"):
        build_engine(QUICK, **options)
    assert output.read_text() == "precious"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("mine.onnx", "is the input itself"),
        ("hard.engine", "is the input itself"),
        ("pipe.engine", "is a pipe or a device"),
        ("dangling.engine", "is a link to a file that is not there"),
        (".", "is a folder"),
        ("nowhere/x.engine", "there is no folder"),
    ],
)
def test_an_output_that_is_the_input_or_no_file_is_refused_even_with_overwrite(tmp_path, cache, name, sentence):
    graph = tmp_path / "mine.onnx"
    shutil.copy(shelf.find("lite").path, graph)
    (tmp_path / "hard.engine").hardlink_to(graph)
    os.mkfifo(tmp_path / "pipe.engine")
    (tmp_path / "dangling.engine").symlink_to(tmp_path / "gone")
    before = graph.read_bytes()
    with pytest.raises(SinkError, match=sentence):
        build_engine(graph, output=tmp_path / name, overwrite=True, flavour="tensorrt-rtx", cache=cache)
    assert graph.read_bytes() == before
    assert (tmp_path / "pipe.engine").is_fifo()
    assert (tmp_path / "dangling.engine").is_symlink()


def test_a_deep_engine_is_made_of_a_deep_graph_or_not_at_all(tmp_path, cache):
    """What it says of its planes is what is in the graph, whatever was asked for."""
    model = shelf.find(QUICK)
    graph, deep = tmp_path / "x.onnx", tmp_path / "x.deep.onnx"
    shutil.copy(model.path, graph)
    options = {"sizes": SMALLEST, "flavour": "tensorrt-rtx", "cache": cache}
    with pytest.raises(ModelError, match=r'x\.onnx has no "x\.deep\.onnx" beside it'):
        build_engine(graph, deep=True, **options)
    shutil.copy(model.deep_path, deep)
    engines = [build_engine(path, deep=wish, **options).header for path, wish in
               ((graph, False), (graph, True), (deep, True), (deep, False))]  # fmt: skip
    assert [header.about["deep"] for header in engines] == [False, True, True, True]
    assert len({header.key for header in engines}) == 2
    for output in (graph, deep):
        with pytest.raises(SinkError, match="is the input itself"):
            build_engine(graph, deep=True, output=output, overwrite=True, **options)


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


def test_a_checkpoint_is_not_exported_for_a_plan_that_cannot_be_built(cache, monkeypatch):
    monkeypatch.setattr(engine_build, "_exported", lambda *_, **__: pytest.fail("half a minute for nothing"))
    with pytest.raises(BackendError, match='no target "sm33"'):
        build_engine(shelf.find("lite").weights_path, targets=("sm33",), flavour="tensorrt-rtx", cache=cache)


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


def test_ctrl_c_ends_a_build_at_its_next_step(tmp_path):
    """The library calls us for each step, and swallows what a handler of signals raises there."""
    cache, shares = EngineCache(tmp_path), []

    def press(share):
        shares.append(share)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        build_engine("lite", sizes=(Sizes.fixed(64, 64),), flavour="tensorrt-rtx", cache=cache, on_step=press)
    assert shares
    assert max(shares) < 1
    assert entries(cache) == []


def test_an_engine_has_a_name_that_is_found_again(tmp_path):
    with pytest.raises(SinkError, match=r'night\.onnx" is not a name for an engine; let it end in \.engine'):
        build_engine("lite", output=tmp_path / "night.onnx")


def test_the_library_itself_is_told_apart_from_our_refusals(cache):
    """What reaches the library is whole; what it then refuses, here for want of a GPU, it says in words."""
    library = load("tensorrt-rtx")
    _, body = read(build_engine(QUICK, sizes=SMALLEST, flavour="tensorrt-rtx", cache=cache).path)
    log = logger(library)
    if library.module.Runtime(log).deserialize_cuda_engine(body) is None:
        assert "CUDA" in " ".join(log.errors)


def test_the_command_builds_lists_explains_and_prunes(tmp_path, monkeypatch):
    monkeypatch.setenv("STREAMLLIE_CACHE", str(tmp_path / "cache"))

    def engine(*words: object):
        return CliRunner().invoke(cli.app, ["engine", *map(str, words)])

    output = tmp_path / "mine.engine"
    built = streamllie("engine", "build", "lite", "--size", "64x64", "--target", "sm86,sm89", "-o", output, "--json")
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
    assert (torn.exit_code, torn.stdout) == (1, "")
    assert "is torn" in torn.stderr
    (kept,) = (tmp_path / "cache").glob("*.engine")
    kept.write_bytes(kept.read_bytes()[:-1])
    assert "useless: torn" in engine("list").stdout
    assert "1 removed" in engine("prune").stdout
    assert list((tmp_path / "cache").iterdir()) == []
    nothing = engine("list")
    assert (nothing.exit_code, nothing.stdout) == (0, "")
    assert f"there is no engine in {tmp_path / 'cache'}" in nothing.stderr
    assert (engine("list", "--json").stdout, engine("list", "--json").stderr) == ("", "")


def test_a_checkpoint_without_torch_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "checkpoint.pt").write_bytes(b"")
    find_spec = engine_build.importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "torch" else find_spec(name))
    with pytest.raises(BackendMissing, match=r'needs torch; pip install "streamllie\[export\]"'):
        build_engine(tmp_path / "checkpoint.pt", flavour="tensorrt-rtx")


@pytest.mark.parametrize(
    ("words", "sizes", "targets"),
    [
        ([], [((16, 16), (1080, 1920), (3840, 3840))], ()),
        (["--min", "3000x2000"], [((2000, 3000), (2000, 3000), (3840, 3840))], ()),
        (["--max", "640x480"], [((16, 16), (480, 640), (480, 640))], ()),
        (["--size", "64x48", "--size", "64x48"], [((48, 64), (48, 64), (48, 64))], ()),
        (["--target", "SM86", "--target", "sm89,sm86"], [((16, 16), (1080, 1920), (3840, 3840))], ("sm86", "sm89")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) and value and isinstance(value[0], str) else "",
)
def test_sizes_and_targets_are_those_that_somebody_gave_each_once(words, sizes, targets, monkeypatch):
    asked = {}

    class StopError(Exception):
        """Before anything is built."""

    def spy(subject, **options):
        asked.update(options)
        raise StopError

    monkeypatch.setattr(engine_build, "build_engine", spy)
    CliRunner().invoke(cli_engine.app, ["build", "lite", *words])
    assert [(s.least, s.best, s.most) for s in asked["sizes"]] == sizes
    assert asked["targets"] == targets


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--size", "64x48", "--min", "32x32"], "--size is for frames of that size alone"),
        (["-o", ""], "the name is empty"),
    ],
)
def test_options_that_say_nothing_together_are_a_wrong_usage(words, sentence):
    done = CliRunner().invoke(cli_engine.app, ["build", "lite", *words])
    assert done.exit_code == 2
    assert sentence in done.output


def test_a_range_that_does_not_grow_names_the_sizes_that_were_given(cache):
    with pytest.raises(BackendError, match="the sizes 3000x3000, 100x100 do not grow"):
        most = Sizes(least=(3000, 3000), best=(100, 100), most=(100, 100))
        build_engine("lite", sizes=(most,), flavour="tensorrt-rtx", cache=cache)
