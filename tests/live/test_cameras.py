"""Cameras, as far as a machine without one can tell: the kernel's numbers, choices, busy devices, who holds them."""

import errno
import fcntl
import os
import shutil
import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from streamllie.video import capture, inputs, v4l2
from streamllie.video.cameras import Camera, Mode, best_mode
from streamllie.video.hold import held
from streamllie.video.inputs import resolve
from tests.waiting import until

HEADER = Path("/usr/include/linux/videodev2.h")


@pytest.mark.skipif(shutil.which("cc") is None or not HEADER.exists(), reason="no compiler or no kernel headers")
def test_the_numbers_and_layouts_are_those_of_the_kernels_header(tmp_path):
    names = {
        "VIDIOC_QUERYCAP": v4l2.QUERYCAP,
        "VIDIOC_ENUM_FMT": v4l2.ENUM_FMT,
        "VIDIOC_ENUM_FRAMESIZES": v4l2.ENUM_FRAMESIZES,
        "VIDIOC_ENUM_FRAMEINTERVALS": v4l2.ENUM_FRAMEINTERVALS,
        "VIDIOC_G_CTRL": v4l2.G_CTRL,
        "VIDIOC_S_CTRL": v4l2.S_CTRL,
        "VIDIOC_QUERYCTRL": v4l2.QUERYCTRL,
        "V4L2_CID_EXPOSURE_AUTO_PRIORITY": v4l2.EXPOSURE_DYNAMIC_FRAMERATE,
        "V4L2_CAP_VIDEO_CAPTURE": v4l2.VIDEO_CAPTURE,
        "V4L2_CAP_DEVICE_CAPS": v4l2.HAS_DEVICE_CAPS,
        "V4L2_FRMSIZE_TYPE_DISCRETE": v4l2.DISCRETE,
        "sizeof(struct v4l2_capability)": struct.calcsize(v4l2.CAPABILITY),
        "sizeof(struct v4l2_fmtdesc)": struct.calcsize(v4l2.FMTDESC),
        "sizeof(struct v4l2_frmsizeenum)": struct.calcsize(v4l2.FRMSIZE),
        "sizeof(struct v4l2_frmivalenum)": struct.calcsize(v4l2.FRMIVAL),
        "sizeof(struct v4l2_queryctrl)": struct.calcsize(v4l2.QUERY),
        "sizeof(struct v4l2_control)": struct.calcsize(v4l2.CONTROL),
        "offsetof(struct v4l2_fmtdesc, pixelformat)": 44,
        "offsetof(struct v4l2_queryctrl, flags)": struct.calcsize("2I32s4i"),
        "offsetof(struct v4l2_frmivalenum, discrete)": 20,
    }
    program = tmp_path / "numbers.c"
    lines = "".join(f'printf("%lu\\n", (unsigned long)({name}));' for name in names)
    program.write_text(
        "#include <stdio.h>\n#include <stddef.h>\n#include <linux/videodev2.h>\nint main(void) {" + lines + "}"
    )
    subprocess.run(["cc", "-o", tmp_path / "numbers", program], check=True)
    told = subprocess.run([tmp_path / "numbers"], check=True, capture_output=True, text=True).stdout.split()
    assert dict(zip(names, map(int, told), strict=True)) == names


def camera(*modes: tuple[str, int, int, int]) -> Camera:
    made = tuple(Mode(pixels=p, height=h, width=w, rates=(Fraction(r),)) for p, h, w, r in modes)
    return Camera(name="Test", device="/dev/video0", modes=made)


def test_raw_pictures_are_taken_where_they_reach_the_rate_and_jpeg_where_only_that_does():
    usual = camera(
        ("mjpeg", 720, 1280, 30), ("yuyv422", 720, 1280, 10), ("yuyv422", 480, 640, 30), ("mjpeg", 480, 640, 30)
    )
    assert best_mode(usual, size=(720, 1280), rate=30).pixels == "mjpeg"
    assert best_mode(usual, size=(480, 640), rate=30).pixels == "yuyv422"
    assert best_mode(usual, size=(720, 1280), rate=5).pixels == "yuyv422"
    assert best_mode(usual, size=(999, 999), rate=30) is None


