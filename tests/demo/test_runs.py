"""Reading of run directories whose content cannot be trusted."""

import io
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dcgan_hub.demo.catalog.models import ModelRegistry
from dcgan_hub.demo.catalog.runs import RunShelf
from dcgan_hub.demo.run_views.details_html import details, details_of_two, heading
from dcgan_hub.demo.run_views.service import RunAnswers
from dcgan_hub.errors import BundleError, RunError
from dcgan_hub.runs.untrusted import MAX_ROWS, decode_picture, lost_a_loss

from .conftest import HOSTILE, make_generator, make_run

BAD_NAMES = (
    "../secret", "learning/../../secret", "%2e%2e/secret", "..%2fsecret", "/etc", "", ".", "..", "tiny/generator",
    "tiny/", "linked", "x" * 10_000, HOSTILE, "tiny\x00", "\udcff", "C:\\", "file:///etc/passwd", None, 7, ["tiny"],
    {"run": "tiny"},
)  # fmt: skip


def test_runs_are_listed_newest_first_and_links_to_elsewhere_are_not(runs: Path) -> None:
    (runs / "no run").mkdir(exist_ok=True)
    assert RunShelf(runs).names() == ["tiny", "learning"]
    assert RunShelf(runs / "missing").names() == []


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_is_none_of_the_runs_is_refused_with_a_sentence(runs: Path, name: object) -> None:
    with pytest.raises(RunError, match="The run must be one of those on this machine") as caught:
        RunShelf(runs).open(name)
    assert len(str(caught.value)) < 400


def test_a_folder_whose_name_is_no_text_is_left_out(tmp_path: Path) -> None:
    make_run(tmp_path / "plain")
    shutil.copytree(tmp_path / "plain", os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    assert RunShelf(tmp_path).names() == ["plain"]


def test_a_run_is_read_as_far_as_it_is_written(runs: Path) -> None:
    run = RunShelf(runs).open("learning")
    assert run.steps == (0, 500, 1000)
    assert run.metrics.rows == ({"step": 500, "g_loss": 0.75},)  # the next line is half written
    assert run.record["state"] == "running"
    assert run.problems == ()


def test_a_run_that_goes_on_is_read_anew(tmp_path: Path) -> None:
    run = make_run(tmp_path / "going")
    shelf = RunShelf(tmp_path)
    assert shelf.open("going") is shelf.open("going")
    with run.metrics_file.open("a") as file:
        file.write('ss": 0.5}\n')
    assert [row["step"] for row in shelf.open("going").metrics.rows] == [500, 1000]


def test_a_run_that_goes_away_is_said_to_be_gone(tmp_path: Path) -> None:
    run = make_run(tmp_path / "brief")
    answers = RunAnswers(RunShelf(tmp_path))
    assert [entry["run"] for entry in answers.describe_all()] == ["brief"]
    shutil.rmtree(run.path)
    assert answers.describe_all() == []
    with pytest.raises(RunError, match="There are: none"):
        answers.describe("brief")
    assert "must be one of those" in answers.sheet_cache.serve({"run": "brief", "step": 500})["problem"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 100_000, b'{"a": ' + b" " * 2_000_000 + b"1}"]
)
def test_a_damaged_record_is_said_to_be_damaged(tmp_path: Path, content: bytes) -> None:
    make_run(tmp_path / "hurt").record_file.write_bytes(content)
    answers = RunAnswers(RunShelf(tmp_path))
    told = answers.describe("hurt")
    assert told["state"] == "damaged"
    assert "run.json" in told["problems"][0]
    assert told["steps"] == [0, 500, 1000]  # what is whole is shown
    assert "run.json cannot be read" in heading(answers.shelf.open("hurt"), "?run=hurt")


def test_damaged_lines_of_metrics_are_counted_and_left_out(tmp_path: Path) -> None:
    run = make_run(tmp_path / "hurt")
    lines = ['{"step": 1, "g_loss": 1.5}', "nonsense", '{"step": "two"}', '{"step": -3}', '{"step": 4, "g_loss": NaN}']
    lines += ['{"step": 5, "g_loss": "<b>", "fid": 12}', '{"step": 99999999999999999999}', "[" * 5000, "x" * 20_000]
    run.metrics_file.write_text("\n".join(lines) + "\n")
    view = RunShelf(tmp_path).open("hurt")
    assert view.metrics.rows == ({"step": 1, "g_loss": 1.5}, {"step": 4}, {"step": 5, "fid": 12})
    assert view.metrics.measured == ({"step": 5, "fid": 12},)
    assert view.problems == ("6 lines of metrics.jsonl are damaged and left out.",)


