"""A checkpoint gives its network, anything else one sentence."""

import pytest
import torch

from streamllie.errors import ModelError
from streamllie.models.checkpoint import load


@pytest.mark.parametrize("content", [b"\xfe garbage" * 40, b"", None])
def test_a_file_that_is_no_checkpoint_is_one_line_without_the_advice_of_torch(tmp_path, content):
    path = tmp_path / "torn.pt"
    if content is None:
        torch.save({"another": "network"}, path)
    else:
        path.write_bytes(content)

    with pytest.raises(ModelError, match=r"torn\.pt is not a checkpoint of this version's network") as raised:
        load(path)

    assert "\n" not in str(raised.value)
    assert "weights_only" not in str(raised.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"there is no checkpoint .*nope\.pt; give the path"):
        load(tmp_path / "nope.pt")
