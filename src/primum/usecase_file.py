"""Use cases as files: load one, list the built-in ones, write one, describe the format to editors."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from primum.errors import PrimumError, nearest, unknown
from primum.usecase import UseCase
from primum.usecase_mistakes import Mistake, UseCaseError, doubled, invalid
from primum.usecase_yaml import read, write

MAX_BYTES = 2_000_000
_SUFFIXES = (".yaml", ".yml", ".json")


def load(name_or_path: str | Path) -> UseCase:
    """Return a built-in use case by its name, or the use case in a YAML (or JSON) file.

    Raises
    ------
    PrimumError
        If there is no such name or file, it cannot be read, or the use case has mistakes (all are listed).
    """
    if folder(name_or_path) is None:
        source = _built_in()[str(name_or_path)]
        return loads(source.read_text(encoding="utf-8"), f"The built-in use case {name_or_path}")
    path = Path(name_or_path)
    return loads(_text(path), str(path))


def loads(text: str, where: str = "The use case") -> UseCase:
    """Return the use case in a YAML text; `where` names the text in messages.

    Raises
    ------
    PrimumError
        If the text is no YAML or the use case has mistakes; all of them are in one error, each with its line.
    """
    document = read(text, where)
    if not isinstance(document.data, dict):
        raise PrimumError(
            f"{where} is not a use case.",
            expected="lines of the form key: value, such as 'name: my-question'",
        )
    mistakes = doubled(document)
    try:
        usecase = UseCase.model_validate(document.data)
    except ValidationError as error:
        mistakes += invalid(error, document, schema())
    except RecursionError:  # pragma: no cover  (the reader refuses such depths first)
        raise PrimumError(f"{where} is nested too deeply to be read.") from None
    if mistakes:
        raise UseCaseError(where, mistakes)
    return usecase


def dumps(usecase: UseCase) -> str:
    """Return a use case as YAML text that `loads` reads back to the same use case."""
    return write(usecase.dump())


def builtin() -> dict[str, str]:
    """Return the built-in use cases: name -> title."""
    return {name: load(name).title for name in _built_in()}


def folder(name_or_path: str | Path) -> Path | None:
    """Return the folder of a use-case file, where its relative paths begin; None for a built-in name.

    Raises
    ------
    PrimumError
        If a bare name is neither a built-in use case nor a file.
    """
    path = Path(name_or_path)
    text = str(name_or_path)
    if isinstance(name_or_path, str) and text in _built_in():
        return None
    is_path = isinstance(name_or_path, Path) or path.suffix.lower() in _SUFFIXES or len(path.parts) > 1
    if not (is_path or _exists(path)):
        error = unknown("use case", text, list(_built_in()))
        error.mend += "; a file of your own ends in .yaml"
        raise PrimumError(error.what, available=error.available, mend=error.mend)
    return path.parent


@cache
def _schema() -> dict[str, Any]:
    found = UseCase.model_json_schema()
    found["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    found["title"] = "primum use case"
    return found


def schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a use case, for editors.

    It knows keys, types, ranges and names; what concerns several fields at once is checked by `load` alone.
    """
    from copy import deepcopy

    return deepcopy(_schema())


def _built_in() -> dict[str, Any]:
    entries = sorted(files("primum").joinpath("usecases").iterdir(), key=lambda entry: entry.name)
    return {entry.name.removesuffix(".yaml"): entry for entry in entries if entry.name.endswith(".yaml")}


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _text(path: Path) -> str:
    try:
        if path.is_dir():
            raise PrimumError(f"'{path}' is a folder, not a use case.", expected="a YAML file")
        if path.stat().st_size > MAX_BYTES:
            raise PrimumError(
                f"'{path}' has {path.stat().st_size:,} bytes, far too many for a use case.",
                expected="a YAML file",
                mend="give the data with --data or under data: path, not as the use case",
            )
        raw = path.read_bytes()
    except FileNotFoundError:
        beside = sorted(p.name for s in _SUFFIXES for p in path.parent.glob(f"*{s}")) if _exists(path.parent) else []
        near = nearest(path.name, beside)
        raise PrimumError(
            f"There is no file '{path}'.",
            available=sorted(beside, key=lambda name: name != near),
            mend=f"did you mean '{near}'?" if near else "primum list shows the built-in use cases",
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PrimumError(f"'{path}' cannot be read: {reason}.") from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise PrimumError(
            f"'{path}' is not UTF-8 text: line {line} has the byte 0x{raw[error.start]:02x}.",
            mend="save it as UTF-8 in your editor",
        ) from None


__all__ = ["Mistake", "UseCaseError", "builtin", "dumps", "folder", "load", "loads", "schema"]
