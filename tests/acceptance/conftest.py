"""Which models the acceptance tests have: small ones of their own, and those of a folder."""

from __future__ import annotations

import os

OTHERS = os.environ.get("LAMBAKE_OTHER_MODELS", "")
"""A folder with an index.json; read before the tests hide such variables."""

collect_ignore = [] if OTHERS else ["test_other_models.py"]
