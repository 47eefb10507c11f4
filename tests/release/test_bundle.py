"""The bundle: the same bytes every time, nothing but what may leave, and an edited release is named file by file."""

from __future__ import annotations

import json
import os
import shutil
import time
import zipfile

import pytest

from primum.errors import PrimumError
from primum.release import bundle as b

KEY, OTHER = b"0123456789abcdef", b"fedcba9876543210"
FILES = {
    "report.html": b"<p>report</p>",
    "counts.json": b"{}",
    "tables/groups.csv": b"group,n\r\nF,57\r\n",
    "figures/roc.png": b"\x89PNG\r\n\x1a\n",
    "pages/summary.nl.html": b"<p>samenvatting</p>",
}


@pytest.fixture
def folder(tmp_path):
    """A release, sealed with a key."""
    return sealed(write(tmp_path / "released"), KEY)


def write(root):
    for path, content in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return root


def sealed(root, key):
    content = b.signed({"format": "primum release 1", "policy": "preset cbs", "files": b.seal(root, key)}, key)
    (root / b.RELEASE).write_text(json.dumps(content))
    return root


def edit_release(root, **changes):
    file = root / b.RELEASE
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


# seals ----------------------------------------------------------------------------------------------------------------


def test_a_release_as_it_was_made_is_verified(folder):
    assert b.verify(folder, KEY) == b.KEYED
    assert b.verify(folder) == b.NAMES


def test_the_seal_is_the_formula(folder):
    import hashlib
    import hmac

    right = hmac.new(KEY, b"report.html\x00<p>report</p>", hashlib.sha256).hexdigest()
    assert b.seal(folder, KEY)["report.html"] == right


def test_the_seal_is_no_hash_of_the_content(folder):
    import hashlib

    seals = b.seal(folder, KEY)
    plain = {hashlib.sha256(content).hexdigest() for content in FILES.values()}
    assert not plain & set(seals.values())
    assert seals != b.seal(folder, OTHER)
    assert set(seals) == set(FILES)


def test_two_files_alike_have_two_seals(folder):
    (folder / "again.html").write_bytes(FILES["report.html"])
    seals = b.seal(folder, KEY)
    assert seals["again.html"] != seals["report.html"]


@pytest.mark.parametrize("path", sorted(FILES))
def test_an_edited_file_is_named(folder, path):
    content = bytearray((folder / path).read_bytes())
    content[0] ^= 1  # the same size
    (folder / path).write_bytes(bytes(content))
    with pytest.raises(PrimumError, match=rf"not as it was made\. Edited: {path}\.") as told:
        b.verify(folder, KEY)
    assert "make the release again" in str(told.value)


def test_missing_and_added_files_are_named(folder):
    (folder / "report.html").rename(folder / "report2.html")
    for key in (KEY, None):
        with pytest.raises(PrimumError, match=r"Missing: report\.html; added: report2\.html"):
            b.verify(folder, key)


def test_swapped_files_are_edited_files(folder):
    one, two = folder / "report.html", folder / "counts.json"
    a, c = one.read_bytes(), two.read_bytes()
    one.write_bytes(c)
    two.write_bytes(a)
    with pytest.raises(PrimumError, match=r"Edited: counts\.json, report\.html"):
        b.verify(folder, KEY)


def test_an_edited_release_json_is_found(folder):
    edit_release(folder, policy="preset cbs, t 3")
    with pytest.raises(PrimumError, match=r"release\.json of .* was edited"):
        b.verify(folder, KEY)


def test_a_seal_that_was_taken_out_is_found(folder):
    edit_release(folder, seal=None)
    with pytest.raises(PrimumError, match=r"release\.json of .* was edited"):
        b.verify(folder, KEY)


