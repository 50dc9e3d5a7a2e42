"""What live tests share: a screen in memory."""

import os
import shutil
import subprocess

import pytest


@pytest.fixture(scope="module")
def display():
    """A screen in memory, of 1000x700 pixels: its name."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed")
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1000x700x24", "-nolisten", "tcp", "-noreset"]
    with subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL) as server:
        number = os.read(read, 16).decode().strip()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DISPLAY", f":{number}")
            patch.setenv("SDL_VIDEODRIVER", "x11")
            yield f":{number}"
        server.terminate()
    os.close(read)
    os.close(write)
