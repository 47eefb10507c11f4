"""Studies as files: load one by name or path, list the built-in ones, every mistake with its line."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from primum.errors import PrimumError, unknown
from primum.stress.specification import Study
from primum.usecase_mistakes import Mistake, UseCaseError, doubled, invalid
from primum.usecase_yaml import read, write

MAX_BYTES = 1_000_000


def load_study(name_or_path: str | Path) -> Study:
    """Return a built-in study by its name, or the study in a YAML file.

    Raises
    ------
    PrimumError
        If there is no such name or file, or the study has mistakes (all are listed, each with its line).
    """
    text, own = str(name_or_path), _built_in()
    if isinstance(name_or_path, str) and text in own:
        return loads_study(own[text].read_text(encoding="utf-8"), f"The built-in study {text}")
    path = Path(name_or_path)
    if path.suffix.lower() not in {".yaml", ".yml", ".json"}:
        error = unknown("study", text, list(own))
        raise PrimumError(error.what, available=error.available, mend=error.mend + "; a file of your own ends in .yaml")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise PrimumError(f"'{path}' is far too large for a study.", expected="a YAML file")
        return loads_study(path.read_text(encoding="utf-8-sig"), str(path))
    except FileNotFoundError:
        raise PrimumError(
            f"There is no file '{path}'.", available=list(own), mend="name a built-in study or a YAML file"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise PrimumError(f"'{path}' cannot be read as UTF-8 text: {error}.") from None


def loads_study(text: str, where: str = "The study") -> Study:
    """Return the study in a YAML text; `where` names the text in messages.

    Raises
    ------
    PrimumError
        If the text is no YAML or the study has mistakes.
    """
    document = read(text, where)
    if not isinstance(document.data, dict):
        raise PrimumError(f"{where} is not a study.", expected="lines of the form key: value, such as 'name: my-study'")
    mistakes = doubled(document)
    try:
        study = Study.model_validate(document.data)
    except ValidationError as error:
        mistakes += invalid(error, document, _schema())
    if mistakes:
        raise UseCaseError(where, [_worded(m) for m in mistakes])
    return study


def dumps_study(study: Study) -> str:
    """Return a study as YAML text that `loads_study` reads back to the same study."""
    return write(study.dump())


def builtin_studies() -> dict[str, str]:
    """Return the built-in studies: name -> title."""
    return {name: load_study(name).title for name in _built_in()}


def _built_in() -> dict[str, Any]:
    entries = sorted(files("primum.stress").joinpath("studies").iterdir(), key=lambda entry: entry.name)
    return {entry.name.removesuffix(".yaml"): entry for entry in entries if entry.name.endswith(".yaml")}


def _schema() -> dict[str, Any]:
    return Study.model_json_schema()


def _worded(mistake: Mistake) -> Mistake:
    """Say "study" where the words were made for use cases."""
    parts = {k: getattr(mistake, k).replace("use case", "study") for k in ("what", "mend")}
    return replace(mistake, **parts)
