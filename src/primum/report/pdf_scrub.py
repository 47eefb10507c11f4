"""A PDF without a word about who made it, with what and when; its tags, language and title stay.

typst writes plain objects and one plain table of their places. What is to go is therefore overwritten in place with
blanks of the same length, and nothing else in the file moves: pages, fonts and tags stay byte for byte what typst made.
A file of another structure is refused.
"""

from __future__ import annotations

import re

from primum.errors import PrimumError

_TRAILER = re.compile(rb"trailer\s*<<(.*)>>\s*startxref\s*(\d+)\s*%%EOF\s*\Z", re.DOTALL)
_KEPT = (
    rb"<dc:title>.*?</dc:title>", rb"<dc:language>.*?</dc:language>", rb"<pdfuaid:part>\d+</pdfuaid:part>",
)  # fmt: skip
_PACKET = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/">'
)
_CLOSED = b"</rdf:Description></rdf:RDF></x:xmpmeta>"
_END = b'<?xpacket end="r"?>'


def scrubbed(file: bytes) -> bytes:
    """Return a PDF of typst without author, maker, dates and identifiers.

    Left are in the metadata the title, the language and the claim of PDF/UA-1, which the standard asks for (ISO
    14289-1, 7.1); the dictionary of document information is emptied and no longer referred to, as is the file's
    identifier, which is a hash of its contents.

    Raises
    ------
    PrimumError
        If the file does not have the structure that typst 0.15 writes.
    """
    trailer = _TRAILER.search(file, max(0, len(file) - 4096))
    if trailer is None:
        raise _unknown("it has no plain trailer")
    body, start = trailer[1], int(trailer[2])
    places = _places(file, start)
    out = bytearray(file[: trailer.start()])
    info, root = _reference(body, rb"/Info"), _reference(body, rb"/Root")
    if root is None:
        raise _unknown("its trailer names no catalogue")
    if info is not None:
        _empty(out, *_span(file, places, start, info))
    first, last = _span(file, places, start, root)
    told = _reference(file[first:last], rb"/Metadata")
    if told is not None:
        _told_less(out, *_span(file, places, start, told))
    size = re.search(rb"/Size\s+\d+", body)
    if size is None:
        raise _unknown("its trailer has no size")
    return bytes(out) + b"trailer\n<<%s/Root %d 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size[0], root, start)


def _unknown(why: str) -> PrimumError:
    return PrimumError(
        f"What the PDF says about its making cannot be removed: {why}.",
        expected="a PDF as typst 0.15 writes it",
        mend="install that version of typst, or release without the PDF",
    )


def _places(file: bytes, start: int) -> dict[int, int]:
    """Return object → offset, from the table at `start`; offsets are checked against what stands there."""
    head = re.compile(rb"xref\s+0\s+(\d+)\s*\n").match(file, start)
    if head is None:
        raise _unknown("it has no plain table of objects")
    out = {}
    for i in range(int(head[1])):
        line = file[head.end() + 20 * i : head.end() + 20 * (i + 1)]
        if line[17:18] == b"n":
            out[i] = int(line[:10])
            if not file.startswith(b"%d 0 obj" % i, out[i]):
                raise _unknown(f"object {i} is not in its place")
    return out


def _reference(body: bytes, name: bytes) -> int | None:
    found = re.search(name + rb"\s+(\d+)\s+0\s+R", body)
    return int(found[1]) if found else None


def _span(file: bytes, places: dict[int, int], start: int, number: int) -> tuple[int, int]:
    """Return where the contents of an object begin and end."""
    if number not in places:
        raise _unknown(f"object {number} is missing")
    at = places[number]
    after = min((p for p in (*places.values(), start) if p > at), default=start)
    end = file.rfind(b"endobj", at, after)
    if end < 0:
        raise _unknown(f"object {number} has no end")
    return file.index(b"obj", at) + 3, end


def _empty(out: bytearray, first: int, last: int) -> None:
    """Make an object an empty dictionary."""
    out[first:last] = b"\n<<" + b" " * (last - first - 6) + b">>\n"


def _told_less(out: bytearray, first: int, last: int) -> None:
    """Overwrite the metadata with the little that is kept, filled up with blanks."""
    head = re.compile(rb"\s*<<([^>]*)>>\s*stream\r?\n").match(out, first, last)
    length = re.search(rb"/Length\s+(\d+)", head[1]) if head else None
    if head is None or length is None or b"/Filter" in head[1]:
        raise _unknown("its metadata is not plain text")
    begin, size = head.end(), int(length[1])
    old = bytes(out[begin : begin + size])
    kept = [found[0] for found in (re.search(p, old, re.DOTALL) for p in _KEPT) if found]
    new = _PACKET + b"".join(kept) + _CLOSED
    if len(new) + len(_END) > size:
        raise _unknown("its metadata has another form")
    out[begin : begin + size] = new + b" " * (size - len(new) - len(_END)) + _END
