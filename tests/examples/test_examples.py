"""The notebook and the scripts of examples/ do what they say; only their training is shorter here."""

import ast
import json
import runpy
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dcgan_hub.evaluation.seams import seam_ratio

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"
PNG = b"\x89PNG"


def run_cell(source: str, names: dict[str, Any]) -> Any:
    """Runs a cell as notebooks do: returns the value of its last line, if that is an expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return None if last is None else eval(compile(ast.Expression(last.value), "cell", "eval"), names)


def test_the_notebook_leads_from_installing_to_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: dict[str, Any], squares: Path, finished_run: Path
) -> None:
    """The run is finished already, so its cell only opens it."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(finished_run, tmp_path / "runs" / "first")
    notebook = json.loads((EXAMPLES / "first-generator.ipynb").read_text(encoding="utf-8"))
    cells = {cell["id"]: "".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"}
    asked = 'train("avatars", run="runs/first", minutes=5)'
    assert asked in cells["train"]
    cells["train"] = cells["train"].replace(asked, "train(squares, run='runs/first', steps=9, quiet=True, **tiny)")
    names: dict[str, Any] = {"squares": squares, "tiny": tiny}
    shown = {name: run_cell(source, names) for name, source in cells.items()}
    assert shown["embedded"]._repr_png_()[:4] == shown["train"]._repr_png_()[:4] == PNG
    with shown["first-samples"] as sheet:
        assert sheet.text["seeds"] == "0-63"
    assert shown["draw"] == (4, 16, 16, 3)
    assert shown["page"].name == "first.html" and b'id="weights"' in Path("first.html").read_bytes()
    assert not any(cell.get("outputs") for cell in notebook["cells"]), "outputs would be of one machine"


def test_drawn_textures_tile_and_are_the_same_every_time(tmp_path: Path) -> None:
    draw = runpy.run_path(str(EXAMPLES / "draw_textures.py"))["main"]
    for folder in ("once", "again"):
        draw(str(tmp_path / folder), 24)
    files = [sorted((tmp_path / folder).iterdir()) for folder in ("once", "again")]
    assert len(files[0]) == 24 and [file.read_bytes() for file in files[0]] == [file.read_bytes() for file in files[1]]
    textures = np.stack([np.asarray(Image.open(file)) for file in files[0]])
    ratios = [seam_ratio(textures[kind::4]) for kind in range(4)]
    assert textures.shape == (24, 64, 64, 3) and 0.5 < min(ratios) and max(ratios) < 1.5
    cut = textures[:, :50, :50]
    assert seam_ratio(cut) > 2


def test_the_scripts_write_what_they_promise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: dict[str, Any], squares: Path, finished_run: Path
) -> None:
    """Runs that are finished already are not trained again, so one of three is trained here."""
    monkeypatch.chdir(tmp_path)
    for name in ("squares", "seed-0"):
        shutil.copytree(finished_run, tmp_path / "runs" / name)
    settings = {"minutes": None, "steps": 9, "quiet": True, **tiny}
    own_images, compare_seeds, walk_film = (
        runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"] for name in ("own_images", "compare_seeds", "walk_film")
    )
    own_images(str(squares), **settings)
    assert b'id="weights"' in Path("squares.html").read_bytes()
    monkeypatch.setitem(compare_seeds.__globals__, "SEEDS", (0, 1))
    compare_seeds(str(squares), **settings)
    with Image.open("seeds.png") as sheet, Image.open("squares.png") as square:
        rows = np.asarray(sheet)
        assert not np.array_equal(rows[: len(rows) // 2], rows[len(rows) // 2 :])
        assert square.width == square.height
    walk_film(str(finished_run), "walk.webp", seconds=1)
    with Image.open("walk.webp") as film:
        assert film.n_frames == 30