@pytest.mark.parametrize(
    ("modes", "taken"),
    [
        ([("mjpeg", 720, 1280, 30), ("yuyv422", 480, 640, 30)], ("mjpeg", 720, 1280)),
        ([("mjpeg", 720, 1280, 30), ("mjpeg", 2160, 3840, 30), ("yuyv422", 480, 640, 30)], ("mjpeg", 720, 1280)),
        ([("yuyv422", 720, 1280, 10), ("yuyv422", 480, 640, 30)], ("yuyv422", 480, 640)),
        ([("yuyv422", 1080, 1920, 30), ("mjpeg", 2160, 3840, 30)], ("yuyv422", 1080, 1920)),
    ],
)
def test_a_camera_that_nobody_named_a_size_for_is_asked_for_the_one_that_was_chosen(modes, taken, monkeypatch):
    given = camera(*modes)
    monkeypatch.setattr(inputs, "cameras", lambda: [given])
    options = resolve(given.device).options
    pixels, height, width = taken
    assert (options["input_format"], options["video_size"]) == (pixels, f"{width}x{height}")


def test_who_holds_a_device_is_named(tmp_path):
    device = tmp_path / "video0"
    device.write_bytes(b"")
    code = f"import time; f = open({str(device)!r}); print('open', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as holder:
        holder.stdout.readline()
        (user,) = v4l2.users_of(str(device))
        holder.kill()
    assert user.endswith(f"({holder.pid})")
    assert "python" in user.lower()
    assert v4l2.users_of(str(device)) == []


def test_a_program_whose_name_the_kernel_cuts_in_the_middle_of_a_letter_is_named(tmp_path):
    device, program = tmp_path / "video0", tmp_path / "видеозвонок"
    device.write_bytes(b"")
    program.symlink_to(shutil.which("sleep"))
    with device.open() as file, subprocess.Popen([program, "60"], pass_fds=[file.fileno()]) as holder:
        until(lambda: v4l2.users_of(str(device)), what="the program's start")
        (user,) = v4l2.users_of(str(device))
        holder.kill()
    assert user == f"видеозв\N{REPLACEMENT CHARACTER} ({holder.pid})"


def test_a_busy_camera_is_an_error_that_names_the_program(tmp_path):
    """What libav says of a busy camera is EBUSY; the sentence for it is made from that."""
    device = tmp_path / "video0"
    device.write_bytes(b"")
    input = capture.Input(name="Webcam", url=str(device), device=str(device))
    code = f"import time; f = open({str(device)!r}); print('open', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as holder:
        holder.stdout.readline()
        error = capture._not_opened(input, OSError(errno.EBUSY, "Device or resource busy"))
        holder.kill()
    assert "is in use by python" in str(error).lower()
    assert str(holder.pid) in str(error)
    assert "end that program first" in str(error)


def test_a_file_that_is_no_camera_has_no_controls_and_is_left_alone(tmp_path):
    device = tmp_path / "video0"
    device.write_bytes(b"kept")
    with pytest.raises(OSError), v4l2.Device(str(device)) as opened:
        opened.name()
    with held(str(device)):
        pass
    with held(str(tmp_path / "unplugged")):
        pass
    assert device.read_bytes() == b"kept"


def test_the_exposure_is_held_and_put_back_also_after_ctrl_c(monkeypatch, tmp_path):
    """The kernel's side of the ioctl is played here: one control, value 3."""
    device = tmp_path / "video0"
    device.write_bytes(b"")
    values = {v4l2.EXPOSURE_DYNAMIC_FRAMERATE: 3}
    seen = []

    def kernel(_fd, request, buffer):
        identity = struct.unpack_from("I", buffer)[0]
        if request == v4l2.G_CTRL:
            struct.pack_into("Ii", buffer, 0, identity, values[identity])
        elif request == v4l2.S_CTRL:
            values[identity] = struct.unpack_from("Ii", buffer)[1]
            seen.append(values[identity])
        elif request != v4l2.QUERYCTRL:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))

    monkeypatch.setattr(fcntl, "ioctl", kernel)
    with pytest.raises(KeyboardInterrupt), held(str(device)):
        assert values[v4l2.EXPOSURE_DYNAMIC_FRAMERATE] == 0
        raise KeyboardInterrupt
    assert values[v4l2.EXPOSURE_DYNAMIC_FRAMERATE] == 3
    assert seen == [0, 3]


def test_streams_that_wait_to_be_called_say_so_in_the_url():
    rtsp = resolve("rtsp://host:8554/x?listen=1")
    assert (rtsp.url, rtsp.options["rtsp_flags"]) == ("rtsp://host:8554/x", "listen")
    http = resolve("http://host/x.ts?a=1&listen=1")
    assert (http.url, http.options["listen"]) == ("http://host/x.ts?a=1", "1")
    assert resolve("tcp://host:1?listen=1").url.endswith("?listen=1")
    assert resolve("http://host/x.ts?listen=10").url == "http://host/x.ts?listen=10"
    assert rtsp.waits and http.waits and resolve("srt://host:1?latency=9&mode=listener").waits
    assert not resolve("srt://host:1?mode=caller").waits
