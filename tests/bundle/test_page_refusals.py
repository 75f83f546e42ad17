"""The scripts of the page refuse hostile bundles as Python does: by a sentence, and before anything large is made."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import hostile_classes  # noqa: F401 - these five fill ATTACKS
import hostile_facts  # noqa: F401
import hostile_folders  # noqa: F401
import hostile_palette  # noqa: F401
import hostile_seamless  # noqa: F401
import hostile_weights  # noqa: F401
import pytest
from demo.browser_page import chromium, expect
from hostile_bundles import ATTACKS, FACTS, WEIGHTS
from huggingface_hub import constants
from local_hub import LocalHub
from page_engine import run_engine
from playwright.sync_api import Page

from dcgan_hub.pages.page import make_hub_page

GOLDEN = Path(__file__).parent.parent / "golden" / "tiny-bundle"
OPENED = 20  # in a browser
MAX_BYTES = 5_000_000  # of a file; larger ones are refused by their size, before they are read
UNUSED = ("training", "versions", "dataset.", "metrics.kid")  # facts that the page shows as text, or not at all
# To JavaScript 6.0 is 6, and the last of two values of one name is the only one. The SHA-256 is checked on downloads.
UNSEEN = (
    "format_version' 1.0",
    "classes 3.0",
    "' 6.0",
    "shape [8.0",
    "offsets [0.0",
    "a name twice",
    "metadata that",
    "one bit flipped",
)


def is_harmless(attack: str) -> bool:
    return attack.startswith(UNUSED) or any(part in attack for part in UNSEEN)


def spoiled_bundles(folder: Path) -> dict[str, str]:
    """Bundles with one attack each: the name of the attack by the folder."""
    folders = {}
    for number, (name, attack) in enumerate(ATTACKS.items()):
        bundle = folder / str(number)
        shutil.copytree(GOLDEN, bundle)
        attack.damage(bundle)
        files = [bundle / FACTS, bundle / WEIGHTS]
        if all(file.is_file() and not file.is_symlink() and file.stat().st_size < MAX_BYTES for file in files):
            folders[str(bundle)] = name
    return folders


def test_hostile_bundles_are_refused_by_the_page(tmp_path: Path) -> None:
    folders = spoiled_bundles(tmp_path)
    answers = run_engine(tmp_path, "refusals", folders=[*folders, str(GOLDEN)])
    assert answers.pop(str(GOLDEN)) == ""
    refusals = {folders[folder]: sentence for folder, sentence in answers.items()}
    assert [name for name, sentence in refusals.items() if not sentence and not is_harmless(name)] == []
    sentences = [sentence for sentence in refusals.values() if sentence]
    assert len(sentences) > 70
    assert all(". Received: " in text and text.endswith(".") and text.isprintable() for text in sentences)
    assert max(map(len, sentences)) < 700


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as started:
        yield started.browser.new_page()


def test_in_a_browser_the_page_shows_a_sentence_and_no_image(hub: LocalHub, page: Page, tmp_path: Path) -> None:
    refused = [folder for folder, name in spoiled_bundles(tmp_path).items() if not is_harmless(name)]
    opened = refused[:: len(refused) // OPENED][:OPENED]
    file = tmp_path / "page.html"
    file.write_bytes(make_hub_page("page", "tester/good", "main", constants.ENDPOINT))
    hub.plant("tester/good", {name: (GOLDEN / name).read_bytes() for name in (FACTS, WEIGHTS)})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    for number, folder in enumerate(opened):
        hub.plant(f"tester/bad{number}", {name: (Path(folder) / name).read_bytes() for name in (FACTS, WEIGHTS)})
        page.goto(f"{file.as_uri()}?model=tester/bad{number}")
        expect(page.locator("body > .status.problem")).to_contain_text(". Received: ")
        assert page.locator("canvas[data-drawn]").count() == 0 and not page.locator("main").is_visible()
    page.goto(file.as_uri())
    expect(page.locator("#sheet [data-drawn]")).to_have_count(16)
    assert (len(opened), errors) == (OPENED, [])
