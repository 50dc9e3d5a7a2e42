"""What the doctor says of cameras, on machines that have some."""

import pytest

from streamllie import doctor
from streamllie.video.cameras import Camera


@pytest.fixture
def machine(monkeypatch):
    """A machine with these cameras and these device files, of which none may be opened."""

    def has(*found: Camera, shut: tuple[str, ...] = ()) -> doctor.Finding:
        monkeypatch.setattr(doctor, "cameras", lambda: list(found))
        monkeypatch.setattr(doctor, "devices", lambda: list(shut))
        return doctor._camera()

    return has


def test_a_camera_without_a_device_file_is_found_as_on_macos_and_windows(machine):
    finding = machine(Camera(name="FaceTime HD", device="0"))
    assert (finding.works, finding.detail) == (True, "FaceTime HD (0)")


def test_a_camera_that_may_not_be_opened_is_told_with_the_way_out(machine):
    finding = machine(shut=("/dev/no-such-video",))
    assert not finding.works
    assert "/dev/no-such-video may not be opened; add yourself to the group video" in finding.detail


def test_a_camera_that_works_is_found_beside_one_that_may_not_be_opened(machine):
    finding = machine(Camera(name="Webcam", device="/dev/video0"), shut=("/dev/no-such-video",))
    assert finding.works
    assert finding.detail.startswith("Webcam (/dev/video0); /dev/no-such-video may not be opened")


def test_no_camera_at_all_is_told(machine):
    finding = machine()
    assert (finding.works, finding.detail) == (False, "none is there; plug one in, or pass it through")