def test_a_look_for_copies_alone_is_no_report_without_losses(tmp_path: Path) -> None:
    run = make_run(tmp_path / "few-images")
    rows = [{"step": 50, "g_loss": 1.0, "d_loss": 1.0}, {"step": 75, "near_copies": 0.1, "near_copies_of_real": 0.0}]
    run.metrics_file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    view = RunShelf(tmp_path).open("few-images")
    assert [lost_a_loss(row) for row in view.metrics.rows] == [False, False]
    assert [row["near_copies"] for row in view.metrics.measured] == [0.1]


def test_of_very_many_reports_few_are_kept_but_quality_and_lost_losses(tmp_path: Path) -> None:
    run = make_run(tmp_path / "long")
    rows = [{"step": step, "g_loss": 1.0, "d_loss": 1.0} for step in range(1, 5001)]
    rows[1234] |= {"kid": 0.5}
    rows[2345]["g_loss"] = None
    run.metrics_file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    metrics = RunShelf(tmp_path).open("long").metrics
    assert len(metrics.rows) <= MAX_ROWS
    assert [metrics.rows[0]["step"], metrics.rows[-1]["step"]] == [1, 5000]
    assert {"step": 2346, "d_loss": 1.0} in metrics.rows
    assert [row["step"] for row in metrics.measured] == [1235]


def test_a_record_is_made_plain(tmp_path: Path) -> None:
    """What no browser can take, and where things lie on the server, do not leave it."""
    run = make_run(tmp_path / "odd")
    record = json.loads(run.record_file.read_text())
    record["settings"]["data"]["data"] = "/data/anna/pictures of me/faces"
    record["settings"]["training"]["seed"] = 10**400
    record["reason"] = "Received: [Errno 28] '/srv/runs/odd/samples/step-1.png'. Make room."
    record["dataset"] = {"name": "\udcff" * 300, "count": float("inf"), "report": ["1 file: ~/faces/a.png"]}
    record["state"] = "failed"
    run.record_file.write_text(json.dumps(record))
    told = RunAnswers(RunShelf(tmp_path)).describe("odd")
    sent = json.dumps(told, allow_nan=False).encode()
    for secret in (b"anna", b"/srv", b"~/", b"0000000000"):
        assert secret not in sent
    assert told["settings"]["data"]["data"] == "faces"
    assert told["images"] is None
    assert "Make room." in told["words"]


def test_texts_of_a_run_are_escaped(tmp_path: Path) -> None:
    settings = {HOSTILE: {HOSTILE: HOSTILE}, "data": {"data": HOSTILE}, "training": {HOSTILE[:30]: "{{x}} ${alert(1)}"}}
    dataset = {"name": HOSTILE, "report": [HOSTILE], "fingerprint": HOSTILE}
    make_run(tmp_path / "bad", state="stopped", reason=HOSTILE, settings=settings, dataset=dataset)
    make_run(tmp_path / "<b>")
    shelf = RunShelf(tmp_path)
    bad, bold = shelf.open("bad"), shelf.open("<b>")
    for text in (heading(bad, "?run=<b>"), details(bad), details_of_two(bad, bold), heading(bold, "'><script>")):
        assert "&lt;" in text
        assert "<script" not in text
        assert "<img" not in text
        assert "<b>" not in text
        assert "${" not in text


def test_pictures_outside_of_the_run_are_not_read(tmp_path: Path) -> None:
    run = make_run(tmp_path / "runs" / "sly")
    Image.new("RGB", (4, 4)).save(tmp_path / "private.png")
    run.sample_file(2000).symlink_to(tmp_path / "private.png")
    os.mkfifo(run.sample_file(3000))
    answers = RunAnswers(RunShelf(tmp_path / "runs"))
    for step in (2000, 3000):
        assert "not a regular file, or a link" in answers.sheet_cache.serve({"run": "sly", "step": step})["problem"]
    shutil.rmtree(run.samples)
    run.samples.symlink_to(tmp_path)
    assert RunShelf(tmp_path / "runs").open("sly").steps == ()


