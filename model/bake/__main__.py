"""`python -m model.bake JSON`: what `lambake bake` starts; JSON holds the keywords of `bake`."""

from __future__ import annotations

import json
import sys

from model.bake import bake
from model.bake.errors import BakeError


def main(arguments: list[str]) -> int:
    """Bake, and return the exit status: 1 if the model was refused."""
    try:
        bake(**json.loads(arguments[0]), say=lambda line: print(line, flush=True))
    except BakeError as error:
        sys.stdout.flush()
        print(f"{'refused':<10} {error.what}", file=sys.stderr)
        if error.do:
            print(f"{'instead':<10} {error.do}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130  # `lambake` says that it was stopped
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
