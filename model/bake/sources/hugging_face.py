"""Hugging Face folders with an ONNX file, as optimum and sentence-transformers write them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from model.bake.errors import BakeError
from model.bake.pixels import settings_like
from model.bake.sources.base import Hints, Original, Say

CONFIG: Final = "config.json"
_GRAPHS: Final = ("model.onnx", "onnx/model.onnx", "*.onnx", "onnx/*.onnx")
"""Where the graph lies, the best first: others are quantised or for other hardware."""

_LABELLED: Final = re.compile("For(Sequence|Image|Audio|Video)Classification$")
_TOKENWISE: Final = re.compile("For(Token|Question|Masked|Causal|Conditional|Object|Semantic)")
_MOST_TOKENS: Final = 100_000  # a tokenizer that knows no limit states a number far above
_VOCABULARIES: Final = ("vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model")
_LICENCE: Final = re.compile(r"^---\n(?:.*\n)*?license:\s*(\S+)\s*\n(?:.*\n)*?---$", re.MULTILINE)


def recognises(path: Path, head: bytes) -> bool:
    """Tell the folder by its config.json."""
    return bool({"model_type", "architectures"} & _read(path / CONFIG).keys())


def open(path: Path, work: Path, say: Say) -> Original:  # noqa: A001  # the sources' interface
    """Take the ONNX file, and what the files beside it say.

    Raises:
        BakeError: there is no ONNX file, or a model of tokens has no tokenizer.json.
    """
    config = _read(path / CONFIG)
    onnx, others = _graph_in(path)
    inputs, outputs = _tensors_of(onnx)
    architecture = str((config.get("architectures") or [config.get("model_type")])[0])
    tokens = "input_ids" in inputs
    task, labels, answer = _answering(path, config, architecture, inputs, outputs)
    left_out = f"left out: {', '.join(others)}; bake one by its own name, if it is meant"
    preprocessor = path / "preprocessor_config.json"
    hints = Hints(
        labels=labels,
        task=task,
        answer=answer,
        tokenizer=_tokenizer_of(path, config, work) if tokens else None,
        picture=settings_like(preprocessor) if preprocessor.is_file() and not tokens else {},
        licence=_licence_of(path / "README.md"),
        notes=(left_out,) if others else (),
    )
    return Original(format="onnx", summary=f"Hugging Face, {architecture}", onnx=onnx, hints=hints)


def _graph_in(folder: Path) -> tuple[Path, list[str]]:
    """Return the ONNX file, and the names of those that are not taken."""
    found = [path for pattern in _GRAPHS for path in sorted(folder.glob(pattern))]
    found = list(dict.fromkeys(found))
    if not found:
        raise BakeError(
            f"{folder}: a Hugging Face folder without an ONNX file",
            f"Export it: optimum-cli export onnx --model {folder} {folder}-onnx, and bake that.",
        )
    return found[0], [path.relative_to(folder).as_posix() for path in found[1:]]


def _tensors_of(path: Path) -> tuple[list[str], list[str]]:
    """Return the names of a graph's inputs and outputs."""
    import onnx

    graph = onnx.load(str(path), load_external_data=False).graph
    return [one.name for one in graph.input], [one.name for one in graph.output]


def _answering(
    folder: Path,
    config: Mapping[str, Any],
    architecture: str,
    inputs: list[str],
    outputs: list[str],
) -> tuple[str, tuple[str, ...], dict[str, Any]]:
    """Return the task, the labels and the keys of [answer]; each may be empty."""
    if (folder / "modules.json").is_file():
        return "embed", (), _pooling_of(folder, inputs, outputs)
    if _TOKENWISE.search(architecture):
        return "tensors", (), {}
    if not _LABELLED.search(architecture):
        return "", (), {}
    named = config.get("id2label") or {}
    labels = tuple(str(named[key]) for key in sorted(named, key=int))
    kind = config.get("problem_type")
    if kind == "regression" or len(labels) == 1:
        return "regress", (), {}
    many = {"apply": "sigmoid", "many": True} if kind == "multi_label_classification" else {}
    return "classify", labels, many


def _pooling_of(folder: Path, inputs: list[str], outputs: list[str]) -> dict[str, Any]:
    """Read how sentence-transformers makes one vector of those of the tokens."""
    settings: dict[str, Any] = {}
    modules = (folder / "modules.json").read_text(encoding="utf-8")
    if "Normalize" in modules:
        settings["normalise"] = True
    if "sentence_embedding" in outputs:
        return {"output": "sentence_embedding", **settings}
    pooling = _read(folder / "1_Pooling" / CONFIG)
    ways = {"pooling_mode_cls_token": "first", "pooling_mode_max_tokens": "max"}
    settings["pooling"] = next((way for key, way in ways.items() if pooling.get(key)), "mean")
    names = {"last_hidden_state", "token_embeddings"}.intersection(outputs)
    settings |= {"output": min(names)} if names else {}
    settings |= {"mask": "attention_mask"} if "attention_mask" in inputs else {}
    return settings


def _tokenizer_of(folder: Path, config: Mapping[str, Any], work: Path) -> Path:
    """Return the tokenizer.json, with the model's longest text where it states none of its own.

    Raises:
        BakeError: there is none.
    """
    path = folder / "tokenizer.json"
    if not path.is_file():
        other = next((name for name in _VOCABULARIES if (folder / name).is_file()), "")
        raise BakeError(
            f"{folder}: a model of texts without a tokenizer.json"
            + (f", only {other}" if other else ""),
            "Write it: AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER), of the "
            "package transformers; or bake the .onnx file alone, which takes tokens.",
        )
    tokenizer = _read(path)
    stated = _read(folder / "tokenizer_config.json").get("model_max_length")
    longest = stated or config.get("max_position_embeddings")
    if tokenizer.get("truncation") or not (type(longest) is int and 0 < longest < _MOST_TOKENS):
        return path
    tokenizer["truncation"] = {
        "direction": "Right", "max_length": longest, "strategy": "LongestFirst", "stride": 0,
    }  # fmt: skip
    copy = work / path.name
    copy.write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")
    return copy


def _licence_of(card: Path) -> str:
    """Read the licence of a model card's head."""
    text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
    found = _LICENCE.match(text)
    return found[1].strip("\"'") if found else ""


def _read(path: Path) -> dict[str, Any]:
    """Read a JSON object; empty if there is none."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
