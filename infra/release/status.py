"""
What stands: the address, the version that has the traffic, the alarms, the log.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from infra.release import traffic
from infra.release.canary import ringing_of
from infra.release.errors import NotDeployed
from infra.release.target import Target
from infra.release.terraform import Terraform

Say = Callable[[str], None]


def outputs_of(target: Target, terraform: Terraform) -> Mapping[str, Any]:
    """
    Give the outputs of a stage that is deployed.

    Raises:
        NotDeployed: it is not.
    """
    terraform.init()
    outputs = terraform.outputs()
    if not outputs.get("function"):
        raise NotDeployed(target.stage)
    return outputs


def api_url(target: Target) -> str:
    """
    Ask API Gateway for a stage's address.

    Raises:
        NotDeployed: it has none.
    """
    pages = target.client("apigatewayv2").get_paginator("get_apis").paginate()
    for page in pages:
        for api in page["Items"]:
            if api["Name"] == target.name:
                return str(api["ApiEndpoint"])
    raise NotDeployed(target.stage)


def status_lines(target: Target, outputs: Mapping[str, Any]) -> list[str]:
    """
    Spell a stage's state, a line a thing.
    """
    shares = traffic.weights(target)
    canary = "".join(f", {share:.0%} to {version}" for version, share in shares.items())
    alarms = outputs["release"]["alarms"]
    ringing = ringing_of(target, alarms)
    before = traffic.previous_version(target)
    return [
        f"function   {target.name} in {target.simulated or target.region}",
        f"api        {outputs['api_url']} ({target.aws['api']['auth']})",
        f"live       version {traffic.live_version(target)}{canary}",
        f"before     {f'version {before}' if before else 'none to roll back to'}",
        f"newest     version {outputs['function']['newest_version']}",
        f"image      {outputs['function']['image']}",
        f"alarms     {', '.join(ringing) if ringing else f'none of {len(alarms)} rings'}",
        *(f"queue      {name}: {url}" for name, url in outputs["queues"].items()),
        *(f"bucket     {name}: {bucket}" for name, bucket in outputs["buckets"].items()),
        f"bulk       {outputs['bulk']}",
        f"dashboard  {outputs['dashboard_url']}",
        *(f"!! {warning}" for warning in outputs.get("warnings", [])),
    ]


def follow_logs(
    target: Target,
    group: str,
    say: Say,
    *,
    since_s: float,
    follow: bool,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """
    Print the function's log from so many seconds ago, and go on if asked to.
    """
    client = target.client("logs")
    start_ms = int((time.time() - since_s) * 1000)
    seen: set[str] = set()
    while True:
        pages = client.get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=group, startTime=start_ms):
            for event in page["events"]:
                if event["eventId"] in seen:
                    continue
                seen.add(event["eventId"])
                at = datetime.fromtimestamp(event["timestamp"] / 1000, tz=UTC)
                say(f"{at:%H:%M:%S} {event['message'].rstrip()}")
        if not follow:
            return
        sleep(2.0)
