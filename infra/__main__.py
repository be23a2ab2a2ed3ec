"""`python -m infra` is `lambake`, for when its script is not on the PATH."""

from __future__ import annotations

import sys

from infra.cli import main

if __name__ == "__main__":
    sys.exit(main())
