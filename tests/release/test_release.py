"""A release from start to end: what is in it, what is not, and that nothing is there when anything fails."""

from __future__ import annotations

import datetime as dt
import json
import re
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from primum.audit import audit
from primum.cli import app
from primum.disclose import containers
from primum.errors import PrimumError
from primum.execute.run import Run
from primum.release import release as module
from primum.release.bundle import verify
from primum.release.order import order
from primum.release.release import release

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from primum.release.release import Released
    from primum.usecase import UseCase

CANARIES: list[str | float] = [
    0.731905846, 0.118264539, 0.904417283, 0.266390571, 0.583027914,
    "1931-03-17", "1944-11-02", "1958-07-23", "1969-01-31", "1987-09-14",
    "Kiribati", "zq-label-7731", "Xanthe-ward", "rare-drug-QF12", "postcode-9999ZZ",
    "PT-00917364", "PT-00280175", "FAM-55019", "HOSP-8842", "VISIT-731204",
]  # fmt: skip
KEY = b"a secret of this project alone, thirty-two bytes"


@pytest.fixture(scope="module")
def planted(
    small_case: Callable[..., UseCase],
    people: Callable[..., pl.DataFrame],
    tmp_path_factory: pytest.TempPathFactory,
) -> Run:
    """Give an audit of people among whom twenty values were planted, each in one record (T24)."""
    n = 3000
    frame = people(n)
    rng = np.random.default_rng(24)
    score = frame["risk"].to_numpy().copy()
    region = frame["region"].to_list()
    ids = [f"P{i:06d}" for i in range(n)]
    home = [f"H{i // 2:06d}" for i in range(n)]
    seen = [f"20{10 + i % 10}-0{1 + i % 9}-1{i % 10}" for i in range(n)]
    for k, i in enumerate(rng.choice(n, 5, replace=False).tolist()):
        score[i], seen[i], region[i] = CANARIES[k], str(CANARIES[5 + k]), str(CANARIES[10 + k])
    ids[7], ids[11], home[13], ids[17], ids[19] = (str(c) for c in CANARIES[15:])
    frame = frame.with_columns(
        pl.Series("risk", score), pl.Series("region", region), pl.Series("id", ids), pl.Series("home", home),
        pl.Series("seen", seen),
    )  # fmt: skip
    case = small_case(identifiers={"person": "id", "family": "home"})
    return audit(case, data=frame, out=tmp_path_factory.mktemp("planted") / "run")


@pytest.fixture(scope="module")
def made(planted: Run, tmp_path_factory: pytest.TempPathFactory) -> Released:
    """Give its release under the rules of a bureau, with a key and a ledger."""
    room = tmp_path_factory.mktemp("room")
    (room / "key").write_bytes(KEY)
    wanted = order(planted, "cbs", name="first", ledger=room / "ledger.jsonl", key_file=room / "key")
    return release(planted, wanted, room / "out" / "first")


def test_the_folder_holds_all_that_a_reader_and_a_checker_need(made: Released) -> None:
    held = {p.relative_to(made.folder).as_posix() for p in made.folder.rglob("*") if p.is_file()}
    wanted = {
        "report.html", "report.pdf", "findings.json", "counts.json", "claims.json", "outputs.csv", "release.json",
        "public-log.json", "control-form.en.txt", "control-form.nl.txt", "n-behind-figures.csv",
        "pages/summary.en.html", "pages/summary.nl.html", "pages/model-card.html", "pages/datasheet.html",
        "paper/paper.docx", "paper/paper.tex", "paper/references.bib", "checklists/tripod-ai.csv",
    }  # fmt: skip
    assert wanted <= held
    assert not [name for name in held if name.endswith((".svg", ".tally", ".parquet", ".pkl", ".npz"))]
    described = pl.read_csv(made.folder / "outputs.csv")
    assert set(described["path"].to_list()) == held


def test_no_planted_record_is_found_anywhere(planted: Run, made: Released) -> None:
    assert containers.scan(planted.path / "chapters", ["Kiribati"]) != []  # inside it is there
    assert containers.scan([made.folder, made.zip], CANARIES) == []


