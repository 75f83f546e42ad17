"""What the page computes, by its own scripts in Node, against Python: latents, points, images, PNG files."""

import io
from pathlib import Path

import numpy as np
import pytest
from page_engine import run_engine
from PIL import Image
from varied_networks import SEEDS, VariedBundle, lively_generator, write_lively_bundle

from dcgan_hub.bundle.generator import Generator
from dcgan_hub.errors import SettingsError
from dcgan_hub.networks.latent_points import latents_of, vector
from dcgan_hub.networks.latents import draw_latents
from dcgan_hub.networks.point_classes import leading_seed, named_shares
from dcgan_hub.networks.point_syntax import parse_point

POINTS = [
    "42", "4294967295", "42~7@0.3", "1.2.3", "1.2.3-4.5+6", "(1-2+3)~7@0.25", "5~(1.1.2)@0.99999", "3~3@0.5", "1~2@0",
    "7_1@2.5_2@-0.75", "(1.2)_2@9.99", "7_1@1.50", "{vector}", "{vector}~3@0.5", "zAB", "z", "7_0@1", "7_1@0",
    "7_2@1_1@1", "7_21@1", "7_1@10", "7_1@1.234", "7_1",
    "42c3", "(42)c0", "(42c3)c5", "1.2c3.5c1-7c2+9", "42c3~7c5@0.3", "42c3~7@0.9", "42~7c5@0.1", "42c3~7@1",
    "(1c2~2c4@0.5)~(3c2~4@0.25)@0.2", "(42c3~7c5@0.3)c1", "42c3_1@2.5", "{vector}c7", "42c", "42c01", "42c1000", "c3",
    "42c3c5",
    "", "4294967296", "042", "1.", "1-2", "1~2", "1~2@1.5", "1~2@0.123456", "(1", "1 2", "-1", "1e3", "<b>",
]  # fmt: skip


def test_latents_and_classes_are_those_of_numpy(tmp_path: Path) -> None:
    """The polar method draws pairs, so an odd number leaves one over."""
    seeds = [0, 42, 4294967295, *np.random.RandomState(1).randint(0, 2**32, 997, np.uint32).tolist()]
    run_engine(tmp_path, "latents", seeds=seeds, count=101, out=str(tmp_path / "latents"))
    drawn = np.fromfile(tmp_path / "latents", np.float32).reshape(-1, 101)
    assert np.array_equal(drawn, draw_latents(seeds, 101))
    classes = run_engine(tmp_path, "classes", seeds=seeds, count=1000)
    assert classes == [int(np.random.RandomState([seed, 1]).random_sample() * 1000) for seed in seeds]


class Space:
    """A latent space of 50 dimensions with two directions."""

    latent_dim = 50
    class_names = tuple(f"class {number}" for number in range(8))

    def directions(self, count: int) -> np.ndarray:
        return np.random.RandomState(0).normal(size=(2, 50)).astype(np.float32)[:count]


def test_a_name_is_the_same_point_as_in_python(tmp_path: Path) -> None:
    def parsed(text: str):
        try:
            return parse_point(text)
        except SettingsError:
            return None

    space = Space()
    full = vector(np.random.RandomState(1).normal(size=50)).text
    texts = [text.format(vector=full) for text in POINTS]
    points = [parsed(text) for text in texts]
    known = [point for point in points if point]
    names = run_engine(
        tmp_path, "points", texts=texts, out=str(tmp_path / "points"),
        directions=space.directions(2).tolist(), classNames=space.class_names,
    )  # fmt: skip
    assert [name and name[:2] for name in names] == [point and [point.text, leading_seed(point)] for point in points]
    for point, name in zip(points, names, strict=True):
        assert point is None or dict(name[2]) == pytest.approx(named_shares(point) or {}, abs=1e-12), name
    latents = np.fromfile(tmp_path / "points", np.float32).reshape(-1, 50)
    np.testing.assert_allclose(latents, latents_of(known, space), rtol=0, atol=2e-6)


def test_networks_of_every_kind_draw_the_images_of_python(tmp_path: Path, varied_bundles: list[VariedBundle]) -> None:
    jobs = [{"folder": str(bundle.folder), "out": str(tmp_path / bundle.folder.name)} for bundle in varied_bundles]
    run_engine(tmp_path, "images", bundles=jobs, seeds=list(SEEDS))
    for job, bundle in zip(jobs, varied_bundles, strict=True):
        drawn = np.fromfile(job["out"], np.uint8).reshape(bundle.images.shape)
        difference = np.abs(drawn.astype(np.int16) - bundle.images)
        assert bundle.images.std() > 20, "an empty image would prove nothing"
        assert difference.max() <= 1 and (difference > 0).mean() < 1e-3, job["folder"]


def test_directions_are_those_of_numpy(tmp_path: Path, varied_bundles: list[VariedBundle]) -> None:
    """Eigenvectors by Jacobi's method against LAPACK's; of networks with classes, those of the latents alone."""
    wide = write_lively_bundle(lively_generator(1, latent_dim=129), tmp_path / "wide", half_precision=False)
    folders = [str(bundle.folder) for bundle in varied_bundles]
    answers = run_engine(tmp_path, "directions", folders=[*folders, str(wide)])
    assert answers.pop(str(wide)) == []  # beyond 128 dimensions a page would think for too long
    for folder, directions in answers.items():
        expected = Generator.from_pretrained(folder).directions(20)
        assert expected.shape == (9, 9)
        np.testing.assert_allclose(directions, expected, rtol=0, atol=1e-6, err_msg=folder)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_saved_files_hold_every_pixel(tmp_path: Path, channels: int) -> None:
    images = np.random.RandomState(0).randint(0, 256, (3, 5, 7, channels), np.uint8)
    job = {"shape": images.shape[1:], "text": {"seed": "1~2@0.5", "model": "a\u2028b"}, "milliseconds": 50}
    frames = [image.reshape(-1).tolist() for image in images]
    run_engine(tmp_path, "png", images=frames, out=str(tmp_path / "walk.png"), **job)
    run_engine(tmp_path, "png", images=frames[:1], out=str(tmp_path / "one.png"), **job)
    with Image.open(io.BytesIO((tmp_path / "walk.png").read_bytes())) as film:
        assert (film.n_frames, film.info["loop"], film.info["duration"]) == (3, 0, 50)
        for number, image in enumerate(images):
            film.seek(number)
            assert np.array_equal(np.asarray(film.convert(film.mode)).reshape(image.shape), image)
    with Image.open(tmp_path / "one.png") as still:
        assert (still.text["seed"], still.text["model"], getattr(still, "n_frames", 1)) == ("1~2@0.5", "a?b", 1)
        assert np.array_equal(np.asarray(still).reshape(images[0].shape), images[0])
