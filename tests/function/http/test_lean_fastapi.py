"""FastAPI is imported without building what no answer needs, and works all the same."""

from __future__ import annotations

import subprocess
import sys

from pydantic import BaseModel

from function.http.lean_fastapi import deferred_models
from tests import ROOT


def printed(code: str) -> str:
    """Run some Python in a fresh process, for it is about imports."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True, text=True
    )
    return done.stdout.strip()


def test_fastapis_openapi_models_are_not_built() -> None:
    """Importing the application leaves them waiting."""
    code = (
        "import function.http.app; from fastapi.openapi.models import Schema, OpenAPI;"
        "print(Schema.__pydantic_complete__, OpenAPI.__pydantic_complete__)"
    )
    assert printed(code) == "False False"


def test_imported_as_usual_they_are_built() -> None:
    """The check above can fail."""
    code = "from fastapi.openapi.models import Schema; print(Schema.__pydantic_complete__)"
    assert printed(code) == "True"


def test_another_pydantic_is_left_alone() -> None:
    """Where pydantic rebuilds its models in another way, FastAPI is imported as usual."""
    code = (
        "from functools import partial\n"
        "from pydantic import BaseModel\n"
        "class Other:\n"
        "    rebuild = BaseModel.__dict__['model_rebuild'].__func__\n"
        "    def __get__(self, _, cls): return partial(Other.rebuild, cls)\n"
        "BaseModel.model_rebuild = Other()\n"
        "import function.http.app\n"
        "from fastapi.openapi.models import Schema\n"
        "from function.http.lean_fastapi import can_defer\n"
        "print(can_defer(), Schema.__pydantic_complete__)"
    )
    assert printed(code) == "False True"


def test_fastapis_own_document_can_still_be_written() -> None:
    """Whoever uses the models finds them built."""
    code = (
        "from function.http.lean_fastapi import FastAPI\n"
        "app = FastAPI()\n"
        "@app.get('/add')\n"
        "def add(a: int, b: int) -> int: return a + b\n"
        "print(sorted(app.openapi()['paths']['/add']['get']['responses']))"
    )
    assert printed(code) == "['200', '422']"


def test_pydantic_is_left_as_it_was() -> None:
    """Models defined afterwards are built at once, and can be rebuilt."""
    before = BaseModel.model_config, BaseModel.__dict__["model_rebuild"]
    with deferred_models():

        class Late(BaseModel):
            number: int

    class Early(BaseModel):
        number: int

    assert (BaseModel.model_config, BaseModel.__dict__["model_rebuild"]) == before
    assert (Late.__pydantic_complete__, Early.__pydantic_complete__) == (False, True)
    assert Late(number="3").number == 3  # type: ignore[arg-type]
