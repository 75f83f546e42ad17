"""What visitors stumbled over in the first minute, in a real browser: once wrong, and never again.

Other such tests are beside what they are about: the requests, the film that is saved, the tray, keys and colors.
"""

import io
import json
import os
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, Route

from dcgan_hub.bundle.generator import Generator

from .browser_page import WIDTHS, Chromium, Visit, expect, field_of, open_tab, points_of, sources_of, visited
from .conftest import RunningApp, make_generator, read_config, running_app

PICTURES = "#images button.picture"
SLOW = {
    "offline": False,
    "latency": 400,
    "downloadThroughput": 200_000,
    "uploadThroughput": 200_000,
}  # ms, bytes a second
TABS = ("Generate", "Interpolate", "Mix", "Directions", "Training runs", "About")
NINE_KEYS = "`key frames` takes at most 8 seeds or points."
# How an element and what is around and behind it look: what shows the focus may be at its label, for instance.
LOOK = """element => {
    const nodes = [element, element.nextElementSibling];
    for (let node = element, level = 0; level < 4; level++) nodes.push(node = node.parentElement);
    return nodes.filter(Boolean).map(node => {
        const {outline, outlineOffset, boxShadow, borderColor, backgroundColor} = getComputedStyle(node);
        return [outline, outlineOffset, boxShadow, borderColor, backgroundColor].join();
    }).join("; ");
}"""
# How far parts of the page jumped so far, and which.
SHIFTS = """() => new Promise(done => {
    const name = ({node}) => node ? node.id || node.className || node.nodeName : "gone";
    const told = list => done(list.getEntries().map(({value, sources}) => [value, ...sources.map(name)]));
    new PerformanceObserver(told).observe({type: "layout-shift", buffered: true});
    setTimeout(() => done([]), 1000);
})"""


def answered(page: Page) -> str:
    """The newest message in the corner."""
    message = page.locator('.toast-body [data-testid="toast-text"]').last
    expect(message).to_be_visible()
    return message.inner_text()


def await_sheet(page: Page) -> None:
    """Waits until the pictures are those of the field, and stay so."""
    page.wait_for_function(
        f"document.querySelector('{PICTURES}').dataset.point ==="
        " document.querySelector('#seed input, #seed textarea').value"
    )


@contextmanager
def slow_network(page: Page) -> Iterator[None]:
    client = page.context.new_cdp_session(page)
    client.send("Network.enable")
    client.send("Network.emulateNetworkConditions", SLOW)
    yield
    client.detach()  # which ends it


def test_pictures_follow_the_field_after_enter_twice_and_on_a_slow_network(visit: Visit) -> None:
    page, seed = visit.page, field_of(visit.page, "seed")
    for number in range(100, 110, 2):  # four of five were dropped
        for typed in (number, number + 1):
            seed.fill(str(typed))
            seed.press("Enter")
        expect(page.locator(PICTURES).first).to_have_attribute("data-point", str(number + 1))
    with slow_network(page):
        for pause in (1200, 700, 300, 0):
            page.locator("#surprise").click()
            page.wait_for_timeout(pause)
        await_sheet(page)
        page.wait_for_timeout(3000)  # the answers to all clicks are there
        assert points_of(page.locator(PICTURES))[0] == seed.input_value()


def saved(page: Page, kind: str) -> bytes:
    with page.expect_download() as download:
        page.locator(f"#save-{kind}").click()
    return Path(download.value.path()).read_bytes()


def test_a_film_has_the_path_and_the_speed_that_are_shown_in_every_format(visit: Visit, app: RunningApp) -> None:
    """The fastest speed that the page offers was refused by GIF, and a changed path was not saved."""
    page = visit.page
    open_tab(page, "Interpolate")
    expect(page.locator("#walk .stops button")).to_have_count(4)
    field_of(page, "frames").fill("10")
    field_of(page, "frames").press("Enter")
    page.locator("#method input").last.check()
    speed = page.locator("#speed input[type=range]")
    speed.press("End")
    expect(speed).to_have_value("50")
    expect(page.locator("#walk .clock")).to_contain_text("of 0.2 s")
    expect(page.locator("#walk-link a")).to_have_attribute(
        "href", re.compile("frames=10&speed=50&method=lerp&loop=true")
    )
    with zipfile.ZipFile(io.BytesIO(saved(page, "frames"))) as archive:
        frames = [np.asarray(Image.open(archive.open(name))) for name in archive.namelist()]
    grey = Generator.from_pretrained(app.log.parent / "grey")
    expected = grey.interpolate([1, 2, 3, 4], 10, method="lerp", loop=True)
    np.testing.assert_array_equal(np.stack(frames).reshape(expected.shape), expected)
    with av.open(io.BytesIO(saved(page, "mp4"))) as film:
        assert (film.streams.video[0].average_rate, sum(1 for _ in film.decode(video=0))) == (50, 10)
    for kind in ("gif", "webp"):
        with Image.open(io.BytesIO(saved(page, kind))) as animation:
            animation.load()
            assert (animation.n_frames, animation.info["duration"]) == (10, 20)


