"""The actions on a stage of a simulated cloud, each as a person would do it on AWS."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from infra.demo.images import CODE, Images
from infra.release import smoke, traffic
from infra.release.canary import Watch
from infra.release.deploy import Deploy, deploy
from infra.release.destroy import destroy
from infra.release.errors import Refused, ReleaseError
from infra.release.preflight import Tools
from infra.release.registry import Pushed
from infra.release.status import api_url
from infra.release.target import Target
from infra.release.terraform import Terraform

IRIS = json.dumps({"model": "iris", "rows": [[5.1, 3.5, 1.4, 0.2]]})
_WOUND_S: Final = 20.0
_POLL_S: Final = 0.2
_SHIFTING = "of the traffic to version"

Say = Callable[[str], None]


@dataclass
class WoundClock:
    """The simulated cloud's time in seconds: the machine's, wound forward while a canary shifts."""

    wound_s: float = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return time.time() + self.wound_s


def checkout_of(root: Path, place: Path) -> Path:
    """Copy the parts of a checkout that a release needs, so that the demonstration can change its
    models.

    Returns:
        The copy's function.yaml.
    """
    for part in CODE:
        ignored = shutil.ignore_patterns("__pycache__", "*.keras")
        shutil.copytree(root / part, place / part, ignore=ignored)
    (place / "infra").mkdir()
    return Path(shutil.copy(root / "infra" / "function.yaml", place / "infra"))


@dataclass
class Story:
    """One stage and its operator."""

    target: Target
    folder: Path
    images: Images
    clock: WoundClock
    tools: Tools
    say: Say
    spoilt: bool = False  # whether the next image is a broken one
    on_shifting: list[Callable[[], None]] = field(default_factory=list)
    _shifting: bool = False

    def deploy(self) -> bool:
        """Deploy the checkout in its current state."""
        watch = Watch(self._seen, self._wait, _POLL_S, self.clock)
        job = Deploy(
            self.target, self.folder, self._push, self.say, _agree,
            registry=self.images.registry, watch=watch, tools=lambda *_, **__: self.tools,
        )  # fmt: skip
        return deploy(job)

    def refused(self) -> str:
        """Deploy a version that must not get the traffic, and return the reason.

        Raises:
            ReleaseError: it got the traffic.
        """
        try:
            self.deploy()
        except Refused as error:
            return str(error)
        raise ReleaseError("expected the version to be refused, it was not")

    def invoke(self) -> dict[str, Any]:
        """Invoke the live version by boto3."""
        succeeded, text = smoke.invoke(self.target, IRIS)
        if not succeeded:
            raise ReleaseError(f"expected a prediction, got {text}")
        answer: dict[str, Any] = json.loads(text)
        return answer

    def call(self) -> str:
        """Send the sample through the API, signed."""
        return smoke.smoke(self.target, api_url(self.target))

    def newer_iris(self) -> None:
        """Rename the iris version to 2."""
        _swap(self._iris / "model.toml", 'version = "1"', 'version = "2"')

    def ring(self) -> None:
        """Schedule an alarm for when the next canary has part of the traffic."""
        self.on_shifting.append(lambda: self.set_alarm("errors", "ALARM"))

    def set_alarm(self, alarm: str, state: str) -> None:
        """Set an alarm's state."""
        self.target.client("cloudwatch").set_alarm_state(
            AlarmName=f"{self.target.name}-{alarm}", StateValue=state, StateReason="planted"
        )

    def roll_back(self) -> tuple[str, str]:
        """Roll back to the previous version."""
        return traffic.roll_back(self.target, self.say)

    def destroy(self) -> bool:
        """Remove everything."""
        terraform = Terraform(self.target, self.folder, self.tools.terraform, tell=self.say)
        return destroy(self.target, terraform, self.say, _agree)

    @property
    def _iris(self) -> Path:
        return self.target.root / "model" / "zoo" / "iris"

    def _push(self, tools: Tools, address: str) -> Pushed:
        """Push the checkout; a spoilt one has two labels swapped, in its golden vectors too.

        So the image's own check at start finds nothing; the pre-traffic hook has the checkout's
        golden vectors.
        """
        files = [self._iris / "model.toml", self._iris / "golden.json"] if self.spoilt else []
        kept = [file.read_bytes() for file in files]
        for file in files:
            _swap(file, '"setosa"', '"versicolor"')
        try:
            return self.images.push(self.target, tools, address)
        finally:
            for file, content in zip(files, kept, strict=True):
                file.write_bytes(content)

    def _seen(self, line: str) -> None:
        self.say(f"    {line}")
        self._shifting = _SHIFTING in line and not line.startswith("0%")
        if self._shifting:
            planted, self.on_shifting = self.on_shifting, []
            for plant in planted:
                plant()

    def _wait(self, for_s: float) -> None:
        time.sleep(for_s)
        if self._shifting:
            self.clock.wound_s += _WOUND_S


def _agree(_question: str) -> bool:
    return True


def _swap(file: Path, one: str, other: str) -> None:
    text = file.read_text(encoding="utf-8")
    parts = [part.replace(other, one) for part in text.split(one)]
    file.write_text(other.join(parts), encoding="utf-8")
