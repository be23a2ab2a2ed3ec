"""A recipe: the way from instances, as a caller sends them, to a model's arrays.

A recipe is one file or folder here, with the name that manifests use and a function `load`:

    load(settings: Table, inputs: tuple[Tensor, ...]) -> Recipe

`settings` is the recipe's table in the manifest; errors in it, or in the inputs that the recipe has
to make, are noted there.

No other module knows a recipe by name: what a form, a slider, a document or a protocol needs to
know about a model's input is in `Description`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, cast

from model import tenants
from model.errors import Problem
from model.tensors import Feeds as Feeds
from model.tensors import Tensor

if TYPE_CHECKING:
    from model.bundle.table import Table

TABLES: Final = {"rows": "columns"}
"""Tables of settings that are named after what their recipe takes instead of the recipe."""

ONLY_BY_NAME: Final = ("custom",)
"""Tables that do not name a recipe by themselves: a task has the same one."""

WITHOUT_SETTINGS: Final = "tensors"
"""The recipe of a manifest that names none."""

_PACKAGE: Final = "model.recipes"

Takes = Literal["image", "row", "text", "tensors"]

Missing = Literal["refuse", "nan"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a row.

    Attributes:
        name: as the model's owner calls it.
        dtype: of its values.
        missing: what null, an absent key or an empty cell is: an error, or NaN.
        unit, minimum, maximum: its unit and usual range, if known; they refuse nothing.
        choices: the known values of a string column; a hint that refuses nothing either.
    """

    name: str
    dtype: str = "float32"
    missing: Missing = "refuse"
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Description:
    """What a recipe takes and makes, in terms that every door, protocol and page understands.

    Attributes:
        takes: the payload's word for one instance.
        subject: the first word of the model's kind: "image" as in "image-classification".
        schema: the JSON schema of one instance in a JSON payload.
        example: an instance in a JSON payload that the recipe accepts; None if it were too long.
        media_types: what may be sent as a body or in a form field; if empty, JSON only.
        columns: of a row, in order; each is a slider if its range is known.
        tensors: the arrays that the recipe makes.
        features: the numbers that drift watches.
        size: the height and width of the picture that the model sees; of pictures only.
    """

    takes: Takes
    subject: str
    schema: Mapping[str, Any]
    example: Any
    tensors: tuple[Tensor, ...]
    media_types: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    features: tuple[str, ...] = ()
    size: tuple[int, int] | None = None

    @property
    def plural(self) -> str:
        """The payload's word for several instances: "images"."""
        return "inputs" if self.takes == "tensors" else f"{self.takes}s"


class NotedFeeds(Feeds):
    """The engine's arrays, and with them `notes`: arrays for the task that no engine gets."""

    notes: Feeds


class Recipe(Protocol):
    """Prepares one model's instances."""

    @property
    def takes(self) -> Takes:
        """The payload's word for one instance."""
        ...

    def tensors(self, instances: Sequence[Any], *, max_pixels: int) -> Feeds:
        """Prepare instances for the engine.

        Args:
            instances: N of them, N >= 0: bytes of pictures, or rows.
            max_pixels: the most pixels of one picture, and of all together as they are decoded.

        Raises:
            InputError: invalid instances; says which and why.
        """
        ...

    def describe(self) -> Description:
        """Describe what this recipe takes and makes."""
        ...

    def features(self, feeds: Feeds) -> Feeds:
        """Compute the numbers that drift watches.

        Args:
            feeds: what `tensors` returned for N instances.

        Returns:
            [N] each, by the names in the description and in their order.
        """
        ...


def name_key(name: str) -> str:
    """Return what two spellings of a name have in common: letters and digits, without case.

    "sepal length (cm)", "sepal_length_cm" and "SepalLengthCm" have the same key; a name of nothing
    but signs is its own.
    """
    return "".join(filter(str.isalnum, name.casefold())) or name


def only_input(settings: Table, inputs: Sequence[Tensor], *shape: int) -> str:
    """Return the name of a model's only input; note it if it is not float32 of this shape."""
    fits = [one.dtype == "float32" and one.shape[1:] == shape[1:] for one in inputs]
    if inputs and fits != [True]:
        got = ", ".join(f"{one.dtype} {list(one.shape)}" for one in inputs)
        expected = f"one, float32 {list(shape)}, as the recipe makes it"
        settings.problems.append(Problem("inputs", expected, got))
    return inputs[0].name if inputs else ""


def read_recipe(top: Table, inputs: tuple[Tensor, ...]) -> Recipe:
    """Open the recipe of a manifest: the one it names, or the one whose settings table it has.

    Args:
        top: the whole manifest; errors are noted there.
        inputs: the tensors that the recipe must make.
    """
    tables = [
        key
        for key, value in top.values.items()
        if isinstance(value, dict)
        and key not in ONLY_BY_NAME
        and tenants.has(_PACKAGE, TABLES.get(key, key))
    ]
    named = top.text("recipe", default="")
    name = named or (TABLES.get(tables[0], tables[0]) if tables else WITHOUT_SETTINGS)
    if not tenants.has(_PACKAGE, name):
        names = tenants.names_in(_PACKAGE)
        top.note("recipe", f"one of {names}", repr(named) if named else "nothing")
        for key in tables:  # they may be right
            top.table(key)
        return cast("Recipe", None)
    key = next((key for key in tables if TABLES.get(key, key) == name), name)
    settings = top.table(key, default={})
    recipe: Recipe = tenants.tenant(_PACKAGE, name).load(settings, inputs)
    settings.close()
    return recipe
