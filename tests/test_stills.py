"""Picture files: what goes in comes out, upright, under its name only when complete."""

import os
import struct
import zlib

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from streamllie import stills
from streamllie.chunks import PNG, is_cmyk
from streamllie.errors import OutputExists, SinkError, SourceError
from streamllie.stills import Still
from tests.test_chunks import chunk


def exif(orientation: int, order: str = ">") -> bytes:
    head = b"MM\0*" if order == ">" else b"II*\0"
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    return head + struct.pack(order + "IH", 8, 1) + entry + struct.pack(order + "I", 0)


def a_profile() -> bytes:
    """The least that libpng takes for an ICC profile."""
    head = bytearray(132) + np.random.default_rng(0).bytes(268)
    head[0:4] = struct.pack(">I", len(head))
    head[8:24] = struct.pack(">I", 0x02400000) + b"mntrRGB XYZ "
    head[36:40] = b"acsp"
    head[68:80] = bytes.fromhex("0000f6d6000100000000d32d")
    return bytes(head)


def corner_picture(height: int = 24, width: int = 40) -> np.ndarray:
    """Grey with one red corner, top left: shows how it is turned."""
    rgb = np.full((height, width, 3), 90, np.uint8)
    rgb[: height // 2, : width // 2] = (220, 30, 20)
    return rgb


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".webp", ".PNG", ".JPG"])
def test_each_format_comes_back_as_it_was_written(tmp_path, suffix):
    path = tmp_path / f"picture{suffix}"
    stills.write(path, Still(rgb=corner_picture()))
    off = np.abs(stills.read(path).rgb.astype(int) - corner_picture())
    assert off.mean() < (0.01 if suffix.lower() == ".png" else 2), "jpg and webp are lossy"


@pytest.mark.parametrize("caption", [(), ((cv2.IMAGE_METADATA_EXIF, exif(1)),)], ids=["plain", "with EXIF"])
def test_a_webp_without_loss_stays_one(tmp_path, caption):
    noisy = np.random.default_rng(4).integers(0, 255, (24, 40, 3)).astype(np.uint8)
    stills.write(tmp_path / "a.webp", Still(rgb=noisy, lossless=True, metadata=caption))
    still = stills.read(tmp_path / "a.webp")
    assert still.lossless
    assert (still.rgb == noisy).all()
    stills.write(tmp_path / "b.webp", Still(rgb=noisy, metadata=caption))
    assert not stills.read(tmp_path / "b.webp").lossless


def test_the_alpha_of_a_png_is_kept_untouched(tmp_path):
    alpha = np.arange(24 * 40, dtype=np.uint32).reshape(24, 40).astype(np.uint8)
    stills.write(tmp_path / "a.png", Still(rgb=corner_picture(), alpha=alpha))
    still = stills.read(tmp_path / "a.png")
    assert (still.alpha == alpha).all()
    assert (still.rgb == corner_picture()).all()


def test_a_grey_png_stays_grey(tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), np.arange(100, dtype=np.uint8).reshape(10, 10))
    still = stills.read(tmp_path / "grey.png")
    assert still.grey
    stills.write(tmp_path / "again.png", still)
    assert cv2.imread(str(tmp_path / "again.png"), cv2.IMREAD_UNCHANGED).shape == (10, 10)


def test_sixteen_bits_become_eight_and_a_note_says_so(tmp_path):
    cv2.imwrite(str(tmp_path / "deep.png"), np.array([[0, 257, 65535, 32896]], np.uint16))
    still = stills.read(tmp_path / "deep.png")
    assert still.rgb[0, :, 0].tolist() == [0, 1, 255, 128]
    assert "16 bits" in still.notes[0]


