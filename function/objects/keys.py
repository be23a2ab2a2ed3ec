"""What an object's key says: which model it is for, and what its result is called.

in/digits/7.png               digits, the latest        out/digits/7.png.json
in/iris/2026/rows.csv         iris, the latest          out/iris/2026/rows.csv.jsonl
in/digits/versions/1/7.png    version 1, or a label     out/digits/versions/1/7.png.json
"""

from __future__ import annotations

from dataclasses import dataclass

from function.objects.bucket import MAX_KEY_BYTES, ObjectRef
from function.objects.formats import Format, format_of


@dataclass(frozen=True, slots=True)
class KeyLayout:
    """Where objects come from and where their results go, by their keys.

    Prefixes end in a slash or are empty. Where `model` is given it is every object's, in `version`,
    and no folder names it; where `output_bucket` is not, results go into the object's own bucket.
    """

    input_prefix: str
    output_prefix: str
    output_bucket: str | None = None
    model: str | None = None
    version: str | None = None

    def reason_to_skip(self, ref: ObjectRef) -> str | None:
        """Return why an object is not ours to predict; None if it is."""
        result = self.result_of(ref)
        if ref.bucket == result.bucket and ref.key.startswith(self.output_prefix):
            return "a result, or another object below the output prefix"
        if not ref.key.startswith(self.input_prefix):
            return "outside of the input prefix"
        if ref.key.endswith("/"):
            return "a folder"
        if self.model is None and "/" not in ref.key[len(self.input_prefix) :]:
            return "in no model's folder"
        if len(result.key.encode()) > MAX_KEY_BYTES:
            return "a key too long for a result beside it"
        return None

    def model_of(self, ref: ObjectRef) -> tuple[str, str | None]:
        """Return an object's model, and its version if the key names one."""
        if self.model is not None:
            return self.model, self.version
        model, *rest = ref.key[len(self.input_prefix) :].split("/")
        return model, rest[1] if len(rest) > 2 and rest[0] == "versions" else None

    def result_of(self, ref: ObjectRef) -> ObjectRef:
        """Return where an object's result goes: always the same key, so the last one stays."""
        suffix = ".json" if format_of(ref.key) is Format.PICTURE else ".jsonl"
        key = self.output_prefix + ref.key.removeprefix(self.input_prefix) + suffix
        return ObjectRef(self.output_bucket or ref.bucket, key)