@pytest.mark.parametrize(
    ("tab", "field", "typed", "sentence"),
    [
        ("Generate", "seed", "seven", "A seed is a whole number from 0 to 4294967295"),
        ("Interpolate", "keys", "1, 2, 3, 4, 5, 6, 7, 8, 9", f"{NINE_KEYS} Received: 1 too many."),
        ("Mix", "corners", "1, 2, 3", "`corners` must be 4 seeds or points. Received: 3."),
        ("Mix", "mix-a", "", "`A` needs at least one seed or point. Received: nothing."),
        ("Directions", "directions-start", "seven", "A seed is a whole number from 0 to 4294967295"),
    ],
)  # fmt: skip
def test_a_mistake_is_said_in_words_and_its_field_is_marked(
    visit: Visit, tab: str, field: str, typed: str, sentence: str
) -> None:
    """To screen readers too: by the page's own voice, or by an alert beside the field."""
    page = visit.page
    open_tab(page, tab)
    if field == "mix-a":
        page.locator("#formula > button").click()
    entry = field_of(page, field)
    entry.fill(typed)
    if field in ("seed", "mix-a"):
        entry.press("Enter")
        expect(page.locator("#announcer[aria-live=polite]")).to_contain_text(sentence)
    else:
        expect(page.locator("[role=alert]:visible").filter(has_text=sentence)).to_be_visible()
    expect(entry).to_have_attribute("aria-invalid", "true")
    entry.fill({"keys": "1, 2", "corners": "1, 2, 3, 4"}.get(field, "7"))
    expect(entry).not_to_have_attribute("aria-invalid", "true")


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("tab=interpolate&keys=1,2&speed=61", "whole number from 1 to 60. Received: 61. Try 60."),
        ("tab=interpolate&keys=1,2&frames=1", "`frames` must be a whole number from 2 to 360. Received: 1. Try 2."),
        ("tab=interpolate&keys=1-9", f"{NINE_KEYS} Received: 1 too many."),
        ("seed=1&count=65", "`number` must be a whole number from 1 to 64. Received: 65. Try 64."),
        ("tab=mix&corners=1,2,3", "`corners` must be 4 seeds or points. Received: 3."),
        ("tab=mix&corners=1,2,3,4&a=", "`A` needs at least one seed or point. Received: nothing."),
    ],
)
def test_a_link_that_no_longer_fits_names_what_is_wrong_and_shows_what_there_is(
    browser: Chromium, app: RunningApp, query: str, sentence: str
) -> None:
    with visited(browser, f"{app.url}/?{query}", WIDTHS["desk"]) as visit:
        page = visit.page
        assert sentence in answered(page)
        if "tab=" not in query:  # the announcement of the sheet, which once replaced this one
            expect(page.locator("#announcer")).to_contain_text("16 images: seed 0 to seed 15")
        expect(page.locator("#announcer")).to_contain_text(sentence)
        fields = {"keys": "1, 2, 3, 4", "frames": "96", "corners": "1, 2, 3, 4", "mix-a": "1, 2, 3", "seed": "0"}
        for name, value in fields.items():
            if field_of(page, name).count():  # Gradio makes a tab when it is opened
                expect(field_of(page, name)).to_have_value(value)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (";" * 5000, "`line` may have at most 13 generations. Received: 5,001."),
        (";1;;2", "`line` must begin with a generation without parents"),
        (";1_9@1", "This generator has 4 directions"),
    ],
)
def test_ancestors_of_a_link_that_do_not_fit_leave_a_sentence_and_the_start(
    browser: Chromium, app: RunningApp, line: str, sentence: str
) -> None:
    with visited(browser, f"{app.url}/?tab=mix&line={line}", WIDTHS["desk"]) as visit:
        page = visit.page
        litter = page.locator("#breeding .litter button.picture:not(.waiting)")
        expect(litter).to_have_count(16)
        expect(page.locator("#breeding .problem")).to_contain_text(sentence)
        assert points_of(litter) == [str(seed) for seed in range(16)]
        expect(page.locator("#breeding .line")).to_be_hidden()


