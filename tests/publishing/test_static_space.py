"""`dcgan-hub space --static`: a page that is served as plain files, and reads its model from the Hub."""

import functools
import http.server
import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from demo.browser_page import Chromium, chromium, expect
from huggingface_hub import RepoCard
from local_hub import LocalHub
from PIL import Image
from playwright.sync_api import Locator, Page
from space_command import TINY_BUNDLE, plant_model, run_space

from dcgan_hub.bundle.generator import Generator

WEIGHTS = "model.safetensors"


class QuietFiles(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The folder as plain files, as the Hub serves a static Space."""
    handler = functools.partial(QuietFiles, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with chromium() as started:
        yield started


def drawn(page: Page, count: int) -> np.ndarray:
    """The images on the page, once `count` are there: uint8 (count, H, W, 3)."""
    expect(page.locator("#sheet [data-drawn]")).to_have_count(count)
    return np.stack([pixels_of(canvas) for canvas in page.locator("#sheet canvas").all()])


def pixels_of(canvas: Locator) -> np.ndarray:
    """What is on a canvas: uint8 (H, W, 3)."""
    height, width, *values = canvas.evaluate(
        "canvas => [canvas.height, canvas.width,"
        " ...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]"
    )
    return np.array(values, np.uint8).reshape(height, width, 4)[..., :3]


def test_a_static_space_draws_a_model_of_the_hub_at_its_commit(
    hub: LocalHub, browser: Chromium, tmp_path: Path
) -> None:
    commit = plant_model(hub)
    hub.add_account("anna", pro=False)  # for whom a Gradio Space would cost something
    token = hub.add_token("anna")
    result = run_space("anna/demo", "--model", "tester/faces", "--static", folder=tmp_path, token=token)
    assert result.returncode == 0, result.stderr
    assert "free" in result.stdout
    files = hub.files("anna/demo", repo_type="space")
    assert files.keys() - {".gitattributes"} == {"index.html", "README.md", "thumbnail.png", "LICENSE", "NOTICE"}
    data = RepoCard(files["README.md"].decode()).data.to_dict()
    assert (data["sdk"], data["models"], data["license"]) == ("static", ["tester/faces"], "mit")
    assert data["thumbnail"].endswith("/spaces/anna/demo/resolve/main/thumbnail.png")
    with Image.open(io.BytesIO(files["thumbnail.png"])) as thumbnail:
        assert thumbnail.width > 64
    plant_model(hub, "tester/others")
    weights = bytearray((TINY_BUNDLE / WEIGHTS).read_bytes())
    weights[-1] ^= 1
    facts = (TINY_BUNDLE / "dcgan.json").read_bytes()
    hub.plant("tester/damaged", {"dcgan.json": facts, WEIGHTS: bytes(weights)})
    hub.plant("tester/long", {"dcgan.json": facts, WEIGHTS: bytes(3_000_000)})
    hub.plant("tester/empty", {"README.md": b"nothing"})

    for name, content in files.items():
        (tmp_path / "site" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "site" / name).write_bytes(content)
    with served(tmp_path / "site") as address:
        page = browser.browser.new_page()
        hub.forget_requests()
        page.goto(address)
        difference = np.abs(drawn(page, 16).astype(int) - Generator.from_pretrained(TINY_BUNDLE).generate(range(16)))
        assert difference.max() <= 1
        assert {request.path for request in hub.requests} == {
            f"/tester/faces/resolve/{commit}/dcgan.json", f"/tester/faces/resolve/{commit}/{WEIGHTS}"
        }  # fmt: skip
        move_along_a_direction(page)
        page.goto(f"{address}?model=tester/others")
        drawn(page, 16)
        assert page.title() == "tester/others"
        for query, reason in {
            "tester/damaged": "must have the SHA-256",
            "tester/long": "may have at most 1,0",
            "tester/empty": "must be public on the Hub. Received: status 404",
            "../evil": "user/name. Received: ../evil",
            "a/b@c@d": "user/name. Received: a/b@c@d",
        }.items():
            page.goto(f"{address}?model={query}")
            expect(page.locator("body > .status.problem")).to_contain_text(reason)
            assert page.locator("#sheet canvas").count() == 0
        page.close()


def move_along_a_direction(page: Page) -> None:
    """Moves seed 3 along direction 2, which the page has computed from the weights, and opens the link to it anew."""
    generator = Generator.from_pretrained(TINY_BUNDLE)
    page.locator("#sheet button").nth(3).click()
    canvas = page.locator("#detail canvas")
    expect(page.locator("#direction option")).to_have_count(len(generator.directions()))
    page.locator("#direction").select_option("2")
    page.locator("#amount").fill("2.5")
    expect(canvas).to_have_attribute("data-drawn", "3_2@2.5")
    moved = generator.latents([3]) + 2.5 * generator.directions()[1]
    for _ in range(2):
        difference = np.abs(pixels_of(canvas).astype(int) - generator.generate(latents=moved)[0])
        assert difference.max() <= 1
        page.reload()
        expect(canvas).to_have_attribute("data-drawn", "3_2@2.5")


def test_a_static_space_is_written_without_a_network(hub: LocalHub, tmp_path: Path) -> None:
    result = run_space("anna/demo", "--model", "anna/faces@v1", "--static", "--to", "space", folder=tmp_path)
    assert (result.returncode, hub.requests) == (0, []), result.stderr
    assert '"revision": "v1"' in (tmp_path / "space" / "index.html").read_text(encoding="utf-8")
    words = ["anna/demo", "--model", TINY_BUNDLE, "--static", "--embed", "--title", "Faces & cats"]
    result = run_space(*words, "--to", "embedded", folder=tmp_path)
    assert (result.returncode, hub.requests) == (0, []), result.stderr
    page = (tmp_path / "embedded" / "index.html").read_text(encoding="utf-8")
    assert "connect-src 'none'" in page and 'id="weights"' in page
    data = RepoCard((tmp_path / "embedded" / "README.md").read_text(encoding="utf-8")).data.to_dict()
    assert (data["title"], data.get("models")) == ("Faces & cats", None)


def test_what_cannot_be_a_static_space_is_refused(hub: LocalHub, tmp_path: Path) -> None:
    plant_model(hub, private=True)
    hub.plant("tester/mine", {"index.html": b"<p>by hand</p>"}, repo_type="space")
    plant_model(hub, "tester/open")
    for words, reason in (
        (["tester/demo", "--model", "tester/faces", "--static"], "access is restricted. Add --embed"),
        (["tester/demo", "--model", "a/b", "--model", "c/d", "--static"], "shows one model. Received: a/b, c/d"),
        (["tester/demo", "--model", "a/b", "--embed"], "--embed without --static"),
        (["tester/mine", "--model", "tester/open", "--static"], "needs a repository of its own"),
    ):
        result = run_space(*words, folder=tmp_path, token=hub.write_token)
        assert (result.returncode, reason in result.stderr) == (2, True), result.stderr
    assert hub.files("tester/mine", repo_type="space") == {"index.html": b"<p>by hand</p>"}