def test_a_record_that_is_a_link_or_a_pipe_is_not_read(tmp_path: Path) -> None:
    secret = make_run(tmp_path / "secret", state="finished")
    for name in ("link", "pipe"):
        run = make_run(tmp_path / "runs" / name)
        run.record_file.unlink()
        run.metrics_file.unlink()
        run.record_file.symlink_to(secret.record_file) if name == "link" else os.mkfifo(run.record_file)
        run.metrics_file.symlink_to(secret.metrics_file)
        told = RunAnswers(RunShelf(tmp_path / "runs")).describe(name)
        assert told["state"] == "damaged"
        assert told["metrics"] == []
        assert len(told["problems"]) == 2


def test_only_whole_png_files_of_a_sane_size_are_shown(tmp_path: Path) -> None:
    picture = Image.fromarray(np.zeros((4, 4, 3), np.uint8))
    picture.save(tmp_path / "good.png")
    good = (tmp_path / "good.png").read_bytes()
    assert decode_picture(good, "good.png").size == (4, 4)
    picture.save(tmp_path / "other.png", format="GIF")
    Image.new("1", (5000, 4000)).save(tmp_path / "large.png")
    for content, words in (
        (good[:40], "damaged"),
        ((tmp_path / "other.png").read_bytes(), "damaged"),
        ((tmp_path / "large.png").read_bytes(), "4,268,356 pixels"),
    ):
        with pytest.raises(RunError, match=words):
            decode_picture(content, "a.png")


@pytest.mark.parametrize(
    "asked",
    [None, 7, [], {}, {"run": "tiny"}, {"run": "tiny", "step": "500"}, {"run": "tiny", "step": 501},
     {"run": "tiny", "step": 1e300}, {"run": "tiny", "step": True}, {"run": "tiny", "step": 500, "kind": "../film"},
     {"run": ["tiny"], "step": 500}, {"run": "../secret", "step": 0}],
)  # fmt: skip
def test_whatever_the_page_asks_for_wrongly_is_answered_with_a_sentence(runs: Path, asked: object) -> None:
    answers = RunAnswers(RunShelf(runs))
    assert set(answers.sheet_cache.serve(asked)) == {"problem"}
    assert answers.index.look(asked)["runs"]


def test_nothing_is_sent_again_while_nothing_changes(tmp_path: Path) -> None:
    run = make_run(tmp_path / "going")
    index = RunAnswers(RunShelf(tmp_path)).index
    first = index.look({})
    assert first["live"]
    again = index.look({"known": first["known"]})
    assert again["runs"] is None
    with run.metrics_file.open("a") as file:
        file.write('ss": 0.5}\n')
    changed = index.look({"known": first["known"]})
    assert changed["runs"][0]["step"] == 1000


def test_sheets_are_encoded_again_and_kept(tmp_path: Path) -> None:
    sheet = make_run(tmp_path / "sly").sample_file(500)
    picture = Image.fromarray(np.random.RandomState(0).randint(0, 256, (40, 30, 3), np.uint8))
    picture.save(sheet, icc_profile=b"smuggled profile", exif=b"smuggled exif")
    sheet.write_bytes(sheet.read_bytes() + b"smuggled after the end")
    sheet_cache = RunAnswers(RunShelf(tmp_path)).sheet_cache
    for kind, media_type in (("film", "image/webp"), ("thumbnail", "image/webp"), ("exact", "image/png")):
        encoded = sheet_cache.fetch("sly", 500, kind)
        assert encoded is sheet_cache.fetch("sly", 500, kind)
        assert (encoded.media_type, encoded.width, encoded.height) == (media_type, 30, 40)
        assert b"smuggled" not in encoded.content
        with Image.open(io.BytesIO(encoded.content)) as served:
            assert not {"icc_profile", "exif"} & set(served.info)
    np.testing.assert_array_equal(np.asarray(decode_picture(encoded.content, "")), np.asarray(picture))


def test_a_run_that_goes_on_shows_its_new_generator(tmp_path: Path) -> None:
    bundle = make_run(tmp_path / "going").generator
    registry = ModelRegistry(RunShelf(tmp_path))
    with pytest.raises(BundleError, match="The model must be"):
        registry.load("runs/going")

    for seed in (1, 2):
        saved = make_generator(seed)
        saved.save_pretrained(bundle)
        loaded = registry.load("runs/going")
        assert registry.load("runs/going") is loaded
        np.testing.assert_array_equal(loaded.generate([5]), saved.generate([5]))
