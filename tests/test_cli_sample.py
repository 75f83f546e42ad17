"""`dcgan-hub sample` and `interpolate` on a real bundle; each mistake is one message and status 2."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from dcgan_hub.bundle.generator import Generator
from dcgan_hub.cli import main
from dcgan_hub.commands.seeds import parse_seeds
from dcgan_hub.errors import SettingsError

BUNDLE = Path(__file__).parent / "golden" / "tiny-bundle"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder with a bundle named `model`."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(BUNDLE, "model")
    return tmp_path


def command(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command as a process of its own."""
    kept = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    return subprocess.run(
        [sys.executable, "-m", "dcgan_hub.cli", *words],
        capture_output=True,
        text=True,
        env=kept | environment,
        timeout=60,
    )


def test_help_is_instant_and_shows_examples():
    started = time.monotonic()
    finished = command("--help")

    assert finished.returncode == 0
    assert "dcgan-hub sample runs/anime --seeds 1,5-9,100 --out faces/" in finished.stdout
    assert "dcgan-hub interpolate runs/anime --seeds 1,2,3" in finished.stdout
    assert time.monotonic() - started < 2, "Keras alone takes longer"


def test_a_command_says_what_it_wrote_and_nothing_else(here):
    """TensorFlow's start-up messages would appear on standard error."""
    finished = command("sample", "model", "--seeds", "1,5-6", "--out", "faces", "--sheet", "sheet.png")

    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout == "Wrote 3 images to faces and a sheet of 3 to sheet.png.\n"
    assert sorted(path.name for path in Path("faces").iterdir()) == [
        "seed-0000000001.png",
        "seed-0000000005.png",
        "seed-0000000006.png",
    ]


def test_the_pngs_are_the_generators_images_with_their_origin(here):
    generator = Generator.from_pretrained("model")

    assert main(["sample", "model", "--seeds", "7,4294967295", "--out", "faces", "--truncation", "0.7"]) == 0

    for seed, image in zip((7, 2**32 - 1), generator.generate([7, 2**32 - 1], truncation=0.7), strict=True):
        with Image.open(f"faces/seed-{seed:010d}.png") as read:
            np.testing.assert_array_equal(np.asarray(read), image)
            assert (read.text["seed"], read.text["model"], read.text["truncation"]) == (str(seed), "model", "0.7")
            assert read.text["weights"] == f"sha256:{generator.facts.weights.sha256}"


def test_count_goes_on_from_a_first_seed(here):
    assert main(["sample", "model", "--count", "40", "--out", "faces"]) == 0
    assert main(["sample", "model", "--count", "2", "--first-seed", "40", "--out", "faces"]) == 0

    assert sorted(path.name for path in Path("faces").iterdir()) == [f"seed-{seed:010d}.png" for seed in range(42)]


def test_the_sheet_shows_the_seeds_in_their_order(here):
    assert main(["sample", "model", "--seeds", "9,3,3", "--sheet", "new/sheet.png"]) == 0

    with Image.open("new/sheet.png") as sheet:
        assert sheet.text["seeds"] == "9,3,3"
        pixels = np.asarray(sheet)
    nine, three = Generator.from_pretrained("model").generate([9, 3])  # 18 x 24, four times enlarged
    np.testing.assert_array_equal(pixels[2 : 2 + 72 : 4, 2 : 2 + 96 : 4], nine)
    np.testing.assert_array_equal(pixels[2 : 2 + 72 : 4, 100 : 100 + 96 : 4], three)
    assert sheet.size[0] == 2 + 2 * 98, "a seed given twice is shown once"


def test_a_tile_is_repeated_and_seams_are_announced(here, capsys):
    plain, tiles = Generator.from_pretrained("model"), Generator.from_pretrained(BUNDLE.parent / "tiny-seamless-bundle")
    words = ["--seeds", "1,2", "--tile", "2x3", "--out", "out", "--sheet", "sheet.png", "--overwrite"]
    for name, generator in (("model", plain), (str(BUNDLE.parent / "tiny-seamless-bundle"), tiles)):
        assert main(["sample", name, *words]) == 0
        said = capsys.readouterr().out
        assert said.startswith("Wrote 2 images to out and a sheet of 2 to sheet.png.\n")
        seams = "note: model was not trained with --seamless, so seams show between the repeated images.\n"
        assert said.endswith(seams) == (generator is plain)
        with Image.open("out/seed-0000000002.png") as image:
            assert image.text["tile"] == "2x3"
            np.testing.assert_array_equal(np.asarray(image), np.tile(generator.generate([2])[0], (2, 3, 1)))
        with Image.open("sheet.png") as sheet:
            assert sheet.width >= 2 * 3 * generator.image_shape[1]


