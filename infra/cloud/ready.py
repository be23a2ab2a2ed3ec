"""Things to try at once in `lambake cloud`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.settings import Sample, Settings

_IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/lambake:1"
_DEFINITION = Path(__file__).parents[1] / "aws" / "bulk.asl.json"
_MODEL = re.compile(r"/models/([^/]+)/")


def make_ready(config: Settings, client: Callable[[str, str], Any]) -> tuple[str, str]:
    """Create something to try; return the folders of samples and results: s3://bucket/prefix."""
    iam, functions = client("iam", config.region), client("lambda", config.region)
    role = iam.create_role(RoleName=config.name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    function = functions.create_function(
        FunctionName=config.name,
        Role=role,
        PackageType="Image",
        Code={"ImageUri": _IMAGE},
        MemorySize=config.memory_mb,
        Timeout=max(1, int(config.timeout_s)),
        Environment={"Variables": dict(config.environment)},
    )
    client("stepfunctions", config.region).create_state_machine(
        name=config.bulk_machine,
        roleArn=role,
        definition=definition_of(function["FunctionArn"]),
    )
    s3 = client("s3", config.region)
    inputs, results = f"{config.name}-in", f"{config.name}-out"
    for bucket in (inputs, results):
        s3.create_bucket(Bucket=bucket)
    folder = _put_samples(s3, inputs, config.sample) if config.sample else ""
    return f"s3://{inputs}/{folder}", f"s3://{results}/"


def definition_of(function_arn: str) -> str:
    """Return the bulk machine's definition, filled in as Terraform's templatefile does."""
    return _DEFINITION.read_text(encoding="utf-8").replace("${function_arn}", function_arn)


def _put_samples(s3: Any, bucket: str, sample: Sample) -> str:
    """Put the sample, and the files beside it, where the model's inputs belong."""
    model = _MODEL.search(sample.path)
    folder = f"in/{model[1]}/" if model else "in/"
    for path in sorted(sample.file.parent.glob(f"*{sample.file.suffix}")):
        s3.put_object(Bucket=bucket, Key=f"{folder}{path.name}", Body=path.read_bytes())
    return folder
