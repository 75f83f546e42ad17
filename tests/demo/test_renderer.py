"""Drawing, remembering, links and files, without a page."""

import io
import json
import re
import shutil
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from PIL.ExifTags import Base as ExifTag

from dcgan_hub.bundle.generator import Generator
from dcgan_hub.demo.catalog.models import ModelRegistry
from dcgan_hub.demo.catalog.runs import RunShelf
from dcgan_hub.demo.html import escaped
from dcgan_hub.demo.rendering import batching
from dcgan_hub.demo.rendering.batching import Batches, Work, deadline
from dcgan_hub.demo.rendering.files import archive_file, film_file, sheet_file
from dcgan_hub.demo.rendering.pictures import sheet_html, strip_address, waiting_html
from dcgan_hub.demo.rendering.renderer import ContentCache, Renderer
from dcgan_hub.demo.rendering.sheets import Sheet, checked_sheet, read_link, read_query
from dcgan_hub.demo.rendering.walks import Walk, checked_walk
from dcgan_hub.errors import BundleError, DcganHubError, RunError, SettingsError
from dcgan_hub.networks.latent_points import Seed
from dcgan_hub.networks.point_syntax import parse_points

from .conftest import make_generator, make_run

MODEL = "runs/tiny"
CLASS_BUNDLE = Path(__file__).parent.parent / "golden" / "tiny-class-bundle"
SEAMLESS_BUNDLE = CLASS_BUNDLE.with_name("tiny-seamless-bundle")


@pytest.fixture
def renderer(runs: Path) -> Renderer:
    return Renderer(ModelRegistry(RunShelf(runs), open_hub=False))


@pytest.fixture
def generator(runs: Path) -> Generator:
    return Generator.from_pretrained(runs / "tiny")


def test_a_drawing_is_that_of_the_generator(renderer: Renderer, generator: Generator) -> None:
    points = parse_points("7, 3-5, 1~2@0.25", 64)
    drawn = renderer.draw(MODEL, points, 0.8)
    latents = np.stack([point.latent(generator) for point in points])
    np.testing.assert_array_equal(drawn.images, generator.generate(latents=latents, truncation=0.8))
    np.testing.assert_array_equal(drawn.images[:4], generator.generate(seeds=[7, 3, 4, 5], truncation=0.8))
    assert drawn.text_of(0) == {
        "seed": "7", "model": MODEL, "revision": renderer.registry.revision(MODEL), "truncation": "0.8",
        "software": "dcgan_hub",
    }  # fmt: skip
    assert drawn.text_of(4)["point"] == "1~2@0.25"


def test_of_a_generator_with_classes_a_seed_is_the_image_of_the_class_that_it_draws(tmp_path: Path) -> None:
    """And of a walk the embeddings of the classes are interpolated, as in `Generator.interpolate`."""
    shutil.copytree(CLASS_BUNDLE, make_run(tmp_path / "runs" / "fashion").generator)
    renderer = Renderer(ModelRegistry(RunShelf(tmp_path / "runs"), open_hub=False))
    generator = Generator.from_pretrained(CLASS_BUNDLE)
    drawn = renderer.draw("runs/fashion", parse_points("7, 3-5", 64), 0.8)
    np.testing.assert_array_equal(drawn.images, generator.generate([7, 3, 4, 5], truncation=0.8))
    frames = list(renderer.walk("runs/fashion", parse_points("7, 3", 64), 5, "slerp", True))
    np.testing.assert_array_equal(frames, generator.interpolate([7, 3], 5, loop=True))


def test_a_generator_with_the_weights_of_another_one_does_not_take_its_place(tmp_path: Path) -> None:
    """What is remembered of a seamless generator is not shown of one that draws the same weights with seams."""
    tiles, copy = (make_run(tmp_path / "runs" / name).generator for name in ("tiles", "copy"))
    shutil.copytree(SEAMLESS_BUNDLE, tiles)
    shutil.copytree(SEAMLESS_BUNDLE, copy)
    facts = json.loads((copy / "dcgan.json").read_text()) | {"format_version": 1}
    del facts["network"]["seamless"]
    (copy / "dcgan.json").write_text(json.dumps(facts))
    renderer = Renderer(ModelRegistry(RunShelf(tmp_path / "runs"), open_hub=False))
    drawings = [renderer.draw(f"runs/{name}", parse_points("1-4", 64)) for name in ("tiles", "copy")]
    assert [drawing.seamless for drawing in drawings] == [True, False]
    assert not np.array_equal(drawings[0].images, drawings[1].images)
    np.testing.assert_array_equal(drawings[1].images, Generator.from_pretrained(copy).generate(range(1, 5)))


