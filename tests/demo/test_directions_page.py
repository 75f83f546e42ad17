"""The Directions tab: sliders that move an image, in a real browser, and what the server answers them."""

import base64
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dcgan_hub.bundle.generator import Generator
from dcgan_hub.demo.catalog.models import ModelRegistry
from dcgan_hub.demo.catalog.runs import RunShelf
from dcgan_hub.demo.rendering.renderer import Renderer
from dcgan_hub.demo.tabs.directions import moved_value, rows_value
from dcgan_hub.demo.tabs.photo import search

from .browser_page import Visit, expect, field_of, open_tab, sources_of
from .conftest import RunningApp, make_generator


@pytest.fixture(scope="module")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> Renderer:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    make_generator(3).save_pretrained(folder)
    return Renderer(ModelRegistry(RunShelf(folder.parent / "runs", False), [str(folder)], open_hub=False))


def decoded(address: str) -> np.ndarray:
    with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as image:
        return np.asarray(image)


def asked(**more: Any) -> dict[str, Any]:
    return {"model": "model/tiny", "start": "42", "truncation": 1, "ticket": 7, **more}


def test_a_strip_shows_a_direction_and_an_image_all_that_the_sliders_say(renderer: Renderer) -> None:
    generator = renderer.registry.load("model/tiny")
    directions, latent = generator.directions(10), generator.latents([42])[0]
    answer = rows_value(renderer, asked(start="42_2@1.5"))
    assert (answer["ticket"], answer["start"], answer["amounts"]) == (7, "42", {"2": 1.5})
    assert len(answer["rows"]) == len(directions) == 4  # as many as there are dimensions
    moves = np.array([-3, -1.5, 0, 1.5, 3])[:, None] * directions[3]
    expected = generator.generate(latents=latent + moves)
    np.testing.assert_array_equal(decoded(answer["rows"][3]), np.concatenate([*expected], axis=1))

    moved = moved_value(renderer, asked(amounts={"4": -2, "1": 0.5}))
    assert (moved["point"], moved["ticket"]) == ("42_1@0.5_4@-2", 7)
    assert moved["words"] == "seed 42 moved along direction 1 by +0.5 and direction 4 by -2"
    there = latent + 0.5 * directions[0] - 2 * directions[3]
    np.testing.assert_array_equal(decoded(moved["source"]), generator.generate(latents=there[None])[0])

    beyond = rows_value(renderer, asked(start="42_4@7"))  # than the sliders go
    assert (beyond["start"], beyond["amounts"]) == ("42_4@7", {})
    assert moved_value(renderer, asked(start="42_4@7", amounts={"1": 1}))["point"] == "(42_4@7)_1@1"


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        (asked(start="seven"), "A seed is a whole number"),
        (asked(start=None), "`start` must be text"),
        (asked(model="nobody"), "The model must be one of those listed"),
        (asked(model=["x"]), "`model` must be text"),
        (asked(truncation="high"), "`truncation` must be a number"),
        (asked(start="42_9@1"), "This generator has 4 directions"),
        (asked(amounts={"1": 4}), "`direction 1` must be a number from -3 to 3"),
        (asked(amounts={"1": float("nan")}), "`direction 1` must be a number"),
        (asked(amounts={"11": 1}), "`amounts` must be numbers by direction, 1 to 10"),
        (asked(amounts=[1]), "`amounts` must be numbers by direction"),
    ],
)
def test_what_no_slider_sends_is_a_sentence(question: dict[str, Any], sentence: str, renderer: Renderer) -> None:
    answers = [moved_value(renderer, {"amounts": {}, **question})]
    if "amounts" not in question:
        answers.append(rows_value(renderer, question))
    for answer in answers:
        assert sentence in answer["problem"] and answer["ticket"] == 7
    assert moved_value(renderer, "nothing") == {"ticket": 0}


