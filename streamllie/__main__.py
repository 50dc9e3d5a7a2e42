"""`python -m streamllie` is `streamllie`."""

import signal
import sys


def main() -> None:
    """The entry point. While this loads nothing has begun, so Ctrl-C ends it without a word."""
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # nohup ignores it, and means it
    if usual:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from streamllie.cli import main as run  # noqa: PLC0415 - takes half a second

    if usual:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        run()
    except KeyboardInterrupt:  # before a command has begun, or again while one ends
        sys.exit(130)


if __name__ == "__main__":
    main()