@pytest.mark.parametrize("order", ["<", ">"], ids=["little", "big"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_as_opencv_applies_it(tmp_path, orientation, order):
    kinds, chunks = [cv2.IMAGE_METADATA_EXIF], [np.frombuffer(exif(orientation, order), np.uint8)]
    stored = cv2.cvtColor(corner_picture(), cv2.COLOR_RGB2BGR)
    _, data = cv2.imencodeWithMetadata(".png", stored, kinds, chunks)
    (tmp_path / "turned.png").write_bytes(data.tobytes())
    upright = cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    still = stills.read(tmp_path / "turned.png")
    assert (still.rgb == upright).all()
    stills.write(tmp_path / "again.png", still)
    assert (stills.read(tmp_path / "again.png").rgb == upright).all(), "it was turned twice"


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_xmp_says_upright_where_exif_does(tmp_path, suffix):
    xmp = b'<a tiff:Orientation="6"/>'
    for more, told in (((cv2.IMAGE_METADATA_EXIF, exif(6)),), xmp.replace(b"6", b"1")), ((), xmp):
        still = Still(rgb=corner_picture(), metadata=((cv2.IMAGE_METADATA_XMP, xmp), *more))
        stills.write(tmp_path / f"a{suffix}", still, overwrite=True)
        assert dict(stills.read(tmp_path / f"a{suffix}").metadata)[cv2.IMAGE_METADATA_XMP] == told


def test_alpha_is_turned_with_its_picture(tmp_path):
    alpha = np.arange(24 * 40, dtype=np.uint32).reshape(24, 40).astype(np.uint8)
    bgra = np.dstack([cv2.cvtColor(corner_picture(), cv2.COLOR_RGB2BGR), alpha])
    _, data = cv2.imencodeWithMetadata(".png", bgra, [cv2.IMAGE_METADATA_EXIF], [np.frombuffer(exif(6), np.uint8)])
    (tmp_path / "turned.png").write_bytes(data.tobytes())
    assert (stills.read(tmp_path / "turned.png").alpha == np.rot90(alpha, 3)).all()


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_an_animation_gives_its_first_frame_and_a_note(tmp_path, suffix):
    animation = cv2.Animation()
    animation.frames = [corner_picture(), corner_picture() // 2]
    animation.durations = [40, 40]
    cv2.imwriteanimation(str(tmp_path / f"a{suffix}"), animation)
    assert "only its first frame" in stills.read(tmp_path / f"a{suffix}").notes[0]

    stills.write(tmp_path / f"still{suffix}", Still(rgb=corner_picture()))
    assert stills.read(tmp_path / f"still{suffix}").notes == ()


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def jpg_with(path, *segments: bytes):
    """A jpg with more segments behind its first."""
    stills.write(path, Still(rgb=corner_picture()))
    data = path.read_bytes()
    path.write_bytes(data[:20] + b"".join(segments) + data[20:])
    return path


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2)])
def test_a_profile_in_parts_is_read_from_its_own_segments_and_the_second_picture_is_told(tmp_path, order):
    """Phones put an index of more pictures between, into segments of the same number."""
    profile = a_profile()
    parts = {1: profile[:150], 2: profile[150:300], 3: profile[300:]}
    segments = [segment(0xE2, b"ICC_PROFILE\0" + bytes([n, 3]) + parts[n]) for n in order]
    index = segment(0xE2, b"MPF\0II*\0" + bytes(60))
    still = stills.read(jpg_with(tmp_path / "a.jpg", index, *segments))
    assert dict(still.metadata)[cv2.IMAGE_METADATA_ICCP] == profile
    assert still.notes == ("the file holds more than one picture: only the first is read",)
    torn = stills.read(jpg_with(tmp_path / "torn.jpg", *segments[:2]))
    assert (torn.metadata, torn.notes) == ((), ("the colour profile is left out: a part of it is missing",))


def test_an_index_of_pictures_is_no_profile(tmp_path):
    still = stills.read(jpg_with(tmp_path / "a.jpg", segment(0xE2, b"MPF\0II*\0" + bytes(60))))
    assert still.metadata == ()
    assert len(stills.write(tmp_path / "b.jpg", still)) == 0


def test_bytes_of_a_file_are_never_part_of_a_note(tmp_path):
    profile = a_profile().replace(b"RGB ", b"\x1b[2J", 1)
    (note,) = stills.write(
        tmp_path / "a.jpg", Still(rgb=corner_picture(), metadata=((cv2.IMAGE_METADATA_ICCP, profile),))
    )
    assert "it is for other colours" in note


@pytest.mark.parametrize("to", [".png", ".jpg", ".webp"])
@pytest.mark.parametrize("of", [".png", ".jpg", ".webp"])
def test_xmp_goes_from_every_format_to_every_other_as_it_is(tmp_path, of, to):
    xmp = '<x:xmpmeta xmlns:x="adobe:ns:meta/">Straße bei Nacht</x:xmpmeta>'.encode()
    stills.write(tmp_path / f"a{of}", Still(rgb=corner_picture(), metadata=((cv2.IMAGE_METADATA_XMP, xmp),)))
    stills.write(tmp_path / f"b{to}", stills.read(tmp_path / f"a{of}"))
    assert stills.read(tmp_path / f"b{to}").metadata == ((cv2.IMAGE_METADATA_XMP, xmp),)
    head = {".png": b"iTXtXML:com.adobe.xmp\0", ".jpg": b"http://ns.adobe.com/xap/1.0/\0", ".webp": b"XMP "}[to]
    assert head in (tmp_path / f"b{to}").read_bytes(), "others look for it there"


def test_a_transparent_grey_is_dropped_and_it_is_said(tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), np.arange(100, dtype=np.uint8).reshape(10, 10))
    data = (tmp_path / "grey.png").read_bytes()
    key = b"tRNS\0\7"
    (tmp_path / "grey.png").write_bytes(data[:33] + b"\0\0\0\2" + key + struct.pack(">I", zlib.crc32(key)) + data[33:])
    assert stills.read(tmp_path / "grey.png").notes == ("one grey of the picture is transparent: that is dropped",)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(SourceError, match=r"pipe\.png is a pipe or a device; save it as a file"):
        stills.read(tmp_path / "pipe.png")
    with pytest.raises(SourceError, match=r"cannot read .*null"):
        stills.read(tmp_path / "a\0.png")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_colour_profile_is_kept(tmp_path, suffix):
    profile = a_profile()
    stills.write(tmp_path / f"a{suffix}", Still(rgb=corner_picture(), metadata=((cv2.IMAGE_METADATA_ICCP, profile),)))
    assert (cv2.IMAGE_METADATA_ICCP, profile) in stills.read(tmp_path / f"a{suffix}").metadata


