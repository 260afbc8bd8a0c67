"""`python -m mgit` is `mgit`."""

import sys

from mgit.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
