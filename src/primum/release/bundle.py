"""The finished folder: sealed file by file, verified later, and packed into one zip that is the same bytes every time.

A seal is a keyed HMAC-SHA-256 of a file's name and content: without the project's key it tells nothing about the file,
and nobody without the key can make a new one. Without a key only sizes are kept, which show little.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from primum.atomic import write_bytes
from primum.errors import PrimumError

RELEASE = "release.json"
ALLOWED = (".html", ".pdf", ".json", ".csv", ".png", ".txt", ".md", ".docx", ".tex", ".bib")
KEY_BYTES = 16
LIGHT = "LIGHT"
LIGHT_FILES, LIGHT_BYTES = 10, 500_000
"""What is taken for a small output: chosen by the authors of primum; the bureau's own limits are not known here."""
_DAY = (1980, 1, 1, 0, 0, 0)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)
_HEX = re.compile(r"[0-9a-f]{64}")
KEYED, SIZES, NAMES = (
    "every file is as it was sealed with the project's key",
    "every file has the size it had; without the project's key a change of equal length does not show",
    "every file is there; the seals were not checked, because the project's key was not given",
)


def members(folder: str | Path) -> list[str]:
    """Return the relative path of every file of a release, sorted.

    Raises
    ------
    PrimumError
        If the folder is missing or empty, or holds a link, something that is no file, a hidden file, a kind of file
        that may not leave, or a name that not every system takes.
    """
    root = Path(folder)
    if root.is_symlink() or not root.is_dir():
        raise PrimumError(f"'{root}' is not the folder of a release.", mend="make one with: primum release RUN")
    found = sorted(_walk(root))
    if not found:
        raise PrimumError(f"The release '{root}' holds no files.", mend="make it again with: primum release RUN")
    lower: dict[str, str] = {}
    for path in found:
        other = lower.setdefault(path.lower(), path)
        if other != path:
            raise PrimumError(
                f"'{other}' and '{path}' differ in capital letters only; on some systems one replaces the other.",
                mend="rename one of them",
            )
    return found


def seal(folder: str | Path, key: bytes | None = None) -> dict[str, str | int]:
    """Return path → seal of every file but release.json itself; path → size without a key.

    Parameters
    ----------
    folder
        The release.
    key
        The project's secret, of at least 16 bytes; none or empty without one. It never leaves the room.

    Raises
    ------
    PrimumError
        For a short key, and as `members`.
    """
    key = _long_enough(key)
    root = Path(folder)
    return {path: _seal(root / path, path, key) for path in members(root) if path != RELEASE}


def signed(release: Mapping[str, Any], key: bytes | None) -> dict[str, Any]:
    """Return what goes into release.json, with a seal of its own when there is a key.

    Raises
    ------
    PrimumError
        For a short key.
    """
    key = _long_enough(key)
    content = {k: v for k, v in release.items() if k != "seal"}
    return (
        content if key is None else content | {"seal": hmac.new(key, _canonical(content), hashlib.sha256).hexdigest()}
    )


def verify(folder: str | Path, key: bytes | None = None, *, release: Mapping[str, Any] | None = None) -> str:
    """Return how well the files of a release were found to be those that were sealed.

    Parameters
    ----------
    folder
        The release.
    key
        The project's secret, if it was sealed with one.
    release
        The content of release.json; read from the folder by default.

    Returns
    -------
    One of `KEYED`, `SIZES` and `NAMES`: what was checked, in words.

    Raises
    ------
    PrimumError
        If a file was edited, is missing, or was added, all of them named; if release.json itself was edited; or if
        the key is not that of this release.
    """
    key = _long_enough(key)
    root = Path(folder)
    told = _read(root) if release is None else release
    files = told.get("files")
    if not isinstance(files, dict) or not files:
        raise PrimumError(
            f"release.json of '{root}' does not list the files.", mend="make the release again; nothing can be verified"
        )
    here = [path for path in members(root) if path != RELEASE]
    wrong = {
        "missing": sorted(set(files) - set(here)),
        "added": sorted(set(here) - set(files)),
        "edited": sorted(p for p in here if p in files and not _same(root, p, files[p], key)),
    }
    keyed = any(isinstance(v, str) for v in files.values())
    own = _own_seal(told, key)
    if key is not None and wrong["edited"] and len(wrong["edited"]) == len(set(here) & set(files)) and own is False:
        raise PrimumError(
            f"The seals of '{root}' were not made with this key.",
            expected="the key of the project that made the release",
            mend="name the right one with --key-file; if it is the right one, the whole release was replaced",
        )
    if any(wrong.values()):
        said = "; ".join(f"{how}: {', '.join(paths)}" for how, paths in wrong.items() if paths)
        raise PrimumError(
            f"The release '{root}' is not as it was made. {said[0].upper()}{said[1:]}.",
            expected="the files that were sealed, no more and no fewer",
            mend="make the release again; a release is never edited by hand",
        )
    if own is False:
        raise PrimumError(
            f"release.json of '{root}' was edited: its own seal does not fit.", mend="make the release again"
        )
    if key is not None and not keyed:
        raise PrimumError(
            f"The release '{root}' was sealed without a key.",
            expected="seals made with the project's key",
            mend="verify it without --key-file, by sizes only, or make it again with the key",
        )
    return SIZES if not keyed else KEYED if key is not None else NAMES