def test_nothing_is_overwritten_unasked(here, capsys):
    main(["sample", "model", "--seeds", "1-3", "--out", "faces", "--sheet", "sheet.png"])
    before = {path: path.read_bytes() for path in (*Path("faces").iterdir(), Path("sheet.png"))}
    again = ["sample", "model", "--seeds", "3-4", "--out", "faces", "--truncation", "0.5"]

    assert main(again) == 2
    assert "Received: faces/seed-0000000003.png, which already exists" in capsys.readouterr().err
    assert main(["sample", "model", "--seeds", "9", "--sheet", "sheet.png"]) == 2
    assert {path: path.read_bytes() for path in (*Path("faces").iterdir(), Path("sheet.png"))} == before

    assert main([*again, "--overwrite"]) == 0
    assert Path("faces/seed-0000000003.png").read_bytes() != before[Path("faces/seed-0000000003.png")]
    assert Path("faces/seed-0000000002.png").read_bytes() == before[Path("faces/seed-0000000002.png")]


def test_a_walk_becomes_a_film(here, capsys):
    assert main(["interpolate", "model", "--seeds", "1,2,3", "--frames", "30", "--loop", "--out", "walk.mp4"]) == 0

    assert capsys.readouterr().out == "Wrote 30 frames, 1.2 seconds to walk.mp4.\n"
    with av.open("walk.mp4") as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert (len(frames), frames[0].shape) == (30, (180, 240, 3))  # 18 x 24, ten times enlarged


def test_a_walk_becomes_a_folder_of_exact_frames(here):
    assert main(["interpolate", "model", "--seeds", "1,2", "--frames", "5", "--method", "lerp", "--out", "frames"]) == 0

    expected = Generator.from_pretrained("model").interpolate([1, 2], 5, "lerp")
    for index in range(5):
        with Image.open(f"frames/frame-{index:05d}.png") as frame:
            np.testing.assert_array_equal(np.asarray(frame), expected[index])


def test_a_walk_has_60_frames_from_seed_to_seed(here, capsys):
    main(["interpolate", "model", "--seeds", "1-3", "--out", "walk.webp", "--scale", "1"])
    main(["interpolate", "model", "--seeds", "1-3", "--out", "loop.gif", "--loop", "--scale", "1"])

    assert capsys.readouterr().out == (
        "Wrote 121 frames, 5.0 seconds to walk.webp.\nWrote 180 frames, 7.5 seconds to loop.gif.\n"
    )
    with Image.open("loop.gif") as film:
        assert film.n_frames == 180