def test_a_child_of_nothing_cannot_be_bred_and_an_example_shows_what_breeding_is(visit: Visit) -> None:
    """The half of the page beside the pictures was empty until something was chosen."""
    page, breeding = visit.page, visit.page.locator("#breeding")
    open_tab(page, "Mix")
    expect(breeding.locator(".litter button.picture:not(.waiting)")).to_have_count(16)
    breed = breeding.locator(".breed")
    expect(breed).to_be_disabled()
    example = breeding.locator(".large .example")
    expect(breeding.locator(".large")).to_have_attribute("data-point", "0.1")
    expect(breeding.locator(".words")).to_have_text("For example, a child of seed 0 and seed 1")
    parents = sources_of(breeding.locator(".litter img"))[:2]
    assert sources_of(example.locator("img"))[1:] == parents
    breeding.locator("[data-action=keep]").click()
    expect(page.locator('#tray button.picture[data-point="0.1"]')).to_be_visible()
    child = sources_of(example.locator("img"))[0]

    example.press("Enter")
    expect(breed).to_have_text("Breed these 2")
    expect(breed).to_be_focused()
    for number in (1, 0):
        breeding.locator(".picked button").first.click()
        expect(breeding.locator(".picked button")).to_have_count(number)
    expect(breed).to_be_disabled()
    expect(example).to_be_visible()
    example.click()
    breed.click()
    expect(breeding.locator(".litter img").first).to_have_attribute("src", child)
    expect(example).to_have_count(0)


def test_a_map_refuses_points_of_another_generator_and_stays(visit: Visit) -> None:
    page, view = visit.page, visit.page.locator("#map .view")
    open_tab(page, "Mix")
    page.locator("#map .ground").scroll_into_view_if_needed()
    expect(page.locator("#map [data-action=save]")).to_be_enabled()
    shown, terrain = view.get_attribute("data-point"), page.locator("#map .terrain").get_attribute("src")
    for corner, sentence in (("zAEBAGBAF", "of this generator"), ("1_9@1", "This generator has 4 directions")):
        field_of(page, "corners").fill(f"{corner}, 2, 3, 4")
        expect(page.locator("#map .problem")).to_contain_text(sentence)
        assert (view.get_attribute("data-point"), page.locator("#map .terrain").get_attribute("src")) == (
            shown,
            terrain,
        )


def choose(page: Page, point: str) -> Locator:
    page.locator(f'{PICTURES}[data-point="{point}"]').click()
    expect(page.locator("#chosen-view .name")).to_have_text(f"seed {point}")
    return page.locator("#chosen-view")


def test_an_image_is_shared_and_copied_and_a_browser_that_refuses_loses_nothing(visit: Visit) -> None:
    page = visit.page
    page.evaluate(
        """() => {
            navigator.canShare = ({files}) => files[0].type === "image/png";
            navigator.share = async ({files: [file], title}) => {
                if (window.refuses) throw new DOMException("no", window.refuses);
                const {width, height} = await createImageBitmap(file);
                window.shared = [title, file.name, width, height];
            };
        }"""
    )
    chosen = choose(page, "5")
    share, copy = chosen.locator('[data-action="share"]'), chosen.locator('[data-action="copy"]')
    share.click()
    expect(share).to_have_text("Shared")
    assert page.evaluate("window.shared") == ["seed 5", "seed-5.png", 512, 512]
    expect(share).to_have_text("Share")
    page.evaluate("window.refuses = 'NotAllowedError'")
    share.click()
    expect(share).to_have_text("The browser refused. Save PNG works everywhere.")
    expect(share).to_have_text("Share")
    page.evaluate("window.refuses = 'AbortError'")  # the visitor closed the list of apps
    share.click()
    expect(share).to_have_text("Share")

    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    copy.click()
    expect(copy).to_have_text("Copied")
    copied = page.evaluate(
        """async () => {
            const [item] = await navigator.clipboard.read(), image = await item.getType("image/png");
            const {width, height} = await createImageBitmap(image);
            return [width, height];
        }"""
    )
    assert copied == [512, 512]
    page.context.clear_permissions()
    page.evaluate(
        "() => { navigator.clipboard.write = async () => { throw new DOMException('no', 'NotAllowedError'); }; }"
    )
    expect(copy).to_have_text("Copy image")
    copy.click()
    expect(copy).to_have_text("The browser refused. Save PNG works everywhere.")
    expect(page.locator(f'{PICTURES}[aria-pressed="true"]')).to_have_attribute("data-point", "5")


