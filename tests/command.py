"""The command `streamllie` as a process of its own."""

import json
import subprocess
import sys

import av

COMMAND = [sys.executable, "-m", "streamllie"]
FAST = ("--backend", "onnxruntime")  # for tests of something else: it opens in a tenth of the time of OpenVINO


def streamllie(*words, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, words)], capture_output=True, text=True, check=False, timeout=120, **options
    )


def events(done: subprocess.CompletedProcess[str]) -> list[dict]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def frame_count(path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))
