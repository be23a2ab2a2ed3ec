"""The service's limits of settings, marked as in infra/local/contract.py: [REC], [DOC]."""

from __future__ import annotations

from typing import Final

LATEST: Final = "$LATEST"
INIT_LIMIT_S: Final = 10.0  # [REC/DOC] from the start of the process to the first `next`
TIMEOUT_LIMIT_S: Final = 900  # [DOC] 5,400 for Lambda Managed Instances only
MEMORY_MINIMUM_MB: Final = 128  # [DOC]
MEMORY_LIMIT_MB: Final = 10_240  # [DOC]
TMP_MINIMUM_MB: Final = 512  # [DOC]
TMP_LIMIT_MB: Final = 10_240  # [DOC] 32,768 with accelerators only
IMAGE_LIMIT_BYTES: Final = 10 * 1024**3  # [DOC] of all layers, uncompressed
EVENT_RETRIES_LIMIT: Final = 2  # [DOC] MaximumRetryAttempts 0-2
EVENT_AGE_MINIMUM_S: Final = 60  # [DOC]
EVENT_AGE_LIMIT_S: Final = 21_600  # [DOC] MaximumEventAgeInSeconds 60-21,600
VARIABLES_LIMIT_BYTES: Final = 4_096  # [DOC] all of the function's variables together
# [DOC] "Reserved environment variables": names a function cannot set.
RESERVED_VARIABLES: Final = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    }
)
