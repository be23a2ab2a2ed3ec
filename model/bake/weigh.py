"""Load a bundle in a process of its own, as the function would: how long, and how much memory.

python -m model.bake.weigh FOLDER
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

from model.bake.errors import BakeError

ROOT: Final = Path(__file__).parents[2]
MEMORY_MB: Final = 10_240
IMAGE_BYTES: Final = 10 * 10**9
PAYLOAD_BYTES: Final = 6 * 2**20
LONGEST_S: Final = 900.0
"""
Source: AWS Lambda's quotas: memory 128 to 10,240 MB; container image 10 GB; invocation payload
6 MB for request and response each; function timeout 900 seconds.
"""


@dataclass(frozen=True, slots=True)
class Weight:
    """What a bundle costs a process: seconds to load and check it, its memory at most in MB."""

    load_s: float
    answer_ms: float
    memory_mb: float
    vectors: int


def weigh(folder: Path, *, deadline_s: float = LONGEST_S) -> Weight:
    """Load a bundle, check its golden vectors and predict one, in a new process.

    Raises:
        BakeError: it does not load, takes too long, or answers a vector otherwise.
    """
    command = [sys.executable, "-m", "model.bake.weigh", str(folder.resolve())]
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=deadline_s
        )
    except subprocess.TimeoutExpired as exc:
        raise BakeError(
            f"the bundle does not load and answer its golden vectors within {deadline_s:g} s, "
            "the longest that a function may run"
        ) from exc
    if done.returncode:
        reason = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1]
        raise BakeError(f"the bundle does not load as the function loads it: {reason}")
    return Weight(**json.loads(done.stdout))


def warnings_of(
    weight: Weight, bundle_bytes: int, request_bytes: int, answer_bytes: int
) -> list[str]:
    """Say which of Lambda's limits a model exceeds."""
    found = []
    if weight.memory_mb > MEMORY_MB:
        found.append(f"it needs {weight.memory_mb:,.0f} MB: a function has {MEMORY_MB:,} at most")
    if bundle_bytes > IMAGE_BYTES:
        found.append(f"it has {bundle_bytes / 1e9:.1f} GB: an image has 10 at most")
    for what, size in (("request", request_bytes), ("answer", answer_bytes)):
        if size > PAYLOAD_BYTES:
            found.append(
                f"one {what} has {size / 2**20:.1f} MB as JSON: Lambda passes 6 MB, a queue less"
            )
    return found


def _peak_mb() -> float:
    """Return the most memory that this process has had, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage says there includes the parent's before the exec
        lines = status.read_text(encoding="ascii").splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 1024)


def main() -> None:
    """Print the weight of the bundle that the command line names."""
    start = perf_counter()
    from model.bundle.golden import read_golden, verify_golden
    from model.predictor import Predictor

    predictor = Predictor.load(Path(sys.argv[1]))
    vectors = verify_golden(predictor)
    loaded = perf_counter()
    _, cases = read_golden(predictor.manifest.folder, predictor.task.labels)
    predictor.predict(cases[0].instances)
    end = perf_counter()
    weight = (round(loaded - start, 3), round((end - loaded) * 1e3, 2), round(_peak_mb(), 1))
    print(json.dumps(dict(zip(("load_s", "answer_ms", "memory_mb"), weight, strict=True))
                     | {"vectors": vectors}))  # fmt: skip


if __name__ == "__main__":
    main()
