"""`python -m streamllie` is `streamllie`."""

from streamllie.cli import main

main()