def test_nothing_active_and_no_vector_graphics_leave(made: Released) -> None:
    assert [h for h in containers.forbidden(made.folder) if h.level == "fail"] == []
    page = (made.folder / "report.html").read_text(encoding="utf-8")
    for there in ("<svg", "<script src", "plotly", "vega", "<!--"):
        assert there not in page.lower()
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", page)


def test_the_zip_holds_the_same_files_and_no_times(made: Released) -> None:
    with zipfile.ZipFile(made.zip) as archive:
        held = {i.filename: i.file_size for i in archive.infolist()}
        assert {i.date_time for i in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert held == {
        p.relative_to(made.folder).as_posix(): p.stat().st_size for p in made.folder.rglob("*") if p.is_file()
    }


def test_every_count_is_large_enough_or_nobody(made: Released) -> None:
    counts = json.loads((made.folder / "counts.json").read_text(encoding="utf-8"))
    assert counts["t"] == 10
    small = [r for r in counts["counts"] if 0 < r["count"] < 10]
    assert small == []
    assert counts["attributes"]["region"]["unnamed"] is True
    assert "Kiribati" not in json.dumps(counts)


def test_a_small_group_reads_inconclusive_suppressed(made: Released) -> None:
    found = json.loads((made.folder / "findings.json").read_text(encoding="utf-8"))["findings"]
    gone = [f for f in found if f["verdict"] == "suppressed"]
    assert gone
    assert all(f["value"] is None for f in gone)
    assert "inconclusive (suppressed)" in (made.folder / "report.html").read_text(encoding="utf-8")


def test_an_edited_release_shows(made: Released, tmp_path: Path) -> None:
    import shutil

    assert verify(made.folder, KEY)
    copy = tmp_path / "copy"
    shutil.copytree(made.folder, copy)
    page = copy / "pages" / "summary.en.html"
    page.write_text(page.read_text(encoding="utf-8").replace("1", "2", 1), encoding="utf-8")
    with pytest.raises(PrimumError, match=r"summary\.en\.html"):
        verify(copy, KEY)


def test_a_second_release_after_three_withdrawals_is_refused(
    planted: Run,
    made: Released,
    small_case: Callable[..., UseCase],
    people: Callable[..., pl.DataFrame],
    tmp_path: Path,
) -> None:
    frame = people(3000)
    again = audit(small_case(identifiers={"person": "id"}), data=frame.filter(pl.col("id") > 3), out=tmp_path / "again")
    wanted = order(again, "uk_biobank", name="second", earlier=[made.folder])
    with pytest.raises(PrimumError, match="The attack on this release succeeded"):
        release(again, wanted, tmp_path / "second", pdf=False)
    assert not (tmp_path / "second").exists()
    assert list(tmp_path.glob("*.zip")) == []
    assert list(tmp_path.glob(".*")) == []


def test_the_same_name_twice_is_refused(planted: Run, made: Released, tmp_path: Path) -> None:
    room = made.folder.parent.parent
    wanted = order(planted, "cbs", name="first", ledger=room / "ledger.jsonl", key_file=room / "key")
    with pytest.raises(PrimumError, match="already"):
        release(planted, wanted, made.folder)
    with pytest.raises(PrimumError, match="already holds an export 'first'"):
        release(planted, wanted, tmp_path / "other", pdf=False)
    assert not (tmp_path / "other").exists()


def test_a_clock_that_runs_backwards_is_refused(planted: Run, made: Released, tmp_path: Path) -> None:
    room = made.folder.parent.parent
    ledger = tmp_path / "ledger.jsonl"
    line = json.loads((room / "ledger.jsonl").read_text(encoding="utf-8").splitlines()[0])
    line["time"] = (dt.datetime.now(dt.UTC) + dt.timedelta(days=2)).isoformat(timespec="seconds")
    ledger.write_text(json.dumps(line) + "\n", encoding="utf-8")
    wanted = order(planted, "cbs", name="later", ledger=ledger, key_file=room / "key")
    with pytest.raises(PrimumError):
        release(planted, wanted, tmp_path / "later", pdf=False)
    assert not (tmp_path / "later").exists()


def test_an_attack_that_succeeds_leaves_nothing(planted: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = module._written

    def leaking(new: Any, counts: Any, folder: Path, *, pdf: bool) -> None:
        honest(new, counts, folder, pdf=pdf)
        page = folder / "report.html"
        text = page.read_text(encoding="utf-8")
        page.write_text(
            text.replace("</body>", "<p>Among them were 7 people from the east.</p></body>"), encoding="utf-8"
        )

    monkeypatch.setattr(module, "_written", leaking)
    wanted = order(planted, "uk_biobank")
    with pytest.raises(PrimumError, match="succeeded"):
        release(planted, wanted, tmp_path / "leak", pdf=False)
    assert not (tmp_path / "leak").exists()


def test_a_run_out_of_time_is_a_success_of_the_attacker(planted: Run, tmp_path: Path) -> None:
    with pytest.raises(PrimumError, match="succeeded"):
        release(planted, order(planted, "uk_biobank", audit_time_limit=1e-6), tmp_path / "late", pdf=False)
    assert not (tmp_path / "late").exists()


def test_the_private_log_stays_in_the_room(planted: Run, made: Released) -> None:
    lines = (planted.path / "private-log.jsonl").read_text(encoding="utf-8").splitlines()
    first = json.loads(lines[0])
    assert first["name"] == "first"
    assert first["withheld"]
    assert not list(made.folder.rglob("private*"))
    public = json.loads((made.folder / "public-log.json").read_text(encoding="utf-8"))
    assert "where" not in json.dumps(public["withheld"])


def test_the_command(planted: Run, tmp_path: Path) -> None:
    out = tmp_path / "release"
    done = CliRunner().invoke(
        app, ["release", str(planted.path), "--preset", "opensafely", "--out", str(out), "--no-pdf"]
    )
    assert done.exit_code == 0, done.output
    assert f"release:  {out}" in done.output
    assert "none was pinned" in done.output
    assert (out / "report.html").is_file()
    again = CliRunner().invoke(app, ["attack", str(out)])  # with the papers, which were written after the first attack
    assert again.exit_code == 0, again.output
    assert "nothing was pinned" in again.output
    wrong = CliRunner().invoke(app, ["release", str(planted.path), "--preset", "cbss", "--out", str(tmp_path / "x")])
    assert wrong.exit_code == 2
    assert "cbs" in wrong.output
    assert not (tmp_path / "x").exists()
    twice = CliRunner().invoke(app, ["release", str(out), "--preset", "cbs"])
    assert twice.exit_code == 2


def test_neither_log_nor_report_tells_how_much_is_withheld(made: Released) -> None:
    public = json.loads((made.folder / "public-log.json").read_text(encoding="utf-8"))
    assert set(public["withheld"].values()) <= {"some", "0"}
    page = (made.folder / "report.html").read_text(encoding="utf-8")
    assert "Still assessable" not in page


def test_a_folder_within_that_of_the_audit_is_refused(planted: Run) -> None:
    with pytest.raises(PrimumError, match="lies in the folder of the audit"):
        release(planted, order(planted, "uk_biobank"), planted.path / "out")


def test_a_viewer_of_another_bureau_gets_its_list_with_who_answers(planted: Run, tmp_path: Path) -> None:
    reason = "R1 institutions: the people were drawn from no institution"
    wanted = order(planted, "ons_sdap", exceptions=[reason], by="A. Nurse")
    made = release(planted, wanted, tmp_path / "ons", pdf=False)
    listed = json.loads((made.folder / "results.json").read_text(encoding="utf-8"))
    assert "A. Nurse" in json.dumps(listed)
    assert "A. Nurse" in (made.folder / "control-form.en.txt").read_text(encoding="utf-8")
    assert "A. Nurse" not in (made.folder / "report.html").read_text(encoding="utf-8")
