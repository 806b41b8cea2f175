"""``python -m sklearn_mm``: the command line."""

import sys

from sklearn_mm.cli.main import main

if __name__ == "__main__":
    sys.exit(main(program="python -m sklearn_mm"))
