"""The modules form the layers drawn in docs/architecture.md, and nothing imports upwards."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Lowest first. A module may import from its own entry and from the rows below it, never from another entry of its row.
LAYERS = [
    {"errors"},
    {"atomic_files", "console", "keras_startup", "settings_fields"},
    {"network_settings"},
    {"settings"},
    {"presets"},
    {"images"},
    {"networks"},
    {"hub", "pages", "export"},
    {"bundle"},
    {"runs"},
    {"evaluation"},
    {"training", "publishing", "demo"},  # they meet in a run directory and in a bundle, and know nothing of each other
    {"commands"},
    {"cli"},
    {"__main__"},
]
PACKAGE = Path(__file__).resolve().parent.parent / "dcgan_hub"


def imported_modules(source: str, package: str) -> Iterator[str]:
    """Full names of all modules and names that `source` imports anywhere in it, also inside functions.

    Args:
        source: of a module.
        package: the package the module is in, e.g. "dcgan_hub.images", for its relative imports.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            yield from (word.value for word in node.args if isinstance(word, ast.Constant))


def upward_imports(root: Path) -> set[str]:
    """Every import of the package in `root` that does not point down, as "from -> to"."""
    level = {name: row for row, names in enumerate(LAYERS) for name in names}
    wrong = set()
    for path in sorted(root.rglob("*.py")):
        module = path.relative_to(root).with_suffix("")
        entry = module.parts[0]
        if entry == "__init__":  # the public names: it points everywhere, but lazily
            continue
        assert entry in level, f"LAYERS in {Path(__file__).name} must name '{entry}'"
        for name in imported_modules(path.read_text(encoding="utf-8"), ".".join([root.name, *module.parts[:-1]])):
            if name.split(".")[0] != root.name or name == f"{root.name}.__version__":
                continue
            target = name.split(".")[1] if "." in name else "the package itself"
            if target != entry and level.get(target, len(LAYERS)) >= level[entry]:
                wrong.add(f"{'.'.join(module.parts)} -> {target}")
    return wrong


def test_every_import_points_down() -> None:
    assert not upward_imports(PACKAGE)


@pytest.mark.parametrize(
    "statement",
    [
        "from dcgan_hub.training.train import train",
        "import dcgan_hub.training.train",
        "from dcgan_hub import training",
        "from ..training import train",
        "from ..training.train import train",
        "def later():\n    from dcgan_hub.training.train import train",
        "import importlib\nimportlib.import_module('dcgan_hub.training.train')",
        "from dcgan_hub import train",  # a public name hides the layer it comes from
    ],
)
def test_an_upward_import_is_found(tmp_path: Path, statement: str) -> None:
    folder = tmp_path / "dcgan_hub" / "images"
    folder.mkdir(parents=True)
    (folder / "good.py").write_text("from dcgan_hub.settings import Settings\nfrom . import bad\nimport numpy\n")
    assert upward_imports(tmp_path / "dcgan_hub") == set()
    (folder / "bad.py").write_text(statement + "\n")
    assert {row.split(" -> ")[0] for row in upward_imports(tmp_path / "dcgan_hub")} == {"images.bad"}


def test_entries_of_one_row_do_not_import_each_other(tmp_path: Path) -> None:
    root = tmp_path / "dcgan_hub"
    root.mkdir()
    (root / "atomic_files.py").write_text("from dcgan_hub.console import Console\n")
    (root / "training.py").write_text("from dcgan_hub.runs.directory import RunDirectory\n")
    (root / "publishing.py").write_text("from dcgan_hub.training.train import train\n")
    (root / "demo.py").write_text("def later():\n    from dcgan_hub.training import checkpoint\n")
    assert upward_imports(root) == {"atomic_files -> console", "publishing -> training", "demo -> training"}


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("dcgan_hub", "tensorflow keras gradio numpy PIL huggingface_hub"),
        ("dcgan_hub.cli", "tensorflow keras gradio"),
        ("dcgan_hub.settings", "tensorflow keras gradio numpy PIL"),
        ("dcgan_hub.images.preparation.prepare", "tensorflow keras gradio"),
        ("dcgan_hub.networks.latents", "tensorflow keras gradio"),
        ("dcgan_hub.demo.app", "tensorflow keras"),  # the page is up before the first model is loaded
    ],
)
def test_an_import_brings_nothing_heavy(module: str, unwanted: str, tmp_path: Path) -> None:
    program = f"import sys, {module}; sys.stdout.write(' '.join(set('{unwanted}'.split()) & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert result.stdout == ""
