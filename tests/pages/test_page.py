"""The page as somebody meets it who was sent the file: from a disk, without a network, on two screens."""

import base64
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from demo.browser_page import Chromium, chromium, expect
from PIL import Image
from playwright.sync_api import Page
from varied_networks import lively_generator

from dcgan_hub.bundle.generator import Generator
from dcgan_hub.cli import main
from dcgan_hub.errors import BundleError
from dcgan_hub.networks.classes import draw_classes
from dcgan_hub.networks.latent_points import latents_of
from dcgan_hub.networks.point_syntax import parse_point, parse_points
from dcgan_hub.pages.limits import check_fits_page
from dcgan_hub.presets import make_settings

ROOT = Path(__file__).resolve().parent.parent.parent
HOSTILE = "</script><img src=x onerror=alert(1)>"
MAX_PAGE_BYTES = 3_000_000
MAX_CODE_BYTES = 300_000


@pytest.fixture(scope="module")
def generator() -> Generator:
    generator = Generator.from_pretrained("avatars")
    generator.name = HOSTILE
    return generator


@pytest.fixture(scope="module")
def page_file(generator: Generator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generator.save_page(tmp_path_factory.mktemp("page") / "avatars.html")


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with chromium() as started:
        yield started


def image_on(page: Page, selector: str) -> np.ndarray:
    """The pixels of a canvas: uint8 (H, W, 3)."""
    address = page.locator(selector).evaluate("canvas => canvas.toDataURL()")
    with Image.open(io.BytesIO(base64.b64decode(address.split(",")[1]))) as image:
        return np.asarray(image.convert("RGB"))


def downloaded(page: Page, selector: str) -> Image.Image:
    with page.expect_download() as waiting:
        page.locator(selector).click()
    return Image.open(waiting.value.path())


def assert_accessible(page: Page) -> None:
    found = Axe().run(page).response["violations"]
    assert {rule["id"]: [node["html"][:200] for node in rule["nodes"]] for rule in found} == {}


def parts_of(content: str) -> list[str]:
    """The style and the scripts of a page."""
    return re.findall(r'<(?:style|script|script id="engine")>.*?</(?:style|script)>', content, re.DOTALL)


def assert_same(images: np.ndarray, expected: np.ndarray) -> None:
    difference = np.abs(images.astype(np.int16) - expected)
    assert difference.max() <= 1 and (difference > 0).mean() < 1e-3


def test_the_file_is_small_and_holds_no_markup_of_the_model(page_file: Path) -> None:
    content = page_file.read_text(encoding="utf-8")
    weights = re.search(r'id="weights"[^>]*>([^<]*)<', content)[1]
    assert len(content.encode()) < MAX_PAGE_BYTES
    assert len(content) - len(weights) < MAX_CODE_BYTES
    published = (ROOT / "docs" / "avatars.html").read_text(encoding="utf-8")
    advice = "run `dcgan-hub page avatars --out docs/avatars.html --overwrite`"
    assert (len(parts_of(content)), parts_of(content) == parts_of(published)) == (3, True), advice
    assert HOSTILE not in content and "http://" not in content and "https://" not in content


@contextmanager
def opened(browser: Chromium, address: str, **options: object) -> Iterator[Page]:
    """The page at an address, with no network; at the end asserts that it asked nobody and complained of nothing."""
    context = browser.browser.new_context(offline=True, **options)
    page, complaints, requests = context.new_page(), [], []
    page.on("console", lambda line: complaints.append(line.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(address)
    yield page
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, "it must not scroll sideways"
    assert complaints == []
    assert {address.split(":")[0] for address in requests} == {"file", "blob"}
    context.close()


def test_the_page_draws_walks_and_saves_without_a_network(
    browser: Chromium, page_file: Path, generator: Generator
) -> None:
    with opened(browser, page_file.as_uri(), viewport={"width": 1440, "height": 900}) as page:
        see_the_first_sheet(page, generator)
        assert_accessible(page)
        see_points_and_save_them(page, generator)
        page.reload()  # the address says what is shown
        expect(page.locator("#sheet [data-drawn]")).to_have_count(2)
        expect(page.locator("#kept button")).to_have_count(2)
        page.locator("#seeds").fill("<b>5</b>")
        page.keyboard.press("Enter")
        expect(page.locator("body > .status")).to_contain_text("Received: <b>5</b>")
        page.keyboard.press("Tab")
        page.keyboard.press("r")
        expect(page.locator("#sheet [data-drawn]")).to_have_count(16)
        page.go_back()
        expect(page.locator("#seeds")).to_have_value("7, 42~7@0.3")
        assert page.locator("img, b").count() == 0


def test_on_a_small_dark_screen_nothing_moves_unasked(browser: Chromium, page_file: Path) -> None:
    options = {"viewport": {"width": 390, "height": 800}, "color_scheme": "dark", "reduced_motion": "reduce"}
    with opened(browser, f"{page_file.as_uri()}#seeds=3&walk=3,4&image=3&truncation=0.7", **options) as page:
        expect(page.locator("#detail canvas")).to_have_attribute("data-drawn", "3")
        assert_accessible(page)
        page.locator("[data-action=close]").click()
        expect(page.locator("#play")).to_have_text("Play")
        expect(page.locator("#truncation-value")).to_have_text("0.70")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(12, 10, 9)"
        assert_accessible(page)


def test_classes_are_drawn_by_seed_or_chosen(browser: Chromium, tmp_path: Path) -> None:
    names = ["T-shirt", HOSTILE, "coat"]
    generator = lively_generator(classes=3, class_names=names)
    address = generator.save_page(tmp_path / "classes.html").as_uri()
    half = Generator.from_pretrained(generator.save_pretrained(tmp_path / "half", half_precision=True))
    with opened(browser, f"{address}#seeds=1,2,3&class=coat", viewport={"width": 390, "height": 800}) as page:
        expect(page.locator("#sheet [data-drawn]")).to_have_count(3)
        assert_same(image_on(page, "#sheet > :nth-child(2) canvas"), half.generate([2], classes="coat")[0])
        assert_accessible(page)
        page.locator("#class").select_option("")
        expect(page.locator("#sheet [data-drawn]")).to_have_count(3)
        for number, seed in enumerate((1, 2, 3), start=1):
            assert_same(image_on(page, f"#sheet > :nth-child({number}) canvas"), half.generate([seed])[0])
            drawn = names[draw_classes([seed], 3)[0]]
            assert page.locator(f"#sheet > :nth-child({number}) .caption").inner_text() == f"{seed} · {drawn}"
        page.locator("#class").select_option(HOSTILE)
        expect(page.locator("#sheet [data-drawn]")).to_have_count(3)
        page.locator("#sheet button").nth(0).click()
        expect(page.locator("#detail canvas")).to_have_attribute("data-drawn", "1")
        with downloaded(page, "[data-action=save]") as saved:
            assert_same(np.asarray(saved), half.generate([1], classes=1)[0])
            assert saved.text["class"] == HOSTILE
        page.reload()
        expect(page.locator("#class")).to_have_value("1")
        page.locator("[data-action=close]").click()
        texts = ["1c0", "2c0~3c2@0.5", "1c2_1@2", "5"]  # a class in a text counts more than the chosen one
        page.locator("#seeds").fill(", ".join(texts))
        page.keyboard.press("Enter")
        expect(page.locator("#sheet [data-drawn]")).to_have_count(4)
        named = half.generate(latents=half.point_latents(parse_points(", ".join(texts[:3]), 3)))
        drawn = [image_on(page, f"#sheet > :nth-child({number}) canvas") for number in range(1, len(texts) + 1)]
        assert_same(np.stack(drawn), np.stack([*named, half.generate([5], classes=1)[0]]))  # alone, each has few bytes
        captions = page.locator("#sheet .caption").all_inner_texts()
        assert captions[:2] == ["1c0 · T-shirt", "2c0~3c2@0.5 · T-shirt and coat"]
        page.locator("#seeds").fill("1c3")
        page.keyboard.press("Enter")
        expect(page.locator("body > .status")).to_have_text("The number of a class must be 0 to 2. Received: 3 in 1c3.")


def test_a_tile_is_repeated_where_it_is_seamless(browser: Chromium, tmp_path: Path) -> None:
    half = lively_generator(seamless=True, image_size=(16, 24))
    half = Generator.from_pretrained(half.save_pretrained(tmp_path / "half", half_precision=True))
    address = half.save_page(tmp_path / "tiles.html").as_uri()
    with opened(browser, f"{address}#seeds=1,2&image=2", viewport={"width": 390, "height": 800}) as page:
        expect(page.locator("#detail canvas")).to_have_attribute("data-drawn", "2")
        image = half.generate([2])[0]
        assert_same(image_on(page, "#detail canvas"), image)
        page.get_by_label("Repeat the image").check()
        page.wait_for_function("document.querySelector('#detail canvas').width === 72")
        assert_same(image_on(page, "#detail canvas"), np.tile(image, (3, 3, 1)))
        assert_accessible(page)
        with downloaded(page, "[data-action=save]") as saved:  # one tile, as a file
            assert_same(np.asarray(saved), image)
    plain = lively_generator().save_page(tmp_path / "plain.html").as_uri()
    with opened(browser, f"{plain}#seeds=1&image=1", viewport={"width": 390, "height": 800}) as page:
        expect(page.locator("#detail canvas")).to_have_attribute("data-drawn", "1")
        assert not page.get_by_label("Repeat the image").is_visible()


def see_the_first_sheet(page: Page, generator: Generator) -> None:
    expect(page.locator("#sheet [data-drawn]")).to_have_count(16)
    assert (page.title(), page.locator("h1").inner_text()) == (HOSTILE, HOSTILE)
    shown = [image_on(page, f"#sheet > :nth-child({number}) canvas") for number in range(1, 17)]
    assert_same(np.stack(shown), generator.generate(range(16)))


def see_points_and_save_them(page: Page, generator: Generator) -> None:
    page.locator("#seeds").fill("7, 42~7@0.3")
    page.keyboard.press("Enter")
    expect(page.locator("#sheet [data-drawn]")).to_have_count(2)
    expected = generator.generate(latents=latents_of(parse_points("7, 42~7@0.3", 2), generator))
    page.locator("#sheet button").nth(0).click()
    page.keyboard.press("k")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#detail canvas")).to_have_attribute("data-drawn", "42~7@0.3")
    assert_same(image_on(page, "#detail canvas"), expected[1])
    page.locator("#direction").select_option("2")
    page.locator("#amount").fill("-2.5")
    expect(page.locator("#detail canvas")).to_have_attribute("data-drawn", "(42~7@0.3)_2@-2.5")
    moved = latents_of([parse_point("(42~7@0.3)_2@-2.5")], generator)
    assert_same(image_on(page, "#detail canvas"), generator.generate(latents=moved)[0])
    page.locator("#amount").fill("0")
    expect(page.locator("#detail canvas")).to_have_attribute("data-drawn", "42~7@0.3")
    page.locator("[data-action=close]").focus()
    with downloaded(page, "[data-action=save]") as saved:
        assert_same(np.asarray(saved), expected[1])
        assert (saved.text["seed"], saved.text["weights"]) == ("42~7@0.3", f"sha256:{generator.facts.weights.sha256}")
    page.keyboard.press("k")
    page.keyboard.press("Escape")

    expect(page.locator("#play")).to_have_text("Pause")
    expect(page.locator("#walk")).to_have_attribute("data-frames", "120")
    with downloaded(page, "#save-walk") as film:
        assert film.n_frames == 40
        assert_same(np.asarray(film.convert("RGB")), expected[0])


def test_weights_beyond_half_precision_are_kept_whole(tmp_path: Path) -> None:
    generator = lively_generator(upsampling="resize")
    kernel = generator._network.get_layer("stage_1_smooth").kernel
    kernel.assign(kernel.numpy() * np.where(np.arange(3) == 0, 1e6, 1))
    content = generator.save_page(tmp_path / "page.html").read_text()
    assert 'data-planes="4"' in content and '"dtype": "F32"' in content


def test_what_cannot_be_a_page_is_refused_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    commands = [
        ("avatars", tmp_path / "page.pdf"),
        ("avatars", tmp_path / "file" / "page.html"),
        (tmp_path / "nothing", tmp_path / "page.html"),
    ]
    assert [main(["page", str(model), "--out", str(path)]) for model, path in commands] == [2, 2, 2]
    sentences = capsys.readouterr().err.splitlines()
    assert [text.count("Received: ") for text in sentences] == [1, 1, 1]
    assert not (tmp_path / "page.html").exists()
    with pytest.raises(BundleError, match="at most 10,000,000 parameters"):
        check_fits_page(make_settings("dcgan-64", {"filters": 128, "max_filters": 1024}).network)
