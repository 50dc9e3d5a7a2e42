"""Recipes: what a file may say, and the sentence about what it may not."""

from dataclasses import replace

import pytest

from streamllie.models.network import NetworkSize
from training import recipe


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('steps = "2"', "steps is '2'; it must be a whole number"),
        ("steps = 2.5", "steps is 2.5; it must be a whole number"),
        ("steps = true", "steps is True; it must be a whole number"),
        ("steps = -2", "steps is -2; it must be at least 1"),
        ("seed = -1", "seed is -1; it must be at least 0"),
        (f"seed = {2**63}", f"seed is {2**63}; it must be at least 0 and at most {2**63 - 1}"),
        ("ema = 2.0", "ema is 2.0; it must be at least 0 and at most 1"),
        ("foreground = 1.5", "foreground is 1.5; it must be at least 0 and at most 1"),
        ("clip_norm = 0", "clip_norm is 0; it must be more than 0"),
        ("learning_rate = nan", "learning_rate is nan"),
        ("learning_rate = inf", "learning_rate is inf; it must be finite"),
        ("[mixture]\npairs = inf", "pairs is inf; it must be finite"),
        ('hold_out = "no"', "hold_out is 'no'; it must be true or false"),
        ("only = 3", "only is 3; it must be text"),
        ("crop = 192", "crop is 192; it must be a list, such as"),
        ("crop = [192]", "crop is .192.; it must be a list, such as"),
        ("crop = [184, 192]", "crop is .184, 192.; both sides must be multiples of 16"),
        ("noise = [3, 1]", "write the least first"),
        ('clean = ["a", 3]', "clean is 3; it must be text"),
        ("mixture = 1", "mixture is 1; it must be a table"),
        ("[mixture]\npairs = 0\ndark = 0\nbright = 0\nblack = 0", "all of mixture is 0"),
        ("[losses]\nscales = 0", "scales is 0; it must be at least 1"),
        ("crop = [16, 192]\n[losses]\nscales = 2", r"crop is \[16, 192\]; SSIM at 2 scales needs 22 pixels"),
        ("clips = 0.5\ncrop = [192, 192]\n[losses]\nscales = 5", r"clip_crop is \[160, 160\]; .* needs 176 pixels"),
        ("[network]\ncoarse = -3", "coarse is -3; it must be at least 1"),
        ("step = 3", r"unknown recipe keys \['step'\]"),
        ("[network]\nwidth = 3", r"unknown network keys \['width'\]"),
        ("steps: 3", "Expected '='"),
    ],
)
def test_what_makes_no_sense_is_named_with_the_file(tmp_path, line, sentence):
    (tmp_path / "odd.toml").write_text(line)
    with pytest.raises(ValueError, match=rf"odd\.toml is no recipe: .*{sentence}"):
        recipe.read(tmp_path / "odd.toml")


def test_a_file_that_is_no_text_is_no_recipe(tmp_path):
    (tmp_path / "odd.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"odd\.toml is no recipe"):
        recipe.read(tmp_path / "odd.toml")


def test_a_recipe_says_how_its_network_differs_from_the_one_it_starts_from(tmp_path, request):
    begun = NetworkSize(fine=16, tone=40, history=True)
    assert recipe.read(request.config.rootpath / "configs/fine-tune.toml", begun).network == begun
    (tmp_path / "more.toml").write_text("[network]\ntone = 64\n")
    assert recipe.read(tmp_path / "more.toml", begun).network == replace(begun, tone=64)
    assert recipe.read(tmp_path / "more.toml").network == NetworkSize(tone=64)


def test_every_recipe_in_configs_reads(request):
    paths = sorted((request.config.rootpath / "configs").glob("*.toml"))
    assert paths
    for path in paths:
        assert recipe.read(path).name == path.stem
