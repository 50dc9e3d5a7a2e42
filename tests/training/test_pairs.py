"""A folder of somebody's own pairs: what fits together, and what is said of the rest."""

import cv2
import numpy as np
import pytest

from training.pairs import find_pairs, read_pair, training_pairs


@pytest.fixture
def folder(tmp_path):
    for kind in ("low", "high"):
        (tmp_path / kind).mkdir()
    return tmp_path


def put(folder, *names: str, light: int = 10, height: int = 32, width: int = 48) -> None:
    for name in names:
        for kind in ("low", "high"):
            picture = np.full((height, width, 3), light, np.uint8)
            assert cv2.imwrite(str(folder / kind / name), picture)


def test_a_name_that_begins_another_one_is_its_own_pair(folder):
    put(folder, "shot.png", light=10)
    put(folder, "shot.2.png", light=90)
    means = [low.mean() for low, _ in (read_pair(*files) for files in find_pairs(folder))]
    assert means == [10, 90]


def test_names_with_brackets_spaces_and_capital_endings_are_names(folder):
    put(folder, "IMG [1].png", "Fête im Dunkeln.JPG", "?.bmp")
    assert [low.name for low, _ in find_pairs(folder)] == ["?.bmp", "Fête im Dunkeln.JPG", "IMG [1].png"]


def test_two_files_of_one_name_are_not_chosen_between(folder):
    put(folder, "a.png", "b.png")
    put(folder, "a.bmp")
    with pytest.raises(ValueError, match=r"has both a\.bmp and a\.png"):
        find_pairs(folder)


def test_half_a_picture_is_told_and_not_filled_up(folder):
    put(folder, "a.jpg", "b.jpg", height=200, width=300)
    data = (folder / "low/a.jpg").read_bytes()
    (folder / "low/a.jpg").write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match=r"a\.jpg is no readable picture; leave it out, or get it again"):
        read_pair(*find_pairs(folder)[0])


def test_a_pair_that_is_too_small_or_of_two_sizes_is_named(folder):
    put(folder, "a.png", "b.png", "c.png")
    put(folder, "b.png", height=30)
    with pytest.raises(ValueError, match=r"b\.png is 48x30; here a picture must be 48x32 at least"):
        training_pairs(folder, hold_out=True, least=(32, 48))
    cv2.imwrite(str(folder / "high/a.png"), np.zeros((64, 48, 3), np.uint8))
    with pytest.raises(ValueError, match=r"low/a\.png is 48x32 and .*high/a\.png is 48x64"):
        training_pairs(folder, hold_out=True)


def test_one_pair_is_enough_to_measure_and_too_few_to_train_on(folder):
    put(folder, "shot.png")
    assert len(find_pairs(folder, least=1)) == 1
    with pytest.raises(ValueError, match="has 1 pairs; give a folder with low/ and high/ that holds 2 or more"):
        training_pairs(folder, hold_out=True)


def test_what_is_no_pair_of_lol_is_left_out_or_named(tmp_path):
    folder = tmp_path / "lol-v1/train"
    for kind in ("low", "high"):
        (folder / kind).mkdir(parents=True)
    put(folder, "111.png")
    (folder / "low/.DS_Store").write_bytes(b"")
    assert len(training_pairs(folder, hold_out=False)) == 1
    (folder / "high/111.png").unlink()
    with pytest.raises(ValueError, match="no partner for 111; low/ and high/ must hold the same names"):
        training_pairs(folder, hold_out=False)
    put(folder, "mine.png")
    with pytest.raises(ValueError, match="low has mine, and LOL-v1 has numbers; name a folder of your own otherwise"):
        training_pairs(folder, hold_out=False)
