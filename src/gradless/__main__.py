"""``python -m gradless`` is the command ``gradless`` of this interpreter, on the path or not."""

import sys

from gradless.cli import main

if __name__ == "__main__":
    sys.exit(main())