@pytest.mark.parametrize(
    "words, message",
    [
        ("sample model --seeds 9-5 --out x", "must be ascending. Received: --seeds 9-5. Try --seeds 5-9"),
        ("sample model --seeds 1,,2 --out x", "Received: ''"),
        ("sample model --seeds 4294967296 --out x", "at most 4294967295. Received: --seeds 4294967296"),
        ("sample model --seeds -1 --out x", "Received: '-1'"),
        ("sample model --seeds 0-1000000 --out x", "1,000,000 seeds"),
        ("sample model --seeds 1", "neither --out nor --sheet"),
        ("sample model --out x", "one of the arguments --seeds --count is required"),
        ("sample model --count 0 --out x", "--count 0"),
        ("sample model --count 99999999999 --out x", "--count 99999999999"),
        ("sample model --count many --out x", "'many'"),
        ("sample model --seeds 1 --first-seed 2 --out x", "--first-seed with --seeds"),
        ("sample model --seeds 1 --out x --truncation 3", "Received: 3.0"),
        (
            "sample model --seeds 1 --out x --tile 0x3",
            "`--tile` must be rows x columns, each 1 to 16. Received: --tile 0x3",
        ),
        ("sample model --seeds 1 --out x --tile 2", "Received: --tile 2. Try --tile 2x2"),
        ("sample model --seeds 1 --out x --tile 17x1", "Received: --tile 17x1"),
        ("sample model --seeds 1 --out x --tile ²x²", "Received: --tile ²x²"),
        ("sample model --seeds 1 --sheet x.jpg", "A sheet must be a PNG. Received: --sheet x.jpg. Try x.png"),
        ("sample model --seeds 1 --sheet model", "Try model.png"),
        ("sample model --seeds 1 --out notes.txt", "notes.txt is a file"),
        ("sample model --seeds 1 --out notes.txt/x", "notes.txt is a file"),
        ("sample model --count 200000 --sheet x.png", "200,000 images"),
        ("sample nowhere --seeds 1 --out x", "Received: 'nowhere', which does not exist"),
        ("sample someone/model --seeds 1 --out x", "Hub"),
        ("sample damaged --seeds 1 --out x", "damaged/model.safetensors must have"),
        ("sample notes.txt --seeds 1 --out x", "the file notes.txt"),
        ("sample model --seeds 1 --out x --wrong", "unrecognized arguments: --wrong"),
        ("interpolate model --seeds 1 --out x.mp4", "at least 2 seeds"),
        ("interpolate model --seeds 1,2 --out x.avi", "Received: x.avi. Try x.mp4"),
        ("interpolate model --seeds 1,2 --out x.gif --fps 60", "Received: 60.0"),
        ("interpolate model --seeds 1,2 --out x.mp4 --frames 1", "Received: 1 frames"),
        ("interpolate model --seeds 1,2 --out x.mp4 --scale 0", "`scale` must be at least 1"),
        ("interpolate model --seeds 1,2 --out x.mp4 --scale 999", "Try scale=170"),
        ("interpolate model --seeds 1,2 --out x.mp4 --method cubic", "invalid choice: 'cubic'"),
        ("interpolate model --seeds 1,2 --out taken.mp4", "taken.mp4, which already exists"),
        ("interpolate model --seeds 1,2 --out model", "new or an empty folder. Received: model"),
        ("interpolate model --seeds 1,2 --out notes", "notes is a file"),
        ("", "required: COMMAND"),
    ],
)
def test_a_mistake_is_one_message_and_touches_nothing(here, capsys, words, message):
    Path("notes.txt").write_text("mine")
    Path("notes").write_text("mine")
    Path("taken.mp4").write_text("mine")
    shutil.copytree("model", "damaged")
    Path("damaged/model.safetensors").write_bytes(b"\0" * 100)
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}

    try:
        status = main(words.split())
    except SystemExit as stopped:  # argparse's own
        status = stopped.code

    output = capsys.readouterr()
    assert status == 2
    assert message in output.err and "Traceback" not in output.err
    assert output.out == ""
    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before


def test_a_mistake_has_no_traceback_in_its_own_process(here):
    finished = command("sample", "nowhere", "--seeds", "1", "--out", "x")

    assert finished.returncode == 2
    assert finished.stderr.startswith("error: A generator is") and finished.stderr.count("\n") == 1


def test_an_interrupt_has_no_traceback(here, capsys, monkeypatch):
    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(np.random, "RandomState", interrupted)  # Ctrl-C in the middle of drawing

    assert main(["sample", "model", "--seeds", "1", "--out", "x"]) == 130
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "text, seeds",
    [
        ("0", [0]),
        ("1,5-9,100", [1, 5, 6, 7, 8, 9, 100]),
        (" 3 , 1 - 2 ", [3, 1, 2]),
        ("2,2", [2, 2]),
        ("4294967295", [2**32 - 1]),
        ("7-7", [7]),
    ],
)
def test_seeds_are_read_in_their_order(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    "text", ["", ",", "1;2", "1-", "-1", "1.5", "one", "1-2-3", "٣", "1_000", "0x10", "99999999999"]
)
def test_what_are_no_seeds_is_explained(text):
    with pytest.raises(SettingsError, match=r"Received: .*Try --seeds"):
        parse_seeds(text)
