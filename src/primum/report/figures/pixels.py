"""Pictures as pixels alone: small indexed PNGs that hold a palette and an image, and say nothing else.

A vector picture carries every number it draws with many digits; a picture that leaves the room is therefore pixels.
The renderer's PNG is unpacked, laid on white and written anew with at most 256 colours, so that no chunk of it but
those made here remains: header, resolution, palette, pixels, end.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from primum.errors import MissingExtraError, PrimumError

SCALE = 1.6
"""Pixels for each pixel of the page: 154 dots an inch on a screen, about 180 on the paper of the PDF."""
COLOURS = 256
_HEAD = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {2: 3, 6: 4}
Pixels = NDArray[np.uint8]


def pixels(svg: str, *, scale: float = SCALE) -> bytes:
    """Return an SVG as a PNG without any metadata.

    Parameters
    ----------
    svg
        The picture, its size in pixels in its first element.
    scale
        Pixels of the PNG for each pixel of the SVG.

    Raises
    ------
    MissingExtraError
        If vl-convert-python is not installed.
    PrimumError
        If the renderer's picture cannot be read, so that nobody could say what is in it.
    """
    try:
        import vl_convert
    except ImportError as cause:
        raise MissingExtraError("vl-convert-python", "report", "Drawing figures") from cause
    return bare(bytes(vl_convert.svg_to_png(svg, scale=scale)), dots=96 * scale)


def bare(png: bytes, *, dots: float = 96 * SCALE) -> bytes:
    """Return a PNG written anew from its pixels, on white, with `dots` an inch and no other word about itself."""
    colours, index = _palette(_opaque(_unpacked(png)))
    height, width = index.shape
    rows = np.zeros((height, width + 1), np.uint8)
    rows[:, 1:] = index
    metre = round(dots / 0.0254).to_bytes(4, "big")
    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    chunks = (
        (b"IHDR", size + b"\x08\x03\x00\x00\x00"),
        (b"pHYs", metre + metre + b"\x01"),
        (b"PLTE", colours.tobytes()),
        (b"IDAT", zlib.compress(rows.tobytes(), 7)),
        (b"IEND", b""),
    )
    return _HEAD + b"".join(_chunk(kind, body) for kind, body in chunks)


def size(png: bytes) -> tuple[int, int]:
    """Return width and height of a PNG in pixels."""
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")


def _unpacked(png: bytes) -> Pixels:
    """Return the pixels (height, width, channels) of an 8-bit true-colour PNG that is not interlaced."""
    width, height = size(png)
    depth, kind, _, _, interlaced = png[24:29]
    if not png.startswith(_HEAD) or depth != 8 or kind not in _CHANNELS or interlaced:
        raise _unreadable(f"colour type {kind} with {depth} bits")
    channels = _CHANNELS[kind]
    data, place = b"", len(_HEAD)
    while place + 8 <= len(png):
        length = int.from_bytes(png[place : place + 4], "big")
        if png[place + 4 : place + 8] == b"IDAT":
            data += png[place + 8 : place + 8 + length]
        place += length + 12
    rows = np.frombuffer(zlib.decompress(data), np.uint8).reshape(height, 1 + width * channels)
    kinds = rows[:, 0]
    if np.any(kinds > 2):
        raise _unreadable(f"row filter {int(kinds.max())}")
    plain = rows[:, 1:].reshape(height, width, channels)
    if np.all(kinds == 1):  # as the renderer writes them
        return np.cumsum(plain, axis=1, dtype=np.uint8)
    left = plain.copy()
    left[kinds == 1] = np.cumsum(left[kinds == 1], axis=1, dtype=np.uint8)
    for y in np.flatnonzero(kinds == 2):
        left[y] += left[y - 1] if y else np.uint8(0)
    return left


def _unreadable(what: str) -> PrimumError:
    return PrimumError(
        f"The renderer made a PNG that cannot be written anew ({what}).",
        expected="8 bits a channel, true colour, rows that are plain or differences to the left or to above",
        mend="install a version of vl-convert-python that this release of primum was tested with",
    )


def _opaque(picture: Pixels) -> NDArray[np.uint32]:
    """Return red + 256 green + 65536 blue of each pixel, what is transparent laid on white."""
    if picture.shape[2] == 4:
        together = np.ascontiguousarray(picture).view("<u4")[..., 0]
        if np.all(together >= 0xFF000000):
            return together & np.uint32(0xFFFFFF)
    colour = picture[..., :3].astype(np.uint32)
    if picture.shape[2] == 4:
        alpha = picture[..., 3:].astype(np.uint32)
        colour = (colour * alpha + 255 * (255 - alpha) + 127) // 255
    red, green, blue = (colour[..., i].astype(np.uint32) for i in range(3))
    return (blue << np.uint32(16)) | (green << np.uint32(8)) | red


def _palette(colour: NDArray[np.uint32]) -> tuple[Pixels, Pixels]:
    """Return at most 256 colours (colours, 3) and for each pixel the place of its colour, or of the nearest one."""
    flat = colour.ravel()
    starts = np.flatnonzero(np.concatenate(([True], flat[1:] != flat[:-1])))  # charts are long runs of one colour
    runs = np.diff(np.append(starts, flat.size))
    found, which = np.unique(flat[starts], return_inverse=True)
    number = np.bincount(which, weights=runs, minlength=found.size)
    kept = np.sort(np.argsort(-number, kind="stable")[:COLOURS])
    palette = _split(found[kept])
    nearest = np.array([_nearest(c, palette) for c in _split(found)], np.uint8)
    return palette.astype(np.uint8), np.repeat(nearest[which], runs).reshape(colour.shape)


def _split(colour: NDArray[np.uint32]) -> NDArray[np.int64]:
    return np.stack([(colour >> shift) & 255 for shift in (0, 8, 16)], axis=-1).astype(np.int64)


def _nearest(colour: NDArray[np.int64], palette: NDArray[np.int64]) -> Any:
    return np.argmin(((palette - colour) ** 2).sum(axis=1))