@pytest.mark.parametrize("visit", ["desk", "pocket"], indirect=True)
def test_sliders_move_the_image_and_names_links_and_the_tray_keep_it(visit: Visit, app: RunningApp) -> None:
    page = visit.page
    grey = Generator.from_pretrained(app.log.parent / "grey")
    open_tab(page, "Directions")
    view, sliders = page.locator("#directions .view"), page.locator("#directions .slider")
    expect(sliders).to_have_count(4)
    expect(view).to_have_attribute("data-point", "1")

    first = sliders.first
    first.focus()
    for _ in range(3):
        first.press("ArrowRight")
    expect(view).to_have_attribute("data-point", "1_1@0.3")
    page.locator("#directions .row").nth(2).locator(".stop").first.click()
    expect(view).to_have_attribute("data-point", "1_1@0.3_3@-3")
    there = grey.latents([1]) + 0.3 * grey.directions(1)[0] - 3 * grey.directions(3)[2]
    np.testing.assert_array_equal(decoded(sources_of(view)[0]), grey.generate(latents=there)[0, ..., 0])
    expect(page.locator("#directions .words")).to_have_text(
        "seed 1 moved along direction 1 by +0.3 and direction 3 by -3"
    )

    name = page.get_by_label("Name of direction 1")
    name.fill("<b>smile</b>")
    name.press("Tab")
    expect(first).to_have_attribute("aria-label", "<b>smile</b>")
    page.locator("#directions [data-action=keep]").click()
    expect(page.locator('#tray button.picture[data-point="1_1@0.3_3@-3"]')).to_be_visible()
    link = page.locator("#directions-link a")
    expect(link).to_have_attribute("href", re.compile("tab=directions&start=1_1%400.3_3%40-3"))
    page.locator("#directions [data-action=reset]").click()
    expect(view).to_have_attribute("data-point", "1")
    expect(first).to_be_focused()
    expect(link).to_have_attribute("href", re.compile("tab=directions&start=1$"))
    page.reload()  # the address is that of the image without moves, and the names are still there
    expect(page.get_by_label("Name of direction 1")).to_have_value("<b>smile</b>")
    expect(view).to_have_attribute("data-point", "1")
    page.locator("#tray button.picture").click()
    expect(view).to_have_attribute("data-point", "1_1@0.3_3@-3")
    expect(sliders.nth(2)).to_have_value("-3")
    expect(field_of(page, "directions-start")).to_have_value("1_1@0.3_3@-3")

    field_of(page, "directions-start").fill("1_9@2")
    expect(page.locator("#directions .problem")).to_contain_text("This generator has 4 directions")
    expect(view).to_have_attribute("data-point", "1_1@0.3_3@-3")  # the image stays
    page.locator("#directions-surprise").click()
    expect(view).to_have_attribute("data-point", re.compile(r"^\d+$"))
    seed = view.get_attribute("data-point")
    page.locator("#directions [data-action=show]").click()
    expect(page.locator("#chosen-view .name")).to_have_text(f"seed {seed}")


def test_a_picture_of_the_visitors_own_is_found_and_moved(visit: Visit, app: RunningApp, tmp_path: Path) -> None:
    page = visit.page
    grey = Generator.from_pretrained(app.log.parent / "grey")
    target = grey.generate(seeds=[31337])[0, ..., 0]
    Image.fromarray(target.repeat(20, axis=0).repeat(20, axis=1)).save(tmp_path / "own.png")
    (tmp_path / "text.jpg").write_text("not a picture")
    open_tab(page, "Directions")
    expect(page.locator("#directions .row")).to_have_count(4)
    photo = page.locator("#directions .photo")
    photo.locator("input").set_input_files(tmp_path / "text.jpg")
    expect(page.locator("#directions .problem")).to_contain_text("text.jpg is not a picture")
    with page.expect_file_chooser() as choosing:
        photo.locator("button").press("Enter")
    choosing.value.set_files(tmp_path / "own.png")
    expect(photo.locator("figcaption")).to_contain_text("Yours, and the nearest image")
    view = page.locator("#directions .view")
    expect(view).to_have_attribute("data-point", re.compile("^z[A-Z2-7]+$"))
    shown = decoded(sources_of(view)[0]).astype(int)
    assert np.abs(shown - target).mean() < 255 * 0.04
    page.locator("#directions .stop").nth(1).click()
    expect(view).to_have_attribute("data-point", re.compile("^z[A-Z2-7]+_1@-1.5$"))
    assert "own.png" not in app.log_text()


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (None, "not a small JPEG"),
        ("data:image/png;base64,iVBORw0KGgo=", "not a small JPEG"),
        (f"data:image/jpeg;base64,{'A' * 200_000}", "not a small JPEG"),
        ("data:image/jpeg;base64,@@@@", "not base64"),
        ("data:image/jpeg;base64,bm90IGFuIGltYWdl", "not a small JPEG"),
        ("data:image/jpeg;base64,/9j/4AAQSkZJRg==", "not readable"),
        ("bomb", "too many pixels"),
    ],
)
def test_what_is_no_small_picture_is_a_sentence(picture: Any, reason: str, renderer: Renderer) -> None:
    if picture == "bomb":
        content = io.BytesIO()
        Image.new("L", (8000, 600)).save(content, "JPEG", quality=1)
        picture = f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"
    answers = list(search(renderer, "model/tiny", {"picture": picture, "ticket": 3}))
    assert [answer["ticket"] for answer in answers] == [3]
    assert (
        "The picture must be a JPEG of up to 512 x 512 pixels" in answers[0]["problem"]
        and reason in answers[0]["problem"]
    )


def test_nothing_of_one_generator_is_left_with_another(visit: Visit) -> None:
    page = visit.page
    open_tab(page, "Directions")
    strips = page.locator("#directions .stops")
    expect(strips).to_have_count(4)
    shown = "strips => strips.map(strip => strip.style.backgroundImage)"
    before = strips.evaluate_all(shown)
    page.locator("#directions .stop").first.click()
    expect(page.locator("#directions .view")).to_have_attribute("data-point", "1_1@-3")
    page.locator("#model input").click()
    page.get_by_role("option", name="runs/tiny").click()
    expect(page.locator("#directions .view")).to_have_attribute("data-point", "1")
    expect(strips).to_have_count(4)
    assert not set(before) & set(strips.evaluate_all(shown))
    posts: list[str] = []
    page.wait_for_timeout(1500)  # the link is written once the sliders rest
    page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    page.wait_for_timeout(10_000)
    assert posts == []