def test_sizes_put_in_the_place_of_seals_are_found(folder):
    (folder / "report.html").write_bytes(b"something else")
    sizes = b.seal(folder)
    edit_release(folder, files=sizes)
    with pytest.raises(PrimumError, match="was sealed without a key"):
        b.verify(folder, KEY)
    half = json.loads((folder / b.RELEASE).read_text())["files"] | {"counts.json": b.seal(folder, KEY)["counts.json"]}
    edit_release(folder, files=half)
    with pytest.raises(PrimumError, match="was edited"):
        b.verify(folder, KEY)


def test_another_key_is_not_taken_for_edited_files(folder):
    with pytest.raises(PrimumError, match="were not made with this key"):
        b.verify(folder, OTHER)


def test_without_a_key_only_sizes_are_kept_and_it_says_so(tmp_path):
    root = sealed(write(tmp_path / "released"), None)
    assert b.seal(root)["report.html"] == len(FILES["report.html"])
    assert b.verify(root) == b.SIZES
    assert "equal length does not show" in b.SIZES
    (root / "report.html").write_bytes(b"<p>retort</p>")
    assert b.verify(root) == b.SIZES  # the weakness that the words tell
    (root / "report.html").write_bytes(b"<p>reports</p>")
    with pytest.raises(PrimumError, match=r"Edited: report\.html"):
        b.verify(root)


def test_a_seal_that_is_no_seal_is_an_edit(folder):
    files = json.loads((folder / b.RELEASE).read_text())["files"] | {"report.html": "abc"}
    edit_release(folder, files=files)
    with pytest.raises(PrimumError, match=r"Edited: report\.html"):
        b.verify(folder)


@pytest.mark.parametrize("text", ["", "[]", "{", None])
def test_a_release_without_its_paper_is_refused(folder, text):
    if text is None:
        (folder / b.RELEASE).unlink()
    else:
        (folder / b.RELEASE).write_text(text)
    with pytest.raises(PrimumError, match=r"no readable release\.json"):
        b.verify(folder, KEY)


def test_a_release_that_lists_nothing_is_refused(folder):
    edit_release(folder, files={})
    with pytest.raises(PrimumError, match="does not list the files"):
        b.verify(folder, KEY)


def test_a_short_key_is_refused(folder):
    for call in (b.seal, b.verify):
        with pytest.raises(PrimumError, match="The key has 5 bytes"):
            call(folder, b"short")
    assert b.seal(folder, b"") == b.seal(folder)


def test_checksums_are_keyed_and_lie_flat(folder):
    seals = b.seal(folder, KEY)
    assert b.checksums(seals)["checksums/tables-groups.csv.txt"] == seals["tables/groups.csv"]
    assert b.checksums(b.seal(folder)) == {}


# the zip --------------------------------------------------------------------------------------------------------------


def test_the_same_files_give_the_same_bytes(folder, tmp_path):
    first = b.bundle(folder, tmp_path / "first.zip").read_bytes()
    other = tmp_path / "elsewhere"
    for path in sorted(FILES, reverse=True):
        (other / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / path, other / path)
    shutil.copyfile(folder / b.RELEASE, other / b.RELEASE)
    os.utime(other / "report.html", (time.time() - 1e6,) * 2)
    (other / "report.html").chmod(0o600)
    assert b.bundle(other, tmp_path / "second.zip").read_bytes() == first


def test_members_tell_nothing_of_who_and_when(folder, tmp_path):
    with zipfile.ZipFile(b.bundle(folder, tmp_path / "out.zip")) as archive:
        infos = archive.infolist()
        assert archive.comment == b""
        assert archive.testzip() is None
        assert {i.filename: archive.read(i) for i in infos if i.filename != b.RELEASE} == FILES
    assert [i.filename for i in infos] == sorted([*FILES, b.RELEASE])
    assert {(i.date_time, i.external_attr, i.extra, i.comment, i.create_system) for i in infos} == {
        ((1980, 1, 1, 0, 0, 0), 0o100644 << 16, b"", b"", 3)
    }


def test_an_unpacked_bundle_is_verified(folder, tmp_path):
    with zipfile.ZipFile(b.bundle(folder, tmp_path / "out.zip")) as archive:
        archive.extractall(tmp_path / "unpacked")
    assert b.verify(tmp_path / "unpacked", KEY) == b.KEYED