def light(folder: str | Path) -> bool:
    """Return whether a release is so small that the bureau may take it for a small output."""
    root = Path(folder)
    found = members(root)
    return len(found) <= LIGHT_FILES and sum((root / p).stat().st_size for p in found) <= LIGHT_BYTES


def archive_path(out: str | Path, preset: str, *, small: bool = False) -> Path:
    """Return where the zip of a release goes: beside its folder, with the prefix LIGHT for a small one under CBS.

    Parameters
    ----------
    out
        The release folder; it need not be there yet.
    preset
        The name of the policy.
    small
        Whether it is a small output; see `light`.

    Raises
    ------
    PrimumError
        For a name that not every system takes.
    """
    folder = Path(out)
    if not _NAME.fullmatch(folder.name) or _RESERVED.fullmatch(folder.name):
        raise PrimumError(
            f"'{folder.name}' is no name for a bundle.",
            expected="letters, digits, '.', '_', '+' and '-'",
            mend="choose another folder",
        )
    prefix = f"{LIGHT}_" if small and preset == "cbs" else ""
    return folder.with_name(f"{prefix}{folder.name}.zip")


def checksums(seals: Mapping[str, str | int]) -> dict[str, str]:
    """Return path → text of one checksum file for each sealed file, in the layout of ACRO's folder `checksums`.

    ACRO writes plain SHA-256. Here they are the keyed seals, because no plain hash leaves (R16); without a key there
    are none, and a viewer that computes plain hashes finds them different.
    """
    keyed = {path: value for path, value in seals.items() if isinstance(value, str)}
    return {f"checksums/{path.replace('/', '-')}.txt": value for path, value in keyed.items()}


def bundle(folder: str | Path, path: str | Path) -> Path:
    """Pack a release into one zip; the same files give the same bytes.

    Times and permissions are fixed, members are sorted, and there are no extra fields, comments or folders.

    Parameters
    ----------
    folder
        The release.
    path
        The zip, outside the folder; it must not be there yet.

    Raises
    ------
    PrimumError
        As `members`; if the zip would lie in the release or is there already, or cannot be written. Then nothing is.
    """
    root, target = Path(folder), Path(path)
    if target.suffix != ".zip" or target.resolve().is_relative_to(root.resolve()):
        raise PrimumError(f"'{target}' is no place for the bundle.", expected="a .zip beside the release folder")
    if target.exists() or target.is_symlink():
        raise PrimumError(f"'{target}' is there already.", mend="a bundle is never replaced; choose another name")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in members(root):
            info = zipfile.ZipInfo(name, _DAY)
            info.create_system, info.external_attr = 3, 0o100644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, (root / name).read_bytes(), compresslevel=9)
    return write_bytes(target, buffer.getvalue())


def _walk(root: Path) -> Iterator[str]:
    for place, folders, names in os.walk(root):
        for name in (*folders, *names):
            path = Path(place) / name
            shown = path.relative_to(root).as_posix()
            if path.is_symlink():
                raise PrimumError(
                    f"'{shown}' in the release is a link.",
                    expected="plain files: a link can point out of the release",
                    mend="make the release again",
                )
            if not _NAME.fullmatch(name) or _RESERVED.fullmatch(name) or name.endswith("."):
                raise PrimumError(
                    f"The name '{shown}' in the release is not one that every system takes.",
                    expected="letters, digits, '.', '_', '+' and '-', not hidden",
                    mend="take it out of the release",
                )
            if name in folders:
                continue
            if not path.is_file():
                raise PrimumError(f"'{shown}' in the release is no plain file.", mend="take it out of the release")
            if path.suffix.lower() not in ALLOWED:
                raise PrimumError(
                    f"'{shown}' is of a kind that does not leave.",
                    available=ALLOWED,
                    mend="take it out of the release; pictures leave as PNG, tables as CSV",
                )
            yield shown


def _long_enough(key: bytes | None) -> bytes | None:
    """Return the key, None where it is empty."""
    if not key:
        return None
    if len(key) < KEY_BYTES:
        raise PrimumError(
            f"The key has {len(key)} bytes.",
            expected=f"at least {KEY_BYTES} random bytes that stay in the room",
            mend="make one with secrets.token_bytes(32) and keep it with the project",
        )
    return key


def _seal(file: Path, name: str, key: bytes | None) -> str | int:
    if key is None:
        return file.stat().st_size
    return hmac.new(key, name.encode() + b"\0" + file.read_bytes(), hashlib.sha256).hexdigest()


def _same(root: Path, path: str, told: Any, key: bytes | None) -> bool:
    """Return whether a file is as it was sealed, as far as can be told."""
    if isinstance(told, str):
        if not _HEX.fullmatch(told):
            return False
        return key is None or hmac.compare_digest(told, str(_seal(root / path, path, key)))
    return bool(told == _seal(root / path, path, None))


def _own_seal(told: Mapping[str, Any], key: bytes | None) -> bool | None:
    """Return whether release.json is as it was signed; None where that cannot be told."""
    keyed = any(isinstance(v, str) for v in told["files"].values())
    if key is None or not keyed:
        return None
    right = signed(told, key)["seal"]
    return isinstance(told.get("seal"), str) and hmac.compare_digest(right, str(told["seal"]))


def _canonical(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _read(root: Path) -> dict[str, Any]:
    try:
        found = json.loads((root / RELEASE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise PrimumError(
            f"'{root}' has no readable {RELEASE}.",
            expected="the folder as primum release wrote it",
            mend="make the release again",
        )
    return found
