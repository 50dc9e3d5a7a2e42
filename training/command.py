"""What the commands of training share: mistakes are said in one sentence, and files appear when they are whole."""

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from streamllie.errors import StreamLLIEError
from streamllie.target import write_whole


@contextmanager
def said(command: str) -> Generator[None]:
    """End the process with exit code 1 and one sentence on stderr where the body meets a mistake; 130 after Ctrl-C.

    SIGTERM ends it as Ctrl-C does, so that nothing half made stays, with its own exit code.
    """
    usual = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except FileNotFoundError as error:
        raise SystemExit(
            f"{command}: there is no {error.filename}; see training/README.md for what lies where"
        ) from error
    except OSError as error:
        raise SystemExit(f"{command}: {error.filename or 'the system'}: {error.strerror or error}") from error
    except (ValueError, StreamLLIEError) as error:
        raise SystemExit(f"{command}: {error}") from error
    finally:
        signal.signal(signal.SIGTERM, usual)


@contextmanager
def set_by_signals(stop: threading.Event) -> Generator[None]:
    """In the body, the first Ctrl-C or SIGTERM sets `stop`; a second one ends the process."""
    usual = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in usual.items():
            signal.signal(number, handler)

    def answer(number: int, frame: object) -> None:
        stop.set()
        restore()

    for number in usual:
        signal.signal(number, answer)
    try:
        yield
    finally:
        restore()


def write_picture(target: Path, bgr: NDArray[np.uint8]) -> None:
    """Write a png or jpg (H, W, 3), over what had that name.

    Raises:
        ValueError: it is too large for such a file.
        SinkError: the file cannot be written; what was there still is.
    """
    done, data = cv2.imencode(target.suffix, bgr)
    if not done:
        raise ValueError(f"{bgr.shape[1]}x{bgr.shape[0]} is too much for {target}; write a png")
    write_whole(target, lambda path: path.write_bytes(data.tobytes()), overwrite=True)


def picture_target(text: str) -> Path:
    """The name of a picture to write, for argparse: png or jpg, in a folder that exists."""
    path = Path(text)
    if path.suffix.lower() not in {".png", ".jpg", ".jpeg"}:
        raise argparse.ArgumentTypeError(f'"{text}" must end in .png or .jpg')
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f'there is no folder "{path.parent}"; make it first')
    return path


def at_least(least: int) -> Callable[[str], int]:
    """Whole numbers from `least` on, for argparse."""

    def number(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f'"{text}" must be a whole number, {least} or more')
        return int(text)

    return number
