"""Memory of one job: measured in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from streamllie.errors import StreamLLIEError


def in_a_process(module: str, *words: object) -> dict[str, float]:
    """Run a module in a process of its own, whose memory holds nothing else, and take what it prints."""
    command = [sys.executable, "-m", module, *map(str, words)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        why = (done.stderr.strip() or "it was ended").splitlines()[-1]
        raise StreamLLIEError(f"the run that measures memory failed: {why}")
    return json.loads(done.stdout)


def as_child(measure: Callable[..., None]) -> None:
    """Be the process that `in_a_process` starts."""
    try:
        measure(*sys.argv[1:])
    except StreamLLIEError as error:
        sys.exit(str(error))


def memory_mb(line: str) -> float:
    """VmRSS is what is resident now, VmHWM the most that ever was. Unlike ru_maxrss, it is new at exec."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return next(int(words.split()[1]) for words in status.splitlines() if words.startswith(line)) / 1024
