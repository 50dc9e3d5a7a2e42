import shutil

import pytest

from streamllie import shelf
from streamllie.errors import ModelError, ModelNotFound


def test_every_model_on_the_shelf_is_whole_small_and_described():
    found = shelf.models()
    assert "lite" in [m.name for m in found]
    for model in found:
        checked = shelf.find(model.name)
        assert checked.bytes == checked.path.stat().st_size < 10_000_000
        assert checked.licence
        assert checked.summary
        assert checked.parameters
        card = (checked.path.parent / f"{checked.name}.md").read_text(encoding="utf-8").replace("\n", " ")
        assert f"{checked.parameters:,} parameters" in card or f"{checked.parameters / 1e6:.1f} million" in card


def test_an_unknown_name_is_an_error_that_lists_the_shelf():
    with pytest.raises(ModelNotFound, match=r'no model "huge" on the shelf; there are: .*lite'):
        shelf.find("huge")


def test_a_file_whose_name_ends_otherwise_is_told_what_models_end_in(tmp_path):
    file = shutil.copy(shelf.find("lite").path, tmp_path / "LITE.ONNX")
    with pytest.raises(
        ModelNotFound, match=r"LITE\.ONNX. is no file of a model: such names end in \.onnx, .*small letters"
    ):
        shelf.find(file)


def test_a_name_that_no_file_can_have_is_not_found():
    with pytest.raises(ModelNotFound, match="no model"):
        shelf.find(300 * "x")


def test_a_file_can_be_named_and_brings_its_companions(tmp_path):
    lite = shelf.find("lite")
    for path in (lite.path, lite.deep_path, lite.weights_path):
        assert path
        shutil.copy(path, tmp_path)
    model = shelf.find(tmp_path / "lite.onnx")
    assert (model.name, model.sha256, model.licence) == ("lite", lite.sha256, "unknown")
    assert model.deep_path == tmp_path / "lite.deep.onnx"
    assert model.weights_path == tmp_path / "lite.pt"
    by_checkpoint = shelf.find(tmp_path / "lite.pt")
    assert by_checkpoint == model, "what it says of `path` is that of the graph"


def test_a_file_whose_companions_names_would_be_too_long_has_none(tmp_path):
    path = tmp_path / f"{248 * 'm'}.onnx"
    shutil.copy(shelf.find("lite").path, path)
    model = shelf.find(path)
    assert (model.path, model.deep_path) == (path, None)


def test_a_graph_for_more_bits_alone_does_not_take_the_place_of_the_other(tmp_path):
    deep = shutil.copy(shelf.find("lite").deep_path, tmp_path)
    with pytest.raises(
        ModelError, match=r'for video of more than 8 bits; "lite\.onnx", for all other, must lie beside'
    ):
        shelf.find(deep)


@pytest.fixture
def own_shelf(tmp_path, monkeypatch):
    """The user's own shelf, holding a copy of the package's."""
    folder = tmp_path / "shelf"
    shutil.copytree(shelf.shelf_of_package(), folder)
    monkeypatch.setenv("STREAMLLIE_SHELF", str(folder))
    return folder


def test_the_users_own_shelf_comes_first(own_shelf):
    assert shelf.find("lite").path.parent == own_shelf


def test_a_damaged_model_is_never_handed_to_a_runtime(own_shelf):
    with (own_shelf / "lite.onnx").open("r+b") as file:
        file.seek(1000)
        file.write(b"torn")
    with pytest.raises(ModelError, match=r'lite.onnx of model "lite" is damaged'):
        shelf.find("lite")


def test_a_missing_file_and_a_broken_manifest_are_named(own_shelf):
    (own_shelf / "lite.deep.onnx").unlink()
    with pytest.raises(ModelError, match=r"lite.deep.onnx .* is missing"):
        shelf.find("lite")
    (own_shelf / "manifest.toml").write_text("[[model]]\nname = 'x'\n")
    with pytest.raises(ModelError, match="is not a manifest"):
        shelf.find("lite")
    (own_shelf / "manifest.toml").write_text("model = " + "[" * 3000)
    with pytest.raises(ModelError, match="is not a manifest"):
        shelf.find("lite")
    (own_shelf / "manifest.toml").write_bytes(b"# caf\xe9\n")
    with pytest.raises(ModelError, match="is not a manifest"):
        shelf.find("lite")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("name = 5", "name is 5, which is not text"),
        ("file = 5", "file is 5, which is not text"),
        ("parameters = 'many'", "parameters is 'many', which is not a whole number"),
        ("bytes = true", "bytes is True, which is not a whole number"),
        ("scores = 'high'", "scores is 'high', which is not a table"),
    ],
)
def test_a_value_of_another_kind_is_named_with_its_file_and_key(own_shelf, line, sentence):
    given = {
        "name": '"x"',
        "file": '"lite.onnx"',
        "parameters": "1",
        "bytes": "1",
        "sha256": '"1"',
        "licence": '"mine"',
    }
    key, value = line.split(" = ")
    entry = "\n".join(f"{k} = {v}" for k, v in (given | {key: value}).items())
    (own_shelf / "manifest.toml").write_text(f"[[model]]\n{entry}\n")
    with pytest.raises(ModelError, match=rf"manifest\.toml: {sentence}; mend it"):
        shelf.models()
