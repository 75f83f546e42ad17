"""The Training runs tab in a real browser: cards that follow a run, the film, two runs, plots, and hostile texts."""

import base64
import io
import shutil
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import JSHandle, Page

from dcgan_hub.images.grids import make_sheet, save_png
from dcgan_hub.runs.directory import RunDirectory

from .browser_page import Chromium, Visit, expect, open_tab, visited
from .conftest import HOSTILE, RunningApp, make_generator, make_run, running_app

if TYPE_CHECKING:
    from local_hub import LocalHub

HOSTILE_NAME = "<img src=x onerror=document.title='owned'>"


def save_sheet(run: RunDirectory, step: int) -> None:
    """64 images of one color each, which tells the step and the image."""
    images = np.zeros((64, 4, 4, 3), np.uint8)
    images[..., 0] = step // 4 % 251
    images[..., 1] = np.arange(0, 256, 4)[:, None, None]
    save_png(make_sheet(images, columns=8, scale=1), run.sample_file(step))


def add_sheet(run: RunDirectory, step: int) -> None:
    save_sheet(run, step)
    run.append_metrics({"step": step, "seconds": step / 10, "g_loss": 1 + 50 / step, "d_loss": 1.0})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page") / "runs"
    settings = {"training": {"batch_size": 32}, "network": {}, "data": {}}
    for name in ("alpha", "beta", "going", "brief"):
        run = make_run(folder / name, state="running" if name == "going" else "finished", settings=settings)
        run.metrics_file.unlink()
        save_sheet(run, 0)
        for step in range(100, 1001, 100):
            add_sheet(run, step)
    make_generator(1).save_pretrained(folder / "alpha" / "generator")
    make_run(folder / HOSTILE_NAME, state="failed", reason=HOSTILE, settings={"training": {HOSTILE: HOSTILE}})
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[RunningApp]:
    with running_app(folder.parent, "--runs", str(folder)) as running:
        yield running


