"""What the command line offers is what the library has."""

import json
from typing import get_args

import pytest
import typer
from typer.testing import CliRunner

from streamllie import arguments, cli_engine
from streamllie.arguments import Size
from streamllie.backends import BACKENDS, PRECISIONS, tensorrt_build
from streamllie.backends.cuda import LAYERS
from streamllie.backends.tensorrt_library import FLAVOURS
from streamllie.cli import app
from streamllie.video.encoders import FAMILIES


@pytest.mark.parametrize(
    ("offered", "known"),
    [
        (arguments.Codec, ("auto", *FAMILIES)),
        (arguments.Backend, ("auto", *BACKENDS)),
        (arguments.Precision, PRECISIONS),
        (arguments.Cuda, ("auto", *LAYERS)),
        (cli_engine.Flavour, ("auto", *FLAVOURS)),
        (cli_engine.Precision, tensorrt_build.PRECISIONS),
    ],
    ids=["codec", "backend", "precision", "cuda", "flavour", "precision of engines"],
)
def test_the_command_line_offers_just_what_the_library_has(offered, known):
    assert get_args(offered) == known


def test_a_size_is_written_width_first_and_read_height_first():
    assert arguments.size("1280x720") == Size(height=720, width=1280)
    assert arguments.sizes("1280x720,64x48") == [(720, 1280), (48, 64)]


@pytest.mark.parametrize("text", ["1:60", "soon", 400 * "9", f"{5000 * '1'}:00:00", "-1"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(typer.BadParameter, match="is not a time; write seconds"):
        arguments.seconds(text)


@pytest.mark.parametrize("command", ["models", "cameras"])
def test_what_lists_things_prints_one_array_and_its_help_says_so(command):
    assert isinstance(json.loads(CliRunner().invoke(app, [command, "--json"]).stdout), list)
    assert "One JSON array on stdout" in CliRunner().invoke(app, [command, "--help"]).stdout
