"""A runtime without a will: it tells where its Runtime API is, and waits. The test speaks for it.

It lies in the folder that the process starts in, so that `python -m awslambdaric` runs it instead
of the real client, under every emulator alike.
"""

import os
import signal
from pathlib import Path

if __name__ == "__main__":
    told = Path(os.environ["PUPPET_FILE"])
    written = told.with_suffix(".part")
    written.write_text(f"{os.getpid()} {os.environ['AWS_LAMBDA_RUNTIME_API']}")
    written.rename(told)
    signal.pause()
