"""What the command line offers is what the library has."""

from typing import get_args

import pytest

from streamllie import arguments, cli_engine
from streamllie.backends import BACKENDS, PRECISIONS, tensorrt_build
from streamllie.backends.cuda import LAYERS
from streamllie.backends.tensorrt_library import FLAVOURS
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
