"""The environment variables of a sandboxed process: the service's and the function's only.

One variable of the host reaches the function: LD_LIBRARY_PATH, appended to the service's own value
if the host has one, because some interpreters do not start without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from infra.local import contract
from infra.settings.function import FunctionConfig

_LIBRARIES = (
    "/var/lang/lib",
    "/lib64",
    "/usr/lib64",
    "/var/runtime",
    "/var/runtime/lib",
    "{root}",
    "{root}/lib",
    "/opt/lib",
)
# Dummies of the right form: the emulator has no credentials, and never passes on the host's.
_KEY_ID = "ASIALAMBAKELOCALDUMM"  # pragma: allowlist secret
_SECRET = "lambake/local/dummy/secret/access/key000"  # noqa: S105 - a dummy, see above
_TOKEN = "lambake-local-dummy-session-token"  # noqa: S105 - a dummy, see above


@dataclass(frozen=True)
class Place:
    """Where one process runs."""

    runtime_api: str  # host:port
    log_stream: str
    tmp: Path | None  # None: the process has /tmp to itself
    initialization_type: str
    host_library_path: str | None = None
    execution_env: str | None = None  # None: the image's own bootstrap sets it


def process_variables(config: FunctionConfig, place: Place) -> dict[str, str]:
    """Return all variables of one process.

    Source: docs/contract.md 6.3.1 [REC] python3.14, 18 Feb 2026.
    """
    root = str(config.root)
    libraries = [path.format(root=root) for path in _LIBRARIES]
    if place.host_library_path:
        libraries.append(place.host_library_path)
    address, port = contract.XRAY_DAEMON
    variables = {
        **_identity(config, place),
        "AWS_ACCESS_KEY_ID": _KEY_ID,
        "AWS_SECRET_ACCESS_KEY": _SECRET,
        "AWS_SESSION_TOKEN": _TOKEN,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": f"{address}:{port}",
        "_AWS_XRAY_DAEMON_ADDRESS": address,
        "_AWS_XRAY_DAEMON_PORT": port,
        "TZ": ":UTC",
        "LANG": "en_US.UTF-8",
        "LC_CTYPE": "C.UTF-8",
        "PATH": contract.LAMBDA_PATH,
        "LD_LIBRARY_PATH": ":".join(libraries),
        "PYTHONPATH": contract.RUNTIME_DIR,
        "PWD": root,
        "SHLVL": "0",
    }
    if place.execution_env is not None:
        variables["AWS_EXECUTION_ENV"] = place.execution_env
    if config.log_format == "JSON":
        variables["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
        variables["AWS_LAMBDA_LOG_LEVEL"] = config.log_level or "INFO"
    if place.tmp is not None:
        # Not set by the service: there /tmp itself belongs to the environment.
        variables["TMPDIR"] = str(place.tmp)
    return {**variables, **config.environment}


def _identity(config: FunctionConfig, place: Place) -> dict[str, str]:
    return {
        "_HANDLER": config.handler,
        "LAMBDA_TASK_ROOT": str(config.root),
        "LAMBDA_RUNTIME_DIR": contract.RUNTIME_DIR,
        "AWS_LAMBDA_FUNCTION_NAME": config.name,
        "AWS_LAMBDA_FUNCTION_VERSION": config.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.memory_mb),
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{config.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": place.log_stream,
        "AWS_LAMBDA_INITIALIZATION_TYPE": place.initialization_type,
        "AWS_LAMBDA_RUNTIME_API": place.runtime_api,
        "AWS_REGION": config.region,
        "AWS_DEFAULT_REGION": config.region,
    }
