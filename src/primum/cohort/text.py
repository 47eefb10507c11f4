"""CSV and TSV, plain or .gz: numbers padded with spaces, wrong encodings, cut files and ragged rows."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections import Counter
from typing import IO, TYPE_CHECKING, Self

import polars as pl

from primum.cohort.table import Table, collect
from primum.cohort.texttypes import typed
from primum.errors import PrimumError

if TYPE_CHECKING:
    from pathlib import Path

LAZY_BYTES = 256 * 2**20
SEPARATORS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
_BOMS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_SPACED_QUOTE = re.compile(rb'[,;\t|] +"')


def read_text(path: Path, *, encoding: str = "utf8") -> Table:
    """Read one delimited text file; its first line names the columns.

    A plain UTF-8 file beyond `LAZY_BYTES` stays on disk and is scanned; anything else is read into memory.

    Raises
    ------
    PrimumError
        Empty, cut off, wrongly encoded, ragged, without rows, or with a column name twice.
    """
    notes: list[str] = []
    source: bytes | Path
    if path.suffix.lower() != ".gz" and path.stat().st_size > LAZY_BYTES and _is_utf8(encoding):
        source = path
        with path.open("rb") as stream:
            _check_utf8(stream, path)
    else:
        source = _tidy(_decoded(_bytes(path), path, encoding), path)
    separator, header = _header(source, path)
    names = _names(header, path, notes)
    lazy = _scan(source, separator, names).filter(pl.any_horizontal(pl.all().is_not_null()))
    try:
        if isinstance(source, bytes):
            raw = lazy.collect()
            if len(names) > 1 and raw[names[-1]].null_count():
                _check_ragged(source, separator, len(names), path)
            lazy = raw.lazy()
        frame = typed(lazy, notes, decimal_comma=separator != ",")
        problem = None
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        problem = _unreadable(path, separator, error)
    if problem is not None:  # outside of the handler, so that no traceback quotes the record
        if isinstance(source, bytes):
            _check_ragged(source, separator, len(names), path)
        raise problem
    result = collect(frame, f"'{path}'") if isinstance(source, bytes) else frame
    if isinstance(result, pl.DataFrame) and result.is_empty():
        raise PrimumError(
            f"'{path}' names {len(names)} columns and holds no rows.",
            expected="one row a patient below the line of column names",
            mend="export the file again, with its rows",
        )
    return Table(result, source=f"the file {path.name}", notes=notes)


def _is_utf8(encoding: str) -> bool:
    try:
        return codecs.lookup(encoding).name in {"utf-8", "utf-8-sig", "ascii"}
    except LookupError:
        return False


def _bytes(path: Path) -> bytes:
    """Return the file's bytes, unpacked."""
    raw = path.read_bytes()
    if path.suffix.lower() != ".gz":
        return raw
    try:
        return gzip.decompress(raw)
    except EOFError:
        raise PrimumError(
            f"'{path}' is cut off: the .gz stream ends before its end mark ({len(raw):,} bytes are here).",
            expected="a complete .gz file",
            mend="copy or download the file again; compare its size with the original",
        ) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise PrimumError(
            f"'{path}' is not a sound .gz file: {error}.",
            expected="a gzip-compressed text file",
            mend="copy the file again; if it is plain text, take '.gz' off its name",
        ) from None


def _decoded(raw: bytes, path: Path, encoding: str) -> bytes:
    """Return the bytes as UTF-8, or say which byte does not fit the declared encoding ('utf8-lossy' forgives)."""
    if not raw.strip():
        raise PrimumError(f"'{path}' is empty.", expected="column names on the first line, then one row a patient")
    forgiving, encoding = encoding.endswith("-lossy"), encoding.removesuffix("-lossy")
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise PrimumError(
            f"There is no text encoding called '{encoding}'.",
            available=["utf8", "latin-1", "cp1252", "utf-16"],
            mend="set data: encoding: to the encoding that the file was saved in",
        ) from None
    for mark, name in _BOMS.items():
        if raw.startswith(mark) and _is_utf8(encoding):
            raise _wrong_encoding(path, encoding, 0, raw, name)
    try:
        text = raw.decode(encoding, "replace" if forgiving else "strict")
    except UnicodeDecodeError as error:
        raise _wrong_encoding(path, encoding, error.start, raw, "cp1252") from None
    except (UnicodeError, ValueError) as error:
        raise PrimumError(
            f"'{path}' cannot be read as {encoding}: {error}.",
            mend="set data: encoding: to the encoding that the file was saved in (utf8, latin-1, cp1252 …)",
        ) from None
    if "\0" in text:
        raise PrimumError(
            f"'{path}' is not a text file: a zero byte stands at position {raw.find(0)}.",
            expected="delimited text (CSV or TSV)",
            mend="give the file the ending of its true format, or declare data: {encoding: utf-16}",
        )
    return raw if _is_utf8(encoding) and not forgiving else text.encode("utf8", "replace")


def _wrong_encoding(path: Path, encoding: str, at: int, raw: bytes, likely: str) -> PrimumError:
    line = raw.count(b"\n", 0, at) + 1
    return PrimumError(
        f"'{path}' is not {encoding}: byte {raw[at]:#04x} at position {at:,} (line {line:,}) does not fit.",
        expected=f"text encoded as {encoding}, which is what was tried",
        available=["utf8", "latin-1", "cp1252", "utf-16"],
        mend=f"declare how the file was saved, for example  data: {{encoding: {likely}}}",
    )


