"""Parameters as files: load the built-in ones or one's own, with every mistake named at its line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from primum.errors import PrimumError, unknown
from primum.simulate.parameters import Parameters
from primum.simulate.parameters_mistakes import bare, invalid, words
from primum.usecase_mistakes import doubled, told
from primum.usecase_yaml import read

DEFAULT = "denmark"


def builtin() -> tuple[str, ...]:
    """Return the names of the parameters that come with primum."""
    return tuple(sorted(p.name.removesuffix(".yaml") for p in _folder().iterdir() if p.name.endswith(".yaml")))


def load(parameters: str | Path | Parameters = DEFAULT) -> Parameters:
    """Return parameters by their built-in name, from a YAML file, or as they are.

    Raises
    ------
    PrimumError
        If there is no such name or file, or the file has mistakes; all of them are in one error, with their lines.
    """
    if isinstance(parameters, Parameters):
        return parameters
    path = Path(parameters)
    if path.suffix in {".yaml", ".yml"}:
        if not path.is_file():
            raise PrimumError(f"There is no file '{path}'.", available=builtin(), mend="check the path, or use a name")
        return loads(path.read_text(encoding="utf-8"), str(path))
    name = str(parameters)
    if name not in builtin():
        raise unknown("set of parameters", name, builtin())
    return loads(_folder().joinpath(f"{name}.yaml").read_text(encoding="utf-8"), f"The parameters '{name}'")


def loads(text: str, where: str = "The parameters") -> Parameters:
    """Return the parameters in a YAML text; `where` names the text in messages.

    Raises
    ------
    PrimumError
        If the text is no YAML, has unknown keys or lacks some, a number is outside its range or has no source.
    """
    if not text.strip():
        raise PrimumError(f"{where}: nothing is there.", mend="start from a copy of the built-in denmark.yaml")
    document = read(text, where)
    if not isinstance(document.data, dict):
        raise PrimumError(f"{where}: no parameters.", expected="lines of the form key: value, as in denmark.yaml")
    mistakes = doubled(document)
    try:
        found = Parameters.model_validate(document.data)
    except ValidationError as error:
        mistakes += invalid(error, document, load(DEFAULT))
    if mistakes:
        count = "a mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        raise PrimumError("\n".join([f"{where}: {count}:", *(m.text() for m in sorted(set(mistakes)))]))
    return found


def changed(parameters: str | Path | Parameters, values: Mapping[str, Any]) -> Parameters:
    """Return the parameters with some numbers replaced; those are then marked as changed by the caller.

    Parameters
    ----------
    parameters
        A name, a file or parameters.
    values
        Place -> value: `{"prescription.sex_ratio": 1.0, "followup.last_year": 2020}`.

    Raises
    ------
    PrimumError
        If there is no such place, or the value is outside its range.
    """
    base = load(parameters)
    data = base.model_dump(mode="python", exclude_none=True)
    for place, value in values.items():
        *above, last = place.split(".")
        node: Any = data
        for part in above:
            node = node.get(part) if isinstance(node, dict) else None
        if not isinstance(node, dict) or last not in node:
            raise unknown("number", place, places(base), where=f"the parameters '{base.name}'")
        if isinstance(node[last], dict) and "source" in node[last]:
            node[last] = {"value": value, "source": "changed by the caller of the simulation", "status": "assumed"}
        else:
            node[last] = value
    try:
        return Parameters.model_validate(data)
    except ValidationError as error:
        rows = [f"  {told(bare(e['loc']))}: {words(e)}" for e in error.errors(include_url=False)]
        raise PrimumError("\n".join(["The changed parameters cannot be used:", *rows])) from None


def numbers(parameters: Parameters) -> list[dict[str, Any]]:
    """Return every sourced number as a row: place, value, low, high, source, status."""
    return [{"place": place, **node.model_dump()} for place, node in _walk(parameters) if "source" in _fields(node)]


def places(parameters: Parameters) -> list[str]:
    """Return the places of all numbers, such as `disorder.prevalence`."""
    return [place for place, _ in _walk(parameters)]


def _folder() -> Any:
    return files("primum.simulate")


def _fields(node: BaseModel) -> set[str]:
    return set(type(node).model_fields)


def _walk(node: Any, above: str = "") -> Iterator[tuple[str, BaseModel]]:
    steps = node.items() if isinstance(node, dict) else ((name, getattr(node, name)) for name in _fields(node))
    for name, child in sorted(steps):
        if isinstance(child, BaseModel):
            yield f"{above}{name}", child
            if "source" in _fields(child):
                continue
        if isinstance(child, BaseModel | dict):
            yield from _walk(child, f"{above}{name}.")
