"""Our emulator in a process of its own: `python -m infra.bench.emulator CONFIG`.

It prints the Invoke API's address, and runs until it is ended.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

from infra.local.server import LocalLambda
from infra.settings.function import FunctionConfig


def main(config: str) -> None:
    """Serve a function, as its settings in JSON say."""
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    settings = json.loads(config)
    settings["root"] = Path(settings["root"])
    with LocalLambda(FunctionConfig(**settings)) as emulator:
        print(emulator.invoke_url, flush=True)
        signal.sigwait(ends)


if __name__ == "__main__":
    main(sys.argv[1])