def _check_utf8(stream: IO[bytes], path: Path) -> None:
    """Check the encoding of a file that stays on disk, a piece at a time."""
    decoder = codecs.getincrementaldecoder("utf8")()
    done = 0
    while True:
        piece = stream.read(2**24)
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(piece, final=not piece)
        except UnicodeDecodeError as error:
            bad = error.object[error.start : error.start + 1] or b"\0"
            raise PrimumError(
                f"'{path}' is not utf8: byte {bad[0]:#04x} at position {done - pending + error.start:,} does not fit.",
                expected="text encoded as utf8, which is what was tried",
                mend="declare how the file was saved, for example  data: {encoding: cp1252}",
            ) from None
        if not piece:
            return
        done += len(piece)


def _tidy(raw: bytes, path: Path) -> bytes:
    """Drop a byte-order mark, leading empty lines, and blanks between a separator and a quote."""
    raw = raw.removeprefix(codecs.BOM_UTF8).lstrip(b"\r\n")
    if b"\r" in raw and b"\n" not in raw:
        raw = raw.replace(b"\r", b"\n")
    if not _SPACED_QUOTE.search(raw):
        return raw
    separator, _ = _header(raw, path)
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=separator, lineterminator="\n")
    try:
        with _rows(raw, separator) as rows:
            writer.writerows(row for row in rows.reader if row)
    except csv.Error as error:
        raise _unreadable(path, separator, error) from None
    return out.getvalue().encode("utf8")


class _rows:  # noqa: N801 - used as a with statement, like `open`
    """Python's own reader over the rows, which keeps count of the lines."""

    def __init__(self, source: bytes | Path, separator: str) -> None:
        stream: IO[bytes] = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
        self._text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        csv.field_size_limit(2**30)
        self.reader = csv.reader(self._text, delimiter=separator, skipinitialspace=separator != "\t")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._text.close()


def _header(source: bytes | Path, path: Path) -> tuple[str, list[str]]:
    """Return the separator and the column names: the separator that cuts the first line into most pieces."""
    best: tuple[str, list[str]] = (",", [])
    for separator in ("\t", *SEPARATORS) if ".ts" in path.name.lower() else SEPARATORS:
        try:
            with _rows(source, separator) as rows:
                first = next((row for row in rows.reader if row), [])
        except csv.Error as error:
            raise _unreadable(path, separator, error) from None
        if len(first) > len(best[1]):
            best = (separator, first)
    return best


def _names(header: list[str], path: Path, notes: list[str]) -> list[str]:
    """Return clean, distinct column names."""
    names = [name.strip() for name in header]
    twice = [name for name, count in Counter(n for n in names if n).items() if count > 1]
    if twice:
        raise PrimumError(
            f"'{path}' names {len(twice)} column{'s' if len(twice) > 1 else ''} more than once: "
            + ", ".join(f"'{name}'" for name in twice[:8])
            + ".",
            expected="a different name for every column",
            mend="rename the repeated columns in the first line of the file",
        )
    for i, name in enumerate(names):
        if not name:
            names[i] = _free(f"column_{i + 1}", names)
            notes.append(f"Column {i + 1} has no name in the file; it is called '{names[i]}' here.")
    numbers = [name for name in names if re.fullmatch(r"[+-]?\d+(\.\d+)?", name)]
    if len(numbers) > 1 and len(numbers) * 4 >= len(names):
        notes.append(
            f"The first line holds numbers where column names are expected ({', '.join(numbers[:4])} …): "
            "does the file lack a line of column names? Then its first patient was read as names."
        )
    return names


def _free(name: str, taken: list[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _scan(source: bytes | Path, separator: str, names: list[str]) -> pl.LazyFrame:
    """Scan every column as text; types are decided afterwards on all rows, not on the first hundred."""
    return pl.scan_csv(
        source,
        separator=separator,
        has_header=False,
        skip_rows=1,
        infer_schema=False,
        schema=dict.fromkeys(names, pl.String()),
        glob=False,
    )


def _check_ragged(source: bytes, separator: str, width: int, path: Path) -> None:
    """Raise for the first line with more or fewer values than there are columns."""
    try:
        with _rows(source, separator) as rows:
            for row in rows.reader:
                if row and len(row) != width:
                    raise PrimumError(
                        f"Line {rows.reader.line_num:,} of '{path}' has {len(row)} "
                        f"value{'' if len(row) == 1 else 's'}; the first line names {width} columns.",
                        expected=f"{width} values on every line, separated by {SEPARATORS[separator]}",
                        mend="put quotes around values that contain the separator; "
                        "a short last line means that the file was cut off",
                    )
    except csv.Error as error:
        raise _unreadable(path, separator, error) from None


def _unreadable(path: Path, separator: str, error: BaseException) -> PrimumError:
    # the reader's own words may quote a record, so they are not repeated
    return PrimumError(
        f"'{path}' cannot be read as text separated by {SEPARATORS[separator]} ({type(error).__name__}).",
        expected='a table with one row a line; quotes doubled inside quoted values ("say ""aah""")',
        mend="look for a quote that is opened and never closed, or export the file again",
    )