def test_links_are_refused(folder, tmp_path):
    (tmp_path / "secret.csv").write_text("id\n")
    for name, target in (("tables/linked.csv", tmp_path / "secret.csv"), ("more", tmp_path)):
        (folder / name).symlink_to(target)
        with pytest.raises(PrimumError, match=f"'{name}' in the release is a link"):
            b.bundle(folder, tmp_path / "out.zip")
        (folder / name).unlink()
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(PrimumError, match="not the folder of a release"):
        b.bundle(tmp_path / "link", tmp_path / "out.zip")
    assert not (tmp_path / "out.zip").exists()


@pytest.mark.parametrize("name", ["figure.svg", "model.pkl", "rows.parquet", "work.ipynb", "README", "a.tally"])
def test_kinds_that_do_not_leave_are_refused(folder, tmp_path, name):
    (folder / name).write_bytes(b"")
    with pytest.raises(PrimumError, match=f"'{name}' is of a kind that does not leave"):
        b.bundle(folder, tmp_path / "out.zip")
    assert not (tmp_path / "out.zip").exists()


@pytest.mark.parametrize("name", [".hidden.csv", "groups (F).csv", "café.csv", "nul.csv", "a\\b.csv", "end."])
def test_names_that_not_every_system_takes_are_refused(folder, tmp_path, name):
    (folder / name).write_bytes(b"")
    with pytest.raises(PrimumError, match="not one that every system takes"):
        b.bundle(folder, tmp_path / "out.zip")


def test_names_that_differ_in_capitals_are_refused(folder, tmp_path):
    (folder / "Report.html").write_bytes(b"")
    with pytest.raises(PrimumError, match="differ in capital letters only"):
        b.bundle(folder, tmp_path / "out.zip")


def test_a_pipe_is_no_file(folder):
    os.mkfifo(folder / "pipe.csv")
    with pytest.raises(PrimumError, match="no plain file"):
        b.members(folder)


def test_an_empty_release_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(PrimumError, match="holds no files"):
        b.members(tmp_path / "empty")
    with pytest.raises(PrimumError, match="not the folder"):
        b.members(tmp_path / "none")


def test_a_bundle_lies_outside_and_replaces_nothing(folder, tmp_path):
    with pytest.raises(PrimumError, match="no place for the bundle"):
        b.bundle(folder, folder / "out.zip")
    with pytest.raises(PrimumError, match="no place for the bundle"):
        b.bundle(folder, tmp_path / "out.tar")
    (tmp_path / "out.zip").write_bytes(b"earlier")
    with pytest.raises(PrimumError, match="is there already"):
        b.bundle(folder, tmp_path / "out.zip")
    assert (tmp_path / "out.zip").read_bytes() == b"earlier"


def test_nothing_half_written_is_left(folder, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PrimumError, match="could not be written"):
        b.bundle(folder, tmp_path / "out.zip")
    assert [p.name for p in tmp_path.iterdir()] == ["released"]


def test_small_outputs_of_cbs_get_their_prefix(folder):
    assert b.light(folder)
    assert b.archive_path(folder, "cbs", small=True).name == "LIGHT_released.zip"
    assert b.archive_path(folder, "ons_sdap", small=True).name == "released.zip"
    assert b.archive_path(folder, "cbs").name == "released.zip"
    (folder / "report.pdf").write_bytes(bytes(b.LIGHT_BYTES))
    assert not b.light(folder)


def test_many_small_files_are_no_small_output(folder):
    for i in range(b.LIGHT_FILES):
        (folder / f"table-{i}.csv").write_bytes(b"n")
    assert not b.light(folder)


def test_a_name_for_the_bundle_that_is_none(tmp_path):
    with pytest.raises(PrimumError, match="no name for a bundle"):
        b.archive_path(tmp_path / "cbs: 2026", "cbs")