@pytest.fixture(params=[1440, 390], ids=["desk", "pocket"])
def width(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture
def visit(width: int, browser: Chromium, served: RunningApp) -> Iterator[Visit]:
    with visited(browser, served.url, width) as visit:
        open_tab(visit.page, "Training runs")
        visit.page.locator(".run-card img").first.wait_for()
        yield visit
    assert "Traceback" not in served.log_text()


@pytest.fixture
def page(visit: Visit) -> Page:
    return visit.page


def open_run(page: Page, name: str) -> None:
    card, fold = page.locator(".run-card").filter(has_text=name), page.locator(".run-fold")
    if not card.is_visible():
        fold.click()
    card.click()
    expect(page.locator("#run-heading h2")).to_contain_text(name)
    page.locator("#run-film img").first.wait_for()


def asked_sheets(page: Page) -> list[str]:
    """From now on the steps of which sheets are asked for."""
    asked: list[str] = []
    page.on(
        "request", lambda request: asked.append(request.post_data or "") if "component_server" in request.url else None
    )
    return asked


def watched_texts(page: Page, selector: str) -> JSHandle:
    """From now on the texts of an element, one after the other; none is missed, however short it stands."""
    return page.evaluate_handle(
        """selector => {
            const seen = [], element = document.querySelector(selector);
            const options = {childList: true, characterData: true, subtree: true};
            new MutationObserver(() => seen.push(element.textContent)).observe(element, options);
            return seen;
        }""",
        selector,
    )


def test_a_film_is_scrubbed_and_played_and_asked_for_once(page: Page) -> None:
    open_run(page, "alpha")
    label, slider = page.locator("#run-film .label"), page.locator("#run-film input")
    expect(label).to_contain_text("Step 1,000 · 100 s of training · 32,000 images seen")
    slider.press("Home")
    expect(label).to_contain_text("Step 0")
    expect(page.locator("#run-film img")).to_have_attribute("alt", "64 images of alpha at step 0")
    slider.press("ArrowRight")
    expect(label).to_contain_text("Step 100")

    slider.press("Home")
    page.locator("#run-film select").select_option("16")
    play, seen, started = page.locator("#run-film .play"), watched_texts(page, "#run-film .label"), time.monotonic()
    play.click()
    expect(play).to_have_text("Pause")
    page.wait_for_function(
        "seen => seen.some(text => text.startsWith('Step 1,000')) && seen.at(-1).startsWith('Step 0')", arg=seen
    )
    assert time.monotonic() - started > 5.9  # of 11 sheets, at 16 a second
    assert any(text.startswith("Step 300") for text in seen.json_value())
    asked = asked_sheets(page)
    expect(label).to_contain_text("Step 200")
    assert not [post for post in asked if '"film"' in post]
    play.click()
    expect(play).to_have_text("Play")

    slider.press("End")
    with page.expect_download() as download:
        page.locator("#run-film .save").click()
    assert download.value.suggested_filename == "alpha-step-00001000.png"
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")


def crop_colors(page: Page) -> list[tuple[int, int]]:
    """The red and green of every image of the strip: its step, and which of the 64 it is."""
    source = page.locator("#run-life .crops").evaluate("crops => crops.style.getPropertyValue('--strip')")
    content = base64.b64decode(source.partition(",")[2].rstrip('")'))
    with Image.open(io.BytesIO(content)) as strip:
        pixels = np.asarray(strip.convert("RGB"), int)
    return [tuple(crop.mean(axis=(0, 1))[:2]) for crop in np.split(pixels, pixels.shape[1] // pixels.shape[0], axis=1)]


def test_an_image_is_shown_through_all_steps_with_a_cursor_in_the_plots(page: Page) -> None:
    open_run(page, "alpha")
    cells, crops = page.locator("#run-film .cells button"), page.locator("#run-life .crop")
    words, label = page.locator("#run-life .words"), page.locator("#run-film .label")
    readout = page.locator("#run-plots .readout").first
    assert cells.count() == 64 and page.locator("#run-film .cells [tabindex='0']").count() == 1
    cells.first.focus()
    for key in ("ArrowDown", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    expect(words).to_have_text("Seed 9 of alpha from step 0 to 1,000")
    expect(crops).to_have_count(11)
    np.testing.assert_allclose(crop_colors(page), [(step // 4, 36) for step in range(0, 1001, 100)], atol=12)
    expect(crops.last).to_have_attribute("aria-current", "step")
    expect(readout).to_contain_text("step 1,000")  # where the film is

    crops.nth(3).hover()
    expect(readout).to_contain_text("step 300: generator 1.167")
    crops.nth(3).click()
    expect(label).to_contain_text("Step 300")
    expect(page.locator("#run-film img")).to_have_attribute("alt", "64 images of alpha at step 300")
    expect(crops.nth(3)).to_have_attribute("aria-current", "step")
    page.keyboard.press("ArrowRight")
    expect(crops.nth(4)).to_be_focused()
    page.mouse.move(0, 0)
    page.keyboard.press("Enter")
    expect(label).to_contain_text("Step 400")
    expect(readout).to_contain_text("step 400")

    cells.nth(63).click()
    expect(words).to_have_text("Seed 63 of alpha from step 0 to 1,000")
    np.testing.assert_allclose([green for _, green in crop_colors(page)], 252, atol=12)
    page.get_by_role("button", name="Close the strip").click()
    expect(crops.first).to_be_hidden()
    expect(cells.nth(63)).to_be_focused()
    expect(readout).to_have_text("")


def test_two_runs_stand_side_by_side(page: Page) -> None:
    open_run(page, "alpha")
    page.locator("#run-other input").click()
    page.get_by_role("option", name="beta").click()
    expect(page.locator("#run-film figure")).to_have_count(2)
    expect(page.locator("#run-film .label")).to_contain_text("Step 1,000")
    expect(page.locator("#run-details")).to_contain_text("What differs")
    expect(page.locator("#run-plots polyline")).to_have_count(4)
    page.get_by_text("equal training time").click()
    expect(page.locator("#run-film .label")).to_contain_text("After 100 s of training")
    page.locator("#run-film input").press("Home")
    expect(page.locator("#run-film img").last).to_have_attribute("alt", "64 images of beta at step 0")

    page.locator("#run-film .cells").last.locator("button").nth(5).click()
    expect(page.locator("#run-life .words")).to_have_text("Seed 5 of beta from step 0 to 1,000")
    page.locator("#run-life .crop").nth(5).click()
    expect(page.locator("#run-film .label")).to_contain_text("After 50 s of training")
    expect(page.locator("#run-plots .readout").first).to_contain_text("50 s: alpha: generator 1.1")

    page.get_by_role("button", name="Make the time-lapse of both as a video").click()
    video = page.locator("#run-timelapse video")
    expect(page.locator("#run-timelapse")).to_contain_text("alpha and beta, side by side")
    with urllib.request.urlopen(video.get_attribute("src"), timeout=30) as file:
        assert file.url.endswith("/alpha-and-beta-time-lapse.mp4")
        film = av.open(io.BytesIO(file.read()))
    frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in film.decode(video=0)]
    assert len(frames) == 11 and film.duration / av.time_base > 5.9
    height, width = frames[0].shape[:2]
    assert width > 2 * height
    for frame, step in zip(frames, range(0, 1001, 100), strict=True):
        for side in (frame[:, :height], frame[:, -height:]):
            assert abs(side[height // 12, height // 12, 0] - step // 4) < 12, step
    page.get_by_text("equal steps").click()
    expect(video).to_be_hidden()


def test_plots_are_zoomed_with_mouse_and_keys(page: Page) -> None:
    open_run(page, "alpha")
    plot = page.locator("#run-plots figure > svg").first
    plot.scroll_into_view_if_needed()
    everything = page.locator("#run-plots polyline").first.get_attribute("points")
    plot.press("+")
    assert page.locator("#run-plots polyline").first.get_attribute("points") != everything
    plot.press("0")
    assert page.locator("#run-plots polyline").first.get_attribute("points") == everything
    box = plot.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 80)
    expect(page.locator("#run-plots .readout").first).to_contain_text("generator")
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 80)
    page.mouse.up()
    assert page.locator("#run-plots polyline").first.get_attribute("points") != everything
    page.get_by_role("button", name="Show all", exact=True).click()
    assert page.locator("#run-plots polyline").first.get_attribute("points") == everything


def test_a_run_that_goes_on_is_followed(page: Page, folder: Path) -> None:
    open_run(page, "going")
    run = RunDirectory(folder / "going")
    step = run.read_metrics()[-1]["step"] + 100
    page.locator("#run-film .cells button").first.click()
    crops = page.locator("#run-life .crop")
    expect(crops.last).to_have_text(f"{step - 100:,}")
    add_sheet(run, step)
    expect(page.locator(".run-card").filter(has_text="going")).to_contain_text(f"{step:,} steps")
    expect(page.locator("#run-film .label")).to_contain_text(f"Step {step:,}")
    expect(crops.last).to_have_text(f"{step:,}")

    page.locator("#run-film input").press("Home")  # who looks back is left there
    expect(page.locator("#run-film .label")).to_contain_text("Step 0")
    add_sheet(run, step + 100)
    expect(page.locator(".run-card").filter(has_text="going")).to_contain_text(f"{step + 100:,} steps")
    expect(page.locator("#run-plots svg[aria-label*='Losses']")).to_be_attached()
    expect(page.locator("#run-film .label")).to_contain_text("Step 0")


def test_a_run_that_is_removed_while_it_is_shown_leaves_a_sentence(page: Page, folder: Path) -> None:
    open_run(page, "brief")
    shutil.move(folder / "brief", folder.parent / "brief")
    expect(page.locator(".run-card").filter(has_text="brief")).to_have_count(0)
    expect(page.locator("#run-heading")).to_contain_text("The run below is not up to date.")
    page.locator("#run-film input").press("Home")
    expect(page.locator("#run-film .problem")).to_contain_text("must be one of those on this machine")
    shutil.move(folder.parent / "brief", folder / "brief")
    expect(page.locator(".run-card").filter(has_text="brief")).to_have_count(1)


def test_texts_of_a_run_stay_texts(page: Page) -> None:
    card = page.locator(".run-card").filter(has_text=HOSTILE_NAME)
    expect(card).to_contain_text("failed")
    open_run(page, HOSTILE_NAME)
    expect(page.locator("#run-heading")).to_contain_text("<script>document.title")
    page.locator("#run-other input").click()
    page.get_by_role("option", name="alpha").click()
    expect(page.locator("#run-film figcaption").first).to_contain_text(HOSTILE_NAME)
    assert page.title() == "dcgan_hub"


def test_a_generator_is_taken_to_generate(page: Page) -> None:
    open_run(page, "alpha")
    page.locator("#run-use").click()
    expect(page.get_by_role("tab", name="Generate")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#model input")).to_have_value("runs/alpha")


def test_a_run_of_the_hub_is_opened_by_its_name(page: Page, folder: Path, hub: "LocalHub") -> None:
    alpha = RunDirectory(folder / "alpha")
    files = {f"run/samples/{path.name}": path.read_bytes() for path in alpha.sample_files()}
    files |= {"run/run.json": alpha.record_file.read_bytes(), "run/metrics.jsonl": alpha.metrics_file.read_bytes()}
    name = f"anna/faces-{page.viewport_size['width']}"
    commit = hub.plant(name, files)
    page.locator("#run-hub-id input, #run-hub-id textarea").fill(name)
    page.locator("#run-hub-open").click()
    expect(page.locator("#run-heading h2")).to_contain_text(f"{name} @ {commit[:8]}")
    page.locator("#run-film input").press("Home")
    expect(page.locator("#run-film .label")).to_contain_text("Step 0")
    expect(page.locator("#run-film img")).to_have_attribute("alt", f"64 images of {name} @ {commit[:8]} at step 0")

    page.locator("#run-hub-id input, #run-hub-id textarea").fill("../secret")
    page.locator("#run-hub-open").click()
    expect(page.get_by_test_id("toast-text")).to_contain_text("A repository on the Hub is called user/name")
    expect(page.locator("#run-heading h2")).to_contain_text(name)  # what was shown stays


def test_a_link_opens_a_run_and_a_wrong_one_is_explained(width: int, browser: Chromium, served: RunningApp) -> None:
    with visited(browser, f"{served.url}/?run=beta", width) as visit:
        expect(visit.page.locator("#run-heading h2")).to_contain_text("beta")
        visit.page.wait_for_timeout(1600)  # changes that follow at once are one
        open_run(visit.page, "alpha")
        visit.page.wait_for_url("**run=alpha**")
        visit.page.go_back()
        expect(visit.page.locator("#run-heading h2")).to_contain_text("beta")
        visit.go(f"{served.url}/?run=..%2Fsecret")
        expect(visit.page.get_by_test_id("toast-text")).to_contain_text("The run must be one of those on this machine")
    assert "Traceback" not in served.log_text()