def test_what_was_drawn_is_remembered_image_by_image(renderer: Renderer, monkeypatch: pytest.MonkeyPatch) -> None:
    first = renderer.draw(MODEL, parse_points("1-6", 64)).images
    computed = []
    real = Generator.generate_in_chunks

    def counted(self: Generator, seeds: None, latents: np.ndarray, *more: object) -> Iterator[np.ndarray]:
        computed.append(len(latents))
        return real(self, seeds, latents, *more)

    monkeypatch.setattr(Generator, "generate_in_chunks", counted)
    np.testing.assert_array_equal(renderer.draw(MODEL, parse_points("1-6", 64)).images, first)
    assert computed == []
    again = renderer.draw(MODEL, parse_points("4-8, 4", 64)).images
    assert computed == [2]  # 7 and 8
    np.testing.assert_array_equal(again[:3], first[3:])
    np.testing.assert_array_equal(again[5], first[3])
    renderer.draw(MODEL, parse_points("1", 64), 0.5)
    assert computed == [2, 1]  # another truncation is another image


def test_a_generator_that_learns_on_is_drawn_anew(tmp_path: Path) -> None:
    run = make_run(tmp_path / "runs" / "learner")
    make_generator(1).save_pretrained(run.generator)
    renderer = Renderer(ModelRegistry(RunShelf(tmp_path / "runs"), open_hub=False))
    before = renderer.draw("runs/learner", [Seed(1)])
    make_generator(2).save_pretrained(run.generator)
    after = renderer.draw("runs/learner", [Seed(1)])
    assert before.revision != after.revision
    assert (before.images != after.images).any()


