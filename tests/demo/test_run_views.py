"""What is said and drawn of runs: state, course, film, comparison, curves."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dcgan_hub.demo.catalog.runs import RunShelf
from dcgan_hub.demo.run_views.details_html import details_of_two
from dcgan_hub.demo.run_views.playback import film_of, film_of_two, pair_at, plots_of
from dcgan_hub.demo.run_views.service import RunAnswers
from dcgan_hub.demo.run_views.sheets import side_by_side
from dcgan_hub.demo.run_views.timeline import best_of, course_of, speed_of, state_of, summary
from dcgan_hub.demo.tabs.runs import ALONE, add_runs_tab, generators_of, open_run, show_run
from dcgan_hub.errors import RunError, SettingsError
from dcgan_hub.images.grids import make_sheet, save_png
from dcgan_hub.runs.sheet_grid import sheet_grid
from dcgan_hub.runs.snapshot import Run
from dcgan_hub.runs.untrusted import Metrics

from .conftest import lay_out, make_generator, make_run


def a_run(name: str = "one", seconds_a_step: float = 0.1, steps: tuple[int, ...] = (0, 100, 200), **rest: Any) -> Run:
    """A run that reports every 50 steps."""
    rows = tuple(
        {"step": step, "seconds": step * seconds_a_step, "images_seen": step * 32, "g_loss": 1.0, "d_loss": 1.2,
         "images_per_second": 32 / seconds_a_step}
        for step in range(50, max(steps, default=0) + 1, 50)
    )  # fmt: skip
    record = {"state": "finished", "settings": {"training": {"batch_size": 32}}}
    return Run(**{"name": name, "title": name, "record": record, "metrics": Metrics(rows), "steps": steps} | rest)


@pytest.mark.parametrize(
    ("record", "silence", "kind", "words"),
    [
        ({}, 0, "damaged", "run.json cannot be read"),
        ({"state": "running"}, 10, "live", "Training now"),
        ({"state": "running"}, 170, "live", "Training now"),
        ({"state": "running"}, 7500, "silent", "No activity for 2.1 h"),
        ({"state": "finished", "reason": "the length asked for was reached"}, 1e6, "finished", "the length asked for"),
        ({"state": "failed", "reason": ""}, 0, "failed", "Failed"),
        ({"state": ["running"]}, 0, "damaged", "an unknown state"),
        ({"state": "<b>"}, 0, "damaged", "'<b>'"),
    ],
)
def test_the_state_of_a_run_is_judged_by_what_it_says_and_when_it_wrote(
    record: dict[str, Any], silence: float, kind: str, words: str
) -> None:
    state = state_of(a_run(record=record, changed_at=1000.0), now=1000.0 + silence)
    assert state.kind == kind
    assert words in state.words


def test_a_run_that_reports_seldom_may_be_silent_for_longer() -> None:
    seldom = Metrics(tuple({"step": step, "seconds": step * 10.0} for step in (100, 200, 300)))
    running = {"record": {"state": "running"}, "changed_at": 0.0}
    assert state_of(a_run(**running), now=3900).kind == "silent"
    assert state_of(a_run(metrics=seldom, **running), now=3900).kind == "live"


def test_speed_is_that_of_most_reports_and_quality_the_best() -> None:
    run = a_run()
    speeds = (5.0, 400.0, 401.0, 399.0)
    rows = tuple({"step": step, "images_per_second": speed} for step, speed in enumerate(speeds))
    measured = ({"step": 1, "kid": 0.3, "fid": 9}, {"step": 2, "kid": 0.1, "fid": 10}, {"step": 3, "kid": 0.2})
    run = a_run(metrics=Metrics(rows, measured))
    assert speed_of(run) == 400.0
    assert best_of(run) == {"name": "KID", "value": 0.1, "step": 2}
    assert best_of(a_run(metrics=Metrics((), ({"step": 3, "fid": 9.0},)))) == {"name": "FID", "value": 9.0, "step": 3}
    assert best_of(a_run()) is None


def test_a_summary_takes_what_the_newest_report_or_the_checkpoint_tells() -> None:
    run = a_run(
        steps=(0, 100), record=a_run().record | {"progress": {"step": 130, "images_seen": 4160, "seconds": 13.5}}
    )
    told = summary(run, now=0.0)
    assert (told["step"], told["images_seen"], told["seconds"], told["newest_sheet"]) == (130, 4160, 13.5, 100)
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def test_the_course_tells_starts_warnings_and_the_end() -> None:
    rows = [{"step": step, "seconds": step / 10, "images_seen": step, "g_loss": 1.0, "d_loss": 1.0,
             "real_accuracy": 0.8, "generated_accuracy": 0.8, "images_per_second": 100.0}
            for step in range(10, 210, 10)]  # fmt: skip
    del rows[3]["g_loss"]
    for row in rows[8:14]:
        row |= {"real_accuracy": 1.0, "generated_accuracy": 0.99}
    for row in rows[16:18]:
        row["images_per_second"] = 20.0
    record = {
        "state": "stopped", "reason": "SIGINT was received", "created": "2026-11-22T03:49:02+00:00",
        "started": "2026-11-22T04:49:02+00:00",
        "dataset": {"name": "faces", "count": 2000, "report": ["3 files are no images"]},
    }  # fmt: skip
    notes = course_of(a_run(record=record, metrics=Metrics(tuple(rows)), problems=("Something is torn.",)))
    told = [(note["when"], note["kind"]) for note in notes]
    assert told == [
        ("2026-11-22 03:49 UTC", "info"), ("", "info"), ("2026-11-22 04:49 UTC", "info"), ("step 10", "info"),
        ("step 40", "warning"), ("step 90", "warning"), ("step 170", "warning"), ("", "warning"), ("step 200", "info"),
    ]  # fmt: skip
    text = " ".join(note["words"] for note in notes)
    told_words = ["2,000 images of faces", "3 files are no images", "Resumed from", "a loss was missing"]
    told_words += ["nearly all images correctly", "Until step 140", "half of its usual speed", "torn"]
    told_words += ["SIGINT was received"]
    for words in told_words:
        assert words in text


def test_the_course_tells_what_the_doctor_found_and_how_it_was_healed() -> None:
    health = [
        {"name": "collapse", "step": 900, "since": 500, "words": "All images <b>look</b> alike.", "over": None},
        {"name": "explosion", "step": 300, "since": 200, "words": "The gradients explode.", "over": 400},
        {"name": "no step", "words": "x"}, "no object", {"step": 7, "words": ["no text"]},
    ]  # fmt: skip
    rollbacks = [
        {"at_step": 901, "back_to": 400, "finding": "collapse", "changes": {"learning_rate": [0.001, 0.0005]}},
        {"at_step": "x"}, None,
    ]  # fmt: skip
    rows = [
        {"step": 50 * i, "real_accuracy": 1.0, "generated_accuracy": 1.0, "g_loss": 1.0, "d_loss": 1.0}
        for i in range(1, 10)
    ]
    notes = course_of(a_run(record={"health": health, "healings": rollbacks}, metrics=Metrics(tuple(rows))))
    told = [(note["when"], note["kind"], note["words"]) for note in notes]
    assert told[1:4] == [
        ("step 300", "warning", "The gradients explode. (Until step 400.)"),
        ("step 900", "warning", "All images <b>look</b> alike."),
        ("step 901", "info", "Rolled back to step 400, and continued with learning_rate from 0.001 to 0.0005."),
    ]
    assert not any("nearly all images correctly" in words for _, _, words in told)  # the doctor knows better


def test_a_film_has_a_frame_for_each_sheet_with_its_time() -> None:
    frames = film_of(a_run(steps=(0, 75, 200)))
    assert [(frame["at"], frame["steps"]) for frame in frames] == [(0, [0]), (75, [75]), (200, [200])]
    assert frames[1]["label"] == "Step 75 · 8 s of training · 2,400 images seen"
    assert len(film_of(a_run(steps=tuple(range(5000))))) == 400
    assert film_of(a_run(steps=())) == []


def test_two_runs_side_by_side_at_equal_steps_or_equal_time() -> None:
    quick, slow = a_run("quick", 0.1, (0, 100, 200, 300)), a_run("slow", 0.2, (0, 50, 100, 150, 200))
    by_step = [frame["steps"] for frame in film_of_two(quick, slow, "steps")]
    assert by_step == [[0, 0], [0, 50], [100, 100], [100, 150], [200, 200]]  # the slow one ends there
    by_time = {frame["label"]: frame["steps"] for frame in film_of_two(quick, slow, "time")}
    assert by_time["After 20 s of training"] == [200, 100]
    assert [frame["at"] for frame in film_of_two(quick, slow, "time")] == [0, 10, 20, 30]
    assert list(by_time.values())[-1] == [300, 150]  # the quick one ends after 30 s
    assert pair_at(quick, slow, "time", "end")["steps"] == [300, 150]
    assert pair_at(quick, slow, "time", "20")["steps"] == pair_at(quick, slow, "time", 20)["steps"] == [200, 100]


@pytest.mark.parametrize(
    ("first", "second", "measure", "at", "words"),
    [
        (a_run(), a_run(), "age", "end", "`measure` must be one of steps, time"),
        (a_run(), a_run(), ["steps"], "end", "`measure` must be one of steps, time"),
        (a_run(), a_run(steps=()), "steps", "end", "without sample sheets"),
        (a_run(), a_run(metrics=Metrics()), "time", "end", "without reports with the training time"),
        (a_run(steps=(0, 100)), a_run(steps=(500, 600)), "steps", "end", "do not overlap"),
        (a_run(), a_run(), "steps", "201", "0 to 200; or end. Received: 201"),
        (a_run(), a_run(), "steps", "nan", "Received: nan"),
        (a_run(), a_run(), "steps", "1e999", "Received: 1e999"),
        (a_run(), a_run(), "steps", {"step": 1}, "Received: {'step': 1}"),
    ],
)
def test_what_cannot_be_compared_is_explained(first: Run, second: Run, measure: Any, at: Any, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        pair_at(first, second, measure, at)
    assert words in str(caught.value)


def test_curves_hold_what_was_reported_over_steps_or_time() -> None:
    one = a_run(metrics=Metrics(a_run().metrics.rows, ({"step": 100, "seconds": 10.0, "kid": 0.123456789},)))
    alone = plots_of([one])
    assert [plot["title"] for plot in alone["plots"]] == ["Losses", "KID", "Speed"]
    assert [curve["name"] for curve in alone["plots"][0]["curves"]] == ["generator", "discriminator"]
    assert alone["plots"][0]["curves"][1]["points"] == [[step, 1.2] for step in (50, 100, 150, 200)]
    assert alone["plots"][1]["curves"][0]["points"] == [[100, 0.12346]]

    both = plots_of([one, a_run("two", 0.2)], "time")
    names = [curve["name"] for curve in both["plots"][0]["curves"]]
    assert names == ["one: generator", "one: discriminator", "two: generator", "two: discriminator"]
    assert both["plots"][0]["curves"][2]["points"][-1] == [40.0, 1.0]
    assert both["axis"] == "seconds of training"
    with pytest.raises(SettingsError, match="`measure` must be"):
        plots_of([one], "age")


def test_of_two_runs_it_is_said_what_differs() -> None:
    settings = {"preset": "avatars-32", "training": {"batch_size": 64, "learning_rate": 0.0002}}
    other = a_run("other", record={"settings": settings, "dataset": {"name": "<i>faces"}})
    text = details_of_two(a_run(), other)
    assert "<th scope='row'>batch size</th><td>32</td><td>64</td>" in text
    assert "<th scope='row'>name</th><td>–</td><td>&lt;i&gt;faces</td>" in text
    assert "Data and settings are the same" in details_of_two(a_run("one"), a_run("two"))


def test_a_run_offers_its_generator_and_its_checkpoints(tmp_path: Path) -> None:
    run = make_run(tmp_path / "going")
    shelf = RunShelf(tmp_path)
    assert generators_of(shelf.open("going")) == []
    make_generator(1).save_pretrained(run.generator)
    for step in (500, 1000):
        run.checkpoint(step).mkdir(parents=True)
    assert [value for _, value in generators_of(shelf.open("going"))] == [
        "runs/going", "runs/going@step-00001000", "runs/going@step-00000500",
    ]  # fmt: skip
    assert shelf.checkpoint("going@step-00000500") == (tmp_path / "going", 500)
    for name in (
        "going",
        "going@step-00000700",
        "going@../../secret",
        "../going@step-00000500",
        "going@step-500",
        "@",
        "",
    ):
        assert shelf.checkpoint(name) is None


def test_opening_and_refreshing_a_run_fills_the_page(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_run(tmp_path / name)
    answers = RunAnswers(RunShelf(tmp_path))
    tab = lay_out(add_runs_tab, answers)
    shown = open_run(tab, answers, "one")
    assert set(shown) == set(tab.opened)
    assert (shown[tab.chosen], shown[tab.cards]) == ("one", {"chosen": "one"})
    assert [value for _, value in shown[tab.other].choices] == [ALONE, "two"]
    assert [frame["steps"] for frame in shown[tab.film]["frames"]] == [[0], [500], [1000]]

    shown = show_run(tab, answers, "one", "two", "steps")
    assert set(shown) == set(tab.shown)
    assert [run["run"] for run in shown[tab.film]["runs"]] == ["one", "two"]
    assert "What differs" in shown[tab.text]
    assert shown[tab.plots]["plots"][0]["curves"][1]["name"] == "two: generator"

    shown = show_run(tab, answers, "one", "two", "time")
    assert "without reports with the training time" in shown[tab.film]["problem"]
    for name, other in (("one", "gone"), ("gone", ALONE), ("../one", ALONE), (None, ALONE)):
        shown = show_run(tab, answers, name, other, "steps")
        assert set(shown) == {tab.title}  # the rest stays
        assert "The run below is not up to date." in shown[tab.title]


def test_a_time_lapse_leaves_damaged_sheets_out(tmp_path: Path) -> None:
    run = make_run(tmp_path / "torn")
    run.sample_file(500).write_bytes(b"torn")
    answers = RunAnswers(RunShelf(tmp_path))
    told: list[str] = []
    film = answers.save_film(tmp_path / "films", "torn", tell=told.append)
    assert told == ["1 of 3 frames of the time-lapse are left out: their sheets are damaged."]
    assert film.name == "torn-time-lapse.mp4" and film.stat().st_size > 500
    for step in (0, 1000):
        run.sample_file(step).write_bytes(b"")
    with pytest.raises(RunError, match="no readable one"):
        answers.save_film(tmp_path, "torn")
    for speed in (0, 31, "8", 2.5):
        with pytest.raises(SettingsError, match="`frames_per_second` must be a whole number from 1 to 30"):
            answers.save_film(tmp_path, "torn", frames_per_second=speed)


def test_sheets_side_by_side_are_equally_high_and_keep_their_pixels() -> None:
    random = np.random.RandomState(0)
    small, large = (random.randint(0, 255, (side, side, 3), dtype=np.uint8) for side in (10, 25))
    both = np.asarray(side_by_side([Image.fromarray(small), Image.fromarray(large)]))
    assert both.shape == (25, 20 + 8 + 25, 3)
    np.testing.assert_array_equal(both[2:22:2, :20:2], small)
    np.testing.assert_array_equal(both[:, 28:], large)
    with pytest.raises(RunError, match="at most 8,553,240 pixels"):
        side_by_side([Image.new("RGB", (15_000, 1)), Image.new("RGB", (1, 15_000))])


def test_the_life_of_an_image_is_cut_out_of_every_readable_sheet(tmp_path: Path) -> None:
    run = make_run(tmp_path / "one")
    random, grown = np.random.RandomState(0), {}
    for step in (0, 500, 1000):
        images = random.randint(0, 255, (64, 16, 32, 3), dtype=np.uint8)
        images[:] = images[:, :1, :1]  # of one color each, which WebP keeps
        grown[step] = images[13]
        save_png(make_sheet(images, columns=8, scale=1), run.sample_file(step))
    run.sample_file(500).write_bytes(b"torn")
    serve = RunAnswers(RunShelf(tmp_path)).sheet_cache.serve_life
    answer = serve({"run": "one", "cell": 13, "steps": [0, 500, 1000]})
    assert (answer["width"], answer["height"], answer["steps"]) == (64, 16, [0, 1000])
    with Image.open(io.BytesIO(base64.b64decode(answer["source"].partition(",")[2]))) as strip:
        shown = np.asarray(strip.convert("RGB"), int)
    for crop, step in zip(np.split(shown, 2, axis=1), (0, 1000), strict=True):
        np.testing.assert_allclose(crop[:, 2:-2], grown[step][:, 2:-2], atol=4)  # WebP blurs colors at an edge

    steps = [0, 1000]
    for asked, words in (
        ({"run": "one", "cell": 64, "steps": steps}, "`cell` must be a whole number from 0 to 63. Received: 64."),
        ({"run": "one", "cell": "1", "steps": steps}, "`cell` must be a whole number"),
        ({"run": "one", "cell": 1, "steps": []}, "`steps` must be a list of 1 to 48. Received: 0 steps."),
        ({"run": "one", "cell": 1, "steps": [0] * 5000}, "Received: 5,000 steps."),
        ({"run": "one", "cell": 1, "steps": "all"}, "Received: all."),
        ({"run": "one", "cell": 1, "steps": [7, {"a": 1}]}, "The run must have a sheet of this step. Received: step 7"),
        ({"run": "../secret", "cell": 1, "steps": steps}, "The run must be one of those on this machine"),
        ({"run": "one", "cell": 1, "steps": [500]}, "step-00000500.png, which is damaged"),
        (["one"], "The run must be one of those on this machine"),
    ):
        assert words in serve(asked)["problem"]
    save_png(np.zeros((20, 20, 3), np.uint8), run.sample_file(0))
    assert "at least 26 x 26 pixels. Received: 20 x 20." in serve({"run": "one", "cell": 1, "steps": [0]})["problem"]


def test_a_sheet_with_classes_has_a_row_for_each_and_the_page_finds_its_images(tmp_path: Path) -> None:
    """20 classes of images of 16 x 32 pixels have 20 rows; of 256 x 256 pixels, 8 rows are as many as a sheet has."""
    names = [f"kind {number}" for number in range(20)]
    settings = {"network": {"classes": 20, "image_size": [16, 32]}}
    run = make_run(tmp_path / "one", settings=settings, dataset={"class_names": names[:19]})
    grid = sheet_grid(20, (16, 32))
    assert (grid.rows, grid.seeds[8:16], grid.classes[-8:]) == (20, tuple(range(8)), (19,) * 8)
    assert grid.texts() == {"seeds": "0-7", "classes": ",".join(map(str, range(20)))}
    colors = np.random.RandomState(0).randint(0, 255, (160, 1, 1, 3), np.uint8) * np.ones((1, 16, 32, 1), np.uint8)
    save_png(make_sheet(colors, columns=8, scale=1), run.sample_file(0))

    answers = RunAnswers(RunShelf(tmp_path))
    answer = answers.sheet_cache.serve_life({"run": "one", "cell": 157, "steps": [0]})
    with Image.open(io.BytesIO(base64.b64decode(answer["source"].partition(",")[2]))) as crop:
        np.testing.assert_allclose(np.asarray(crop.convert("RGB"), int)[4:-4, 4:-4], colors[157][4:-4, 4:-4], atol=4)
    assert "from 0 to 159" in answers.sheet_cache.serve_life({"run": "one", "cell": 160, "steps": [0]})["problem"]
    thumbnail = answers.sheet_cache.fetch("one", 0, "thumbnail")
    assert (thumbnail.width, thumbnail.height) == (2 + 4 * 34, 2 + 4 * 18)
    cells = answers.film(RunShelf(tmp_path).open("one"), None, "steps")["runs"][0]["cells"]
    assert len(cells) == 160 and (cells[9], cells[157]) == ("Seed 1, kind 1", "Seed 5, class 19")

    assert sheet_grid(3, (64, 64)).classes[::8] == (0, 1, 2, 0, 1, 2) and sheet_grid(3, (64, 64)).seeds[24] == 8
    assert sheet_grid(20, (256, 256)).rows == 8 and sheet_grid(1000, (32, 32)).rows == 32
    assert sheet_grid(0, (64, 64)).seeds == tuple(range(64)) and sheet_grid(0, (64, 64)).texts() == {"seeds": "0-63"}


def test_sheets_of_two_runs_are_given_as_they_were_saved(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_run(tmp_path / name)
    answers = RunAnswers(RunShelf(tmp_path))
    first, second, line = answers.compare("one", "two", "steps", 700)
    assert line == "Step 700: step 500 and step 500"
    np.testing.assert_array_equal(np.asarray(first), np.asarray(second))
    _, line = answers.sample("one", 3)
    assert line == "Step 1,000 · sheet 3 of 3"
    with pytest.raises(SettingsError, match="`position` must be a whole number from 1 to 3"):
        answers.sample("one", 4)