def test_the_focus_is_seen_wherever_it_is(visit: Visit) -> None:
    page = visit.page
    choose(page, "3")
    page.locator("#keep").click()
    expect(page.locator("#tray img")).to_have_count(1)
    for tab in TABS:
        open_tab(page, tab)
        page.wait_for_timeout(1500)
        if tab == "Mix":
            page.locator("#formula > button").click()
        page.get_by_role("tab", name=tab).focus()
        seen: list[tuple[Any, str]] = []
        while len(seen) < 60:
            page.keyboard.press("Tab")
            control = page.evaluate_handle("document.activeElement").as_element()
            if control is None or control.evaluate("node => node === document.body"):
                break
            page.wait_for_timeout(200)  # Gradio's colors change by and by
            seen.append((control, control.evaluate(LOOK)))
        page.evaluate("document.activeElement.blur()")
        page.wait_for_timeout(300)
        unseen = [
            control.evaluate("node => node.outerHTML.slice(0, 200)")
            for control, look in seen
            if control.evaluate("node => node.isConnected") and control.evaluate(LOOK) == look
        ]
        assert (bool(seen), unseen) == (True, []), tab


def test_many_pictures_are_one_tab_stop(browser: Chromium, app: RunningApp) -> None:
    with visited(browser, f"{app.url}/?seed=0&count=64", WIDTHS["desk"]) as visit:
        expect(visit.page.locator(PICTURES)).to_have_count(64)
        expect(visit.page.locator(f'{PICTURES}[tabindex="0"]')).to_have_count(1)


@pytest.mark.parametrize("width", ["desk", "pocket"])
def test_nothing_jumps_while_the_page_is_built(browser: Chromium, app: RunningApp, width: str) -> None:
    """The sum of layout shifts: above 0.1 a page is said to need improvement (web.dev/articles/cls)."""
    with visited(browser, app.url, WIDTHS[width]) as visit:
        expect(visit.page.locator(f"{PICTURES} img")).to_have_count(16)
        visit.page.wait_for_timeout(1000)
        shifts = visit.page.evaluate(SHIFTS)
        assert sum(shift for shift, *_ in shifts) < 0.1, shifts


def test_a_visitor_is_not_told_of_the_operators_settings(browser: Chromium, tmp_path: Path) -> None:
    make_generator(2).save_pretrained(tmp_path / "tiny")
    offline = os.environ | {"HF_HUB_OFFLINE": "1"}
    with (
        running_app(tmp_path, "--model", str(tmp_path / "tiny"), env=offline) as app,
        visited(browser, app.url, WIDTHS["desk"]) as visit,
    ):
        page = visit.page
        expect(page.locator(f"{PICTURES} img")).to_have_count(16)
        page.locator("#open-panel > button").click()
        field_of(page, "repository").fill("anna/faces")
        page.locator("#open-model").click()
        problem = page.locator("#model-status .problem")
        expect(problem).to_contain_text("The previous generator is still in use.")
        assert "HF_HUB_OFFLINE" not in problem.inner_text() and "HF_HUB_OFFLINE" not in answered(page)


def test_a_message_about_a_generator_is_not_replaced_by_the_facts_of_the_one_before(
    browser: Chromium, app: RunningApp
) -> None:
    """A visitor may be quicker than the event by which the page takes over its first generator."""
    config, held = read_config(app), []
    (choice,) = (each["id"] for each in config["components"] if each["props"].get("elem_id") == "model")
    taking_over = {each["id"] for each in config["dependencies"] if [choice, "change"] in each["targets"]}

    def hold(route: Route) -> None:
        if json.loads(route.request.post_data or "{}").get("fn_index") in taking_over:
            held.append(route)
        else:
            route.continue_()

    with visited(browser, "about:blank", WIDTHS["desk"]) as visit:
        page = visit.page
        page.route("**/queue/join*", hold)
        visit.go(app.url)
        expect(page.locator("#model-status .ready")).to_be_visible()
        page.locator("#open-panel > button").click()
        field_of(page, "repository").fill("no repository")
        page.locator("#open-model").click()
        problem = page.locator("#model-status .problem")
        expect(problem).to_be_visible()
        assert held
        for route in held:
            route.continue_()
        page.wait_for_timeout(2000)  # the answers are there
        expect(problem).to_contain_text("The previous generator is still in use.")


def test_no_event_has_two_listeners_that_wait_for_their_turn(app: RunningApp) -> None:
    """Gradio dispatches an event again to all of its listeners when one that waited ends: two woke each other."""
    waiting = Counter(
        tuple(target)
        for dependency in read_config(app)["dependencies"]
        if dependency["trigger_mode"] == "always_last" and dependency["backend_fn"]
        for target in dependency["targets"]
    )
    assert len(waiting) > 5 and waiting.most_common(1)[0][1] == 1, waiting
