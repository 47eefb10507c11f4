"""Write constraints.txt: the exact version of all that primum and its tests need, read from this environment.

Only what is reached from the direct dependencies in pyproject.toml is written, so a package that somebody
once installed by hand does not stay for ever. What came from a file or an address cannot be pinned: refused.
"""

from __future__ import annotations

import sys
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
HEADER = """\
# Exact versions of everything that primum and its tests need; the same on Python 3.11, 3.12 and 3.13.
# Written by `make lock` from the environment that the tests passed in. Do not edit by hand.
"""


NOT_PINNED = {"secure"}  # extras too heavy to be installed here


def direct() -> list[Requirement]:
    """Return every requirement that pyproject.toml names, and pip, which installs them."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lines = [
        *pyproject["project"]["dependencies"],
        *(
            line
            for name, extra in pyproject["project"]["optional-dependencies"].items()
            if name not in NOT_PINNED
            for line in extra
        ),
        *pyproject["dependency-groups"]["dev"],
        *pyproject["build-system"]["requires"],
        "pip>=25.1",  # older ones do not know dependency groups
    ]
    return [Requirement(line) for line in lines]


def needed(requirements: list[Requirement]) -> dict[str, Distribution]:
    """Follow `requirements` through what is installed; return canonical name -> distribution."""
    reached: dict[str, Distribution] = {}
    seen: set[tuple[str, str]] = set()
    queue = [(wish, extra) for wish in requirements for extra in ("", *wish.extras)]
    while queue:
        wish, extra = queue.pop()
        name = canonicalize_name(wish.name)
        if name == "primum" or (name, extra) in seen:
            continue
        seen.add((name, extra))
        try:
            found = distribution(name)
        except PackageNotFoundError:
            sys.exit(f"{wish} is asked for but not installed here: run `make test` first, then `make lock`")
        if not wish.specifier.contains(found.version, prereleases=True):
            sys.exit(f"{wish} is asked for, but {found.version} is installed: mend the environment first")
        reached[name] = found
        for line in found.requires or []:
            part = Requirement(line)
            if part.marker is None or part.marker.evaluate({"extra": extra}):
                queue += [(part, sub) for sub in ("", *part.extras)]
    return reached


def pin(found: Distribution) -> str:
    """Return `name==version`, or stop where that would not be the whole truth."""
    if found.read_text("direct_url.json"):
        sys.exit(f"{found.name} was installed from a file or an address; install it from an index, then lock")
    if "+" in found.version:
        sys.exit(f"{found.name} {found.version} is a local build; install a published one, then lock")
    return f"{canonicalize_name(found.name)}=={found.version}"


def main() -> None:
    """Write the file and say what changed."""
    path = ROOT / "constraints.txt"
    before = set(path.read_text(encoding="utf-8").splitlines()) if path.exists() else set()
    pins = sorted(pin(found) for found in needed(direct()).values())
    path.write_text(HEADER + "\n".join(pins) + "\n", encoding="utf-8")
    after = set(pins)
    gone = {line for line in before if line and not line.startswith("#")} - after
    print(f"constraints.txt: {len(pins)} packages")
    for sign, lines in (("-", gone), ("+", after - before)):
        for line in sorted(lines):
            print(f"  {sign} {line}")


if __name__ == "__main__":
    main()