@pytest.mark.parametrize(("space", "grey"), [(b"CMYK", False), (b"GRAY", False), (b"RGB ", True)])
def test_a_profile_for_other_colours_than_are_written_is_left_out_and_it_is_said(tmp_path, space, grey):
    profile = a_profile().replace(b"RGB ", space, 1)
    exif_stays = (cv2.IMAGE_METADATA_EXIF, exif(1))
    still = Still(rgb=corner_picture(), grey=grey, metadata=((cv2.IMAGE_METADATA_ICCP, profile), exif_stays))

    (note,) = stills.write(tmp_path / "a.jpg", still)

    assert f"it is for {space.decode().strip()}, and the picture is written as" in note
    assert [kind for kind, _ in stills.read(tmp_path / "a.jpg").metadata] == [cv2.IMAGE_METADATA_EXIF]


def test_a_profile_that_is_damaged_does_not_cost_the_picture(tmp_path):
    damaged = ((cv2.IMAGE_METADATA_ICCP, a_profile()[:20] + b"nonsense" * 30),)
    (note,) = stills.write(tmp_path / "a.png", Still(rgb=corner_picture(), metadata=damaged))
    assert "left out" in note
    assert (stills.read(tmp_path / "a.png").rgb == corner_picture()).all()


def test_a_picture_too_wide_for_its_format_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(SinkError, match=r"20000x2 is too much for \.webp"):
        stills.write(tmp_path / "a.webp", Still(rgb=np.zeros((2, 20000, 3), np.uint8)))
    assert list(tmp_path.iterdir()) == []


def test_an_existing_picture_is_not_replaced_without_overwrite(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"mine")
    with pytest.raises(OutputExists, match=r'a\.png" exists; .*--overwrite'):
        stills.write(path, Still(rgb=corner_picture()))
    assert path.read_bytes() == b"mine"
    stills.write(path, Still(rgb=corner_picture()), overwrite=True)
    assert (stills.read(path).rgb == corner_picture()).all()


def test_a_folder_that_is_not_there_leaves_one_sentence(tmp_path):
    with pytest.raises(SinkError, match=r"there is no folder"):
        stills.write(tmp_path / "nowhere" / "a.png", Still(rgb=corner_picture()))


def test_nothing_but_the_picture_is_left_in_the_folder(tmp_path):
    stills.write(tmp_path / "a.png", Still(rgb=corner_picture()))
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n cut short"])
def test_what_is_not_a_picture_is_named(tmp_path, content):
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"broken\.png is not a picture"):
        stills.read(path)


def test_a_header_that_claims_too_large_a_picture_is_one_sentence(tmp_path):
    stills.write(tmp_path / "a.png", Still(rgb=corner_picture()))
    data = (tmp_path / "a.png").read_bytes()
    header = b"IHDR" + struct.pack(">II", 60_000, 60_000) + data[24:29]
    (tmp_path / "a.png").write_bytes(data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:])
    with pytest.raises(SourceError, match=r"a\.png is damaged, or larger than the 2\^30 pixels"):
        stills.read(tmp_path / "a.png")


def test_a_picture_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"cannot read .*gone\.png: No such file"):
        stills.read(tmp_path / "gone.png")


def grey_png(alpha: NDArray[np.uint8], *beside: bytes) -> bytes:
    """A png of grey 40 with alpha, (H, W), and other chunks."""
    rows = b"".join(b"\0" + np.dstack([np.full_like(row, 40), row]).tobytes() for row in alpha)
    header = struct.pack(">IIBBBBB", *alpha.shape[::-1], 8, 4, 0, 0, 0)  # 4: grey with alpha
    return PNG + chunk(b"IHDR", header) + b"".join(beside) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_grey_with_alpha_gets_no_tint(tmp_path):
    alpha = np.arange(24 * 40, dtype=np.uint32).reshape(24, 40).astype(np.uint8)
    (tmp_path / "in.png").write_bytes(grey_png(alpha))
    still = stills.read(tmp_path / "in.png")
    stills.write(tmp_path / "out.png", still.with_rgb(np.full((24, 40, 3), (90, 80, 70), np.uint8)))
    written = cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED)
    assert (written[..., :3] == written[..., :1]).all()
    assert (written[..., 3] == alpha).all()


def test_a_profile_of_a_png_that_cannot_be_read_is_named(tmp_path):
    broken = chunk(b"iCCP", b"mine\0\0" + zlib.compress(b"no profile"))
    (tmp_path / "in.png").write_bytes(grey_png(np.full((24, 40), 255, np.uint8), broken))
    (sentence,) = stills.read(tmp_path / "in.png").notes
    assert sentence == "the colour profile is left out: it is damaged, or for other colours than the picture has"


def test_four_inks_are_told_from_three_colours():
    coded = bytearray(cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8))[1].tobytes())
    assert not is_cmyk(bytes(coded))
    coded[coded.find(b"\xff\xc0") + 9] = 4  # the number of its components
    assert is_cmyk(bytes(coded))