def test_two_visitors_draw_at_once(renderer: Renderer, generator: Generator) -> None:
    results: dict[int, np.ndarray] = {}

    def visit(seed: int) -> None:
        results[seed] = renderer.draw(MODEL, [Seed(seed), Seed(seed + 1)]).images

    threads = [threading.Thread(target=visit, args=[100 * number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, images in results.items():
        np.testing.assert_array_equal(images, generator.generate(seeds=[seed, seed + 1]))


def test_those_who_wait_are_drawn_together_and_each_gets_his_own() -> None:
    begun, may_go_on, drawn = threading.Event(), threading.Event(), []

    def draw(latents: np.ndarray) -> np.ndarray:
        begun.set()
        may_go_on.wait(30)
        drawn.append(len(latents))
        return latents * 2

    batches = Batches()
    results: dict[int, np.ndarray] = {}

    def ask(number: int) -> None:
        results[number] = batches.draw(Work("key", draw), np.full((20, 1), number), deadline())

    threads = [threading.Thread(target=ask, args=[number]) for number in range(6)]
    threads[0].start()
    begun.wait(30)
    for thread in threads[1:]:
        thread.start()
    while len(batches._waiting) < 6:
        time.sleep(0.001)
    may_go_on.set()
    for thread in threads:
        thread.join()
    assert drawn == [20, 60, 40]  # at most 64 at a time
    for number, result in results.items():
        np.testing.assert_array_equal(result, np.full((20, 1), 2 * number))


def test_a_failure_reaches_all_who_waited_and_no_later_one() -> None:
    batches = Batches()

    def fail(latents: np.ndarray) -> np.ndarray:
        raise SettingsError("no room")

    for _ in range(2):
        with pytest.raises(SettingsError, match="no room"):
            batches.draw(Work("key", fail), np.zeros((1, 1)), deadline())
    assert len(batches.draw(Work("key", lambda latents: latents), np.zeros((1, 1)), deadline())) == 1


@pytest.mark.parametrize("truncation", [0, 0.04, 2.1, -1, float("nan"), float("inf"), None, "1", True, [1]])
def test_a_wrong_truncation_is_explained(renderer: Renderer, truncation: object) -> None:
    with pytest.raises(SettingsError, match=r"`truncation` must be a number from 0\.05 to 2"):
        renderer.draw(MODEL, [Seed(1)], truncation)


def test_the_number_of_images_is_bounded(renderer: Renderer) -> None:
    with pytest.raises(SettingsError, match="1 to 64 images"):
        renderer.draw(MODEL, [Seed(1)] * 65)
    with pytest.raises(SettingsError, match="1 to 64 images"):
        renderer.draw(MODEL, [])


def test_the_time_of_an_answer_is_bounded(renderer: Renderer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "MAX_SECONDS", 0.0)
    with pytest.raises(SettingsError, match="A request may take at most 0 seconds"):
        list(renderer.walk(MODEL, [Seed(1), Seed(2)], 300, "slerp", True))


@pytest.mark.parametrize(
    "model",
    ["runs/nowhere", "runs/../secret", "runs/linked", "/etc", "../secret", "runs/tiny/generator", "", "a" * 5000,
     "runs/tiny@step-00000500", "runs/%2e%2e/secret", "user/name", "<b>"],
)  # fmt: skip
def test_only_what_is_listed_can_be_loaded(renderer: Renderer, model: str) -> None:
    with pytest.raises(BundleError, match="The model must be one of those listed here") as caught:
        renderer.draw(model, [Seed(1)])
    assert len(str(caught.value)) < 600


def test_a_damaged_generator_is_explained_and_another_still_draws(tmp_path: Path) -> None:
    run = make_run(tmp_path / "runs" / "broken")
    make_generator(1).save_pretrained(run.generator)
    weights = run.generator / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4])
    renderer = Renderer(ModelRegistry(RunShelf(tmp_path / "runs"), open_hub=False))
    with pytest.raises(BundleError):
        renderer.draw("runs/broken", [Seed(1)])
    assert renderer.draw("avatars", [Seed(1)]).images.shape[0] == 1


def test_a_run_that_is_gone_is_explained(tmp_path: Path) -> None:
    run = make_run(tmp_path / "runs" / "gone")
    make_generator(1).save_pretrained(run.generator)
    renderer = Renderer(ModelRegistry(RunShelf(tmp_path / "runs"), open_hub=False))
    renderer.draw("runs/gone", [Seed(1)])
    (tmp_path / "runs" / "gone").rename(tmp_path / "elsewhere")
    with pytest.raises(DcganHubError, match="must be one of those"):
        renderer.draw("runs/gone", [Seed(1)])


def test_a_checkpoint_that_is_none_is_explained(tmp_path: Path) -> None:
    run = make_run(tmp_path / "runs" / "learner")
    run.checkpoint(500).mkdir(parents=True)
    registry = ModelRegistry(RunShelf(tmp_path / "runs"), open_hub=False)
    with pytest.raises((RunError, BundleError)):
        registry.load("runs/learner@step-00000500")


def test_the_cache_is_bounded_and_forgets_the_oldest() -> None:
    cache = ContentCache(100)
    for number in range(10):
        cache.put(number, bytes(12))
        cache.get(0)
    assert cache.size <= 100
    assert cache.get(0) is not None  # asked for all the time
    assert cache.get(1) is None
    assert cache.get(9) is not None
    cache.put("large", bytes(13))
    assert cache.get("large") is None
    cache.put(9, bytes(2))
    assert cache.size == sum(len(cache.get(key) or b"") for key in range(10))


def test_a_link_says_all_that_is_needed(renderer: Renderer) -> None:
    sheet = checked_sheet(MODEL, "5, 42~1-3@0.3", 16, 0.7)
    query = sheet.query(renderer.registry.revision(MODEL))
    read, revision = read_query(query)
    assert [point.text for point in read.points] == [point.text for point in sheet.points]
    assert (read.model, read.number, read.truncation) == (MODEL, 16, 0.7)
    assert revision == renderer.registry.revision(MODEL)
    assert " " not in query


def test_a_link_to_the_hub_names_repository_and_commit() -> None:
    query = Sheet(f"anna/faces@{'a' * 40}", "1").query("a" * 40)
    sheet, revision = read_query(query)
    assert (sheet.model, revision) == ("anna/faces", "a" * 40)


def test_a_single_seed_is_the_first_of_many_and_a_list_is_itself() -> None:
    assert Sheet(MODEL, "7", 3).points == [Seed(7), Seed(8), Seed(9)]
    assert Sheet(MODEL, "7, 1", 3).points == [Seed(7), Seed(1)]
    assert [point.text for point in Sheet(MODEL, "7~1@0.5", 3).points] == ["7~1@0.5"]
    with pytest.raises(SettingsError, match="Nearest valid: seed=4294967294"):
        Sheet(MODEL, str(2**32 - 1), 2)


def test_an_address_without_a_request_is_no_link() -> None:
    assert read_link({}) is None
    assert read_link({"__theme": "dark", "run": "tiny"}) is None
    with pytest.raises(SettingsError, match="Press Generate"):
        read_query("")


@pytest.mark.parametrize(
    "parameters",
    [
        {"seed": "x"}, {"seed": "1", "count": "many"}, {"seed": "1", "count": "65"}, {"seed": "1", "count": "nan"},
        {"seed": "1", "truncation": "9"}, {"model": "a" * 400}, {"model": "a", "revision": "b" * 400},
        {"seed": "1 " * 65}, {"seed": "1" * 9000},
    ],
)  # fmt: skip
def test_a_wrong_link_is_explained(parameters: dict[str, str]) -> None:
    with pytest.raises(SettingsError):
        read_link(parameters)


def test_a_sheet_and_an_archive_carry_their_seeds(renderer: Renderer, generator: Generator) -> None:
    drawn = renderer.draw(MODEL, parse_points("5, 42~1@0.3", 64))
    with Image.open(io.BytesIO(sheet_file(drawn))) as sheet:
        assert sheet.info["points"] == "5,42~1@0.3"
        assert sheet.info["revision"] == drawn.revision
    with zipfile.ZipFile(io.BytesIO(archive_file(drawn))) as archive:
        assert archive.namelist() == ["1-seed-5.png", "2-point-42~1@0.3.png"]
        with Image.open(io.BytesIO(archive.read("1-seed-5.png"))) as picture:
            assert picture.info["seed"] == "5"
            np.testing.assert_array_equal(np.asarray(picture), generator.generate(seeds=[5])[0])
    assert archive_file(drawn) == archive_file(drawn)


def a_walk(
    keys: str = "1,2", frames: Any = 6, speed: Any = 10, method: Any = "slerp", loop: bool = True, truncation: Any = 1.0
) -> Walk:
    return checked_walk(MODEL, keys, frames, speed, method, loop, truncation)


def shown_frames(content: bytes) -> list[np.ndarray]:
    with av.open(io.BytesIO(content)) as film:
        return [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]


@pytest.mark.parametrize("kind", ["mp4", "gif", "webp"])
def test_a_film_has_its_frames_and_says_what_it_shows(renderer: Renderer, kind: str) -> None:
    content = film_file(renderer, a_walk("1,2~3@0.5", truncation=0.7), kind)
    if kind == "mp4":
        with av.open(io.BytesIO(content)) as film:
            comment = film.metadata["comment"]
            assert len(list(film.decode(video=0))) == 6
    else:
        with Image.open(io.BytesIO(content)) as film:
            comment = film.info["comment"].decode() if kind == "gif" else film.getexif()[ExifTag.ImageDescription]
            assert film.n_frames == 6
            assert film.info["loop"] == 0
            film.seek(5)
            film.load()
    assert json.loads(comment) == {
        "points": "1,2~3@0.5", "method": "slerp", "loop": "true", "frames": "6", "frames_per_second": "10",
        "model": MODEL, "revision": renderer.registry.revision(MODEL), "truncation": "0.7", "software": "dcgan_hub",
    }  # fmt: skip


def test_frames_of_a_film_are_images_of_the_generator(renderer: Renderer, generator: Generator) -> None:
    content = film_file(renderer, a_walk(frames=5, method="lerp", loop=False), "zip")
    expected = generator.interpolate([1, 2], 5, method="lerp")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert len(archive.namelist()) == 5
        for name, image in zip(archive.namelist(), expected, strict=True):
            with Image.open(io.BytesIO(archive.read(name))) as picture:
                np.testing.assert_array_equal(np.asarray(picture), image)
                assert (picture.text["points"], picture.text["method"]) == ("1,2", "lerp")


@pytest.mark.parametrize(("shape", "size"), [("square", (1080, 1080)), ("9:16", (1920, 1080))])
def test_a_film_for_posting_has_the_picture_in_the_middle_of_its_border_color(
    renderer: Renderer, generator: Generator, shape: str, size: tuple[int, int]
) -> None:
    frames = shown_frames(film_file(renderer, a_walk(frames=4), "mp4", shape))
    assert [frame.shape for frame in frames] == [(*size, 3)] * 4
    borders = [
        pixel
        for image in generator.generate(seeds=[1, 2])
        for pixel in (*image[0], *image[-1], *image[:, 0], *image[:, -1])
    ]
    background = np.median(borders, axis=0)
    for frame, image in zip(frames, generator.interpolate([1, 2], 4, loop=True), strict=True):
        assert np.abs(frame[0] - background).mean() < 12  # the codec is slightly lossy
        top = (size[0] - 16 * 67) // 2  # 1080 // 16 is 67, and 4 pixels are left at each side
        small = frame[top + 33 : top + 16 * 67 : 67, 4 + 33 : 4 + 16 * 67 : 67]
        assert np.abs(small.astype(int) - image).mean() < 12


def test_a_film_leaves_no_file_behind(renderer: Renderer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    film_file(renderer, a_walk("8,9", frames=4), "mp4")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"frames": 361}, "`frames` must be a whole number from 2 to 360. Received: 361."),
        ({"frames": 1}, "`frames` must be a whole number from 2 to 360. Received: 1. Try 2."),
        ({"frames": "many"}, "`frames` must be a whole number"),
        ({"speed": 0}, "`frames_per_second` must be a whole number from 1 to 60"),
        ({"method": "teleport"}, "`method` must be one of slerp, lerp"),
        ({"keys": "1"}, "`seeds` must be 2 to 8 seeds or points. Received: 1."),
        ({"keys": " ; "}, "`seeds` must be 2 to 8 seeds or points. Received: none."),
        ({"keys": "1-9"}, "`seeds` takes at most 8 seeds or points. Received: 1 too many."),
        ({"truncation": 3}, "`truncation` must be a number"),
    ],
)
def test_a_wrong_walk_is_explained(changed: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(sentence)):
        a_walk(**changed)


