"""Sheets of two generators, and sheets that go on: what is drawn, shown, linked to and saved."""

import io
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dcgan_hub.demo.catalog.models import ModelRegistry
from dcgan_hub.demo.catalog.runs import RunShelf
from dcgan_hub.demo.rendering.files import archive_file
from dcgan_hub.demo.rendering.pairs import pairs_file
from dcgan_hub.demo.rendering.renderer import Renderer
from dcgan_hub.demo.rendering.sheets import MAX_SHOWN, Sheet, checked_sheet, draw_sheet, read_link, read_query
from dcgan_hub.demo.tabs.generate import add_generate_tab, choose_point, other_choices, show_sheet
from dcgan_hub.demo.tabs.generate_files import drawings_of, png_of
from dcgan_hub.demo.tabs.sheet_growth import more_images
from dcgan_hub.errors import BundleError, SettingsError
from dcgan_hub.images.grids import opaque
from dcgan_hub.settings import MAX_SEED

from .conftest import lay_out, make_generator

COLOR, GRAY = "runs/tiny", "model/gray"
POINT = re.compile(r'data-point="([^"]+)"')


@pytest.fixture(scope="module")
def renderer(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Renderer:
    folder = tmp_path_factory.mktemp("another") / "gray"
    make_generator(2, channels=1).save_pretrained(folder)
    return Renderer(ModelRegistry(RunShelf(runs), [str(folder)], open_hub=False))


def test_two_generators_draw_the_same_points_row_above_row(renderer: Renderer) -> None:
    tab = lay_out(add_generate_tab, renderer)
    shown = show_sheet(tab, renderer, checked_sheet(COLOR, "5-9", 16, 1.0, GRAY))
    markup, link = shown[tab.sheet], shown[tab.link]
    assert f"Above <b>{COLOR}</b>, below <b>{GRAY}</b>" in markup
    assert POINT.findall(markup) == ["5", "6", "7", "8", "9"]
    assert re.findall(r'alt="Image of seed 5 by ([^"]+)"', markup) == [COLOR, GRAY]
    above, below = drawings_of(renderer, link)
    assert (above.model, below.model) == (COLOR, GRAY)
    np.testing.assert_array_equal(above.images, renderer.registry.load(COLOR).generate(seeds=range(5, 10)))
    np.testing.assert_array_equal(below.images, renderer.registry.load(GRAY).generate(seeds=range(5, 10)))

    with Image.open(io.BytesIO(pairs_file(above, below))) as sheet:
        pixels = np.asarray(sheet)
        assert (sheet.text["points"], sheet.text["model"], sheet.text["other"]) == ("5,6,7,8,9", COLOR, GRAY)
    cells = [(row, column) for row in range(4) for column in range(4)]  # images of 96 pixels, captions of 13 below
    found = [pixels[2 + 111 * row :, 2 + 98 * column :][:96:6, :96:6] for row, column in cells]
    expected = [above.images[:4], below.images[:4], above.images[4:], below.images[4:]]
    for row, images in enumerate(expected):
        for column, image in enumerate(images):
            np.testing.assert_array_equal(found[4 * row + column], opaque(image))
    assert (np.array(found[9:12]) == 255).all()  # no image, so that the last row of the second begins at the left
    with zipfile.ZipFile(io.BytesIO(archive_file(above, below))) as archive:
        assert archive.namelist()[::5] == ["1-runs-tiny/1-seed-5.png", "2-model-gray/1-seed-5.png"]

    view = choose_point(tab, renderer, COLOR, "5", 1.0, GRAY)[tab.view]
    assert re.findall(r"<figcaption[^>]*>([^<]+)<", view) == [COLOR, GRAY]
    with Image.open(io.BytesIO(png_of(renderer, COLOR, "5", 1.0, "512", True, GRAY)[1])) as pair:
        assert (pair.size, pair.text["seed"], pair.text["other"]) == ((1024, 512), "5", GRAY)
        np.testing.assert_array_equal(np.asarray(pair)[::32, ::32], np.hstack([opaque(above.images[0]), found[4]]))


def test_a_second_generator_that_is_the_first_or_is_gone(renderer: Renderer) -> None:
    assert checked_sheet(COLOR, "5", 3, 1.0, COLOR).models == [COLOR]
    assert "other" not in Sheet(COLOR, "5").query("")
    choices = [(name, name) for name in (COLOR, GRAY)]
    offered = other_choices(choices, COLOR, COLOR)
    assert (offered.value, offered.choices[1:], offered.visible) == ("", choices, True)
    assert other_choices(choices, COLOR, GRAY).value == GRAY
    assert not other_choices(choices[:1], COLOR, "").visible
    with pytest.raises(BundleError, match="must be one of those listed here"):
        draw_sheet(renderer, checked_sheet(COLOR, "5", 3, 1.0, "runs/nowhere"))


def test_a_sheet_goes_on_with_the_following_seeds_up_to_its_end(renderer: Renderer) -> None:
    tab = lay_out(add_generate_tab, renderer)
    link = show_sheet(tab, renderer, Sheet(COLOR, "5", 16, other=GRAY))[tab.link]
    more = more_images(renderer, link, {"ticket": 3, "shown": 16}, "22")
    assert (more["ticket"], POINT.findall(more["cells"])) == (3, [str(seed) for seed in range(21, 37)])
    assert re.findall(r'data-point="(\d+)" aria-pressed="true"', more["cells"]) == ["22"]
    assert more["cells"].count("<img") == 32
    assert 'data-action="more"' in more["end"]
    last = more_images(renderer, link, {"shown": 250}, "")
    assert POINT.findall(last["cells"]) == [str(seed) for seed in range(255, 261)]
    assert 'data-seed="261"' in last["end"]
    near = Sheet(COLOR, str(MAX_SEED - 19), 16).query("")
    assert f"{MAX_SEED} is the last seed." in more_images(renderer, near, {"shown": 16}, "")["end"]

    grown = link.replace("&count=16", f"&count={MAX_SHOWN}")  # as it is saved
    above, below = drawings_of(renderer, grown)
    assert len(above.points) == len(below.images) == MAX_SHOWN
    np.testing.assert_array_equal(below.images[70], renderer.registry.load(GRAY).generate(seeds=[75])[0])
    for query, most in ((grown, 64), (grown.replace("256", "257"), MAX_SHOWN)):
        with pytest.raises(SettingsError, match=f"`number` must be a whole number from 1 to {most}"):
            read_query(query, most)


@pytest.mark.parametrize(
    ("seed", "asked", "sentence"),
    [
        ("5, 6", {"shown": 2}, "Only a single first seed goes on"),
        ("5", {"shown": 0}, "`shown` must be a whole number from 1 to 256. Received: 0."),
        ("5", {"shown": "16"}, "`shown` must be a whole number"),
        ("5", None, "`shown` must be a whole number"),
    ],
)
def test_what_cannot_go_on_is_explained(renderer: Renderer, seed: str, asked: object, sentence: str) -> None:
    assert sentence in more_images(renderer, Sheet(COLOR, seed).query(""), asked, "")["problem"]
    assert more_images(renderer, "", asked, "") == {"ticket": 0}  # nothing is shown yet


def test_a_sheet_of_a_list_does_not_go_on(renderer: Renderer) -> None:
    tab = lay_out(add_generate_tab, renderer)
    assert 'data-action="more"' not in show_sheet(tab, renderer, Sheet(COLOR, "5, 6"))[tab.sheet]
    link = read_link({"model": COLOR, "seed": "5", "other": GRAY})
    assert link is not None and link[0].models == [COLOR, GRAY]