@pytest.mark.parametrize(
    ("kind", "shape", "sentence"),
    [
        ("exe", "picture", "`format` must be one of mp4, gif, webp, zip"),
        ("mp4", "round", "`shape` must be one of picture, square, 9:16"),
        ("gif", "picture", "`frames_per_second` must be a whole number from 1 to 50"),
        ("webp", "9:16", "Only an mp4 can have a shape other than picture. Received: format=webp, shape=9:16."),
    ],
)
def test_a_wrong_format_is_explained(renderer: Renderer, kind: str, shape: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(sentence)):
        film_file(renderer, a_walk(speed=60), kind, shape)


def test_a_sheet_in_html_names_every_picture(renderer: Renderer) -> None:
    markup = sheet_html([renderer.draw(MODEL, parse_points("5, 1-2+3", 64))], chosen="5")
    assert markup.count("<button") == 2
    assert 'data-point="5" aria-pressed="true"' in markup
    assert 'data-point="1-2+3" aria-pressed="false"' in markup
    assert markup.count('alt="Image of ') == 2
    assert waiting_html(3, 64, 64).count("picture waiting") == 3


def test_a_strip_is_cut_into_its_images(renderer: Renderer) -> None:
    import base64

    images = renderer.draw(MODEL, parse_points("0-6", 64)).images
    address, columns = strip_address(images)
    with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as strip:
        pixels = np.asarray(strip)
    height, width = images.shape[1:3]
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        cut = pixels[row * height : (row + 1) * height, column * width : (column + 1) * width]
        np.testing.assert_array_equal(cut, image)


def test_no_text_is_code_on_the_page() -> None:
    assert escaped("<b>${alert(1)}{{x}}`\"'") == (
        "&lt;b&gt;&#36;&#123;alert(1)&#125;&#123;&#123;x&#125;&#125;&#96;&quot;&#x27;"
    )
