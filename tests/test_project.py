"""What holds for the project as a whole: its files, its pins, its notices, its public names."""

import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import dcgan_hub

ROOT = Path(__file__).resolve().parent.parent
PIN = re.compile(r"([a-z0-9.-]+)==(\S+) --hash=sha256:[0-9a-f]{64}")
# Put together from parts, so that this file does not hold what it looks for.
MACHINE_PATH = re.compile(rf"(?<![\w.])/({'|'.join(['home', 'root', 'Users', 'mnt', 'workspace'])})/")
REGISTRY = re.compile("|".join([r"py" + r"pi\.org", r"python" + "hosted", r"/sim" + "ple/"]))


def project_files() -> list[Path]:
    """What git tracks or would track; in an unpacked archive, every file outside of hidden folders."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if result.returncode == 0:
        paths = [ROOT / name for name in result.stdout.split("\0") if name]
    else:
        paths = [path for path in ROOT.rglob("*") if not any(part.startswith(".") for part in path.parts)]
    return [path for path in paths if path.is_file()]


def text_lines() -> Iterator[tuple[str, str]]:
    """Every line of every text file, with its place."""
    for path in project_files():
        content = path.read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode("utf-8").splitlines(), 1):
            yield f"{path.relative_to(ROOT)}:{number}", line


@pytest.mark.parametrize("pattern", [MACHINE_PATH, REGISTRY], ids=["path of one machine", "address of an index"])
def test_no_file_depends_on_where_it_was_written(pattern: re.Pattern[str]) -> None:
    assert [place for place, line in text_lines() if pattern.search(line)] == []


def test_paths_of_machines_are_recognized() -> None:
    assert MACHINE_PATH.search("open('/" + "home/ada/cats')")
    assert MACHINE_PATH.search("cd /" + "root/project")
    assert not MACHINE_PATH.search("docs/home/page.md and dcgan_hub/root/x")


def test_contributing_stays_short() -> None:
    assert len((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").splitlines()) <= 50


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_commands_in_the_documents_exist(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    named = set(re.findall(r"^\s*(?:\$ )?make ([a-z-]+)|`make ([a-z-]+)", text, flags=re.MULTILINE))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    names = {first or second for first, second in named}
    assert "test" in names, f"{document} must say how to run the tests"
    assert names <= targets


def test_every_target_is_listed_by_make_help() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = set(re.search(r"^\.PHONY: (.*)$", text, flags=re.MULTILINE)[1].split())
    result = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {line.split()[1] for line in result.stdout.splitlines()} == phony


def test_the_notice_names_every_asset() -> None:
    assets = [path for path in project_files() if (ROOT / "dcgan_hub" / "assets") in path.parents]
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    missing = [path.relative_to(ROOT).as_posix() for path in assets if path.suffix != ".py"]
    assert [name for name in missing if name not in notice] == []


def test_every_requirement_is_pinned_within_its_bounds() -> None:
    """Fails if pyproject.toml asks for something that `make constraints` has not pinned since."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [PIN.fullmatch(line) for line in lines if not line.startswith("#")]
    assert all(pins), "every line of constraints.txt is one pin with its hash"
    versions = {pin[1]: pin[2] for pin in pins if pin}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    wanted += project["project"]["optional-dependencies"]["dev"]
    for requirement in map(Requirement, wanted):
        assert requirement.name in versions, f"run `make constraints`: {requirement} is not pinned"
        assert requirement.specifier.contains(versions[requirement.name]), f"run `make constraints`: {requirement}"


def test_the_type_checker_is_told_of_imported_dependencies_only() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    optional = project["project"]["optional-dependencies"]
    wanted = [*project["project"]["dependencies"], *(line for extra in optional.values() for line in extra)]
    dependencies = {Requirement(line).name.replace("-", "_") for line in wanted}
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "dcgan_hub").rglob("*.py")]
    for pattern in (name for override in project["tool"]["mypy"]["overrides"] for name in override["module"]):
        name = pattern.removesuffix(".*")
        assert name in dependencies, f"{name} is no dependency"
        imported = re.compile(rf"^ *(?:import|from) {name}\b", flags=re.MULTILINE)
        assert any(imported.search(source) for source in sources), f"{name} is not imported"


def test_figures_that_a_decision_repeats_are_those_of_the_table() -> None:
    decision = (ROOT / "docs" / "decisions" / "0016-healing-is-asked-for.md").read_text(encoding="utf-8")
    table = (ROOT / "docs" / "doctor.md").read_text(encoding="utf-8")
    times = re.findall(r"\d\.\d\d", decision)
    assert times and [figure for figure in times if f"{figure} x" not in table] == []


def test_files_named_by_the_description_of_the_architecture_exist() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`([a-z_]+/[a-z_*]+\.py)`", text)
    assert named and [name for name in named if not list(ROOT.glob(name)) + list((ROOT / "dcgan_hub").glob(name))] == []


def test_a_space_asks_for_no_more_than_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    allowed = {Requirement(line).name: Requirement(line).specifier for line in project["project"]["dependencies"]}
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    for requirement in (Requirement(line) for line in lines if line and not line.startswith("#")):
        name = requirement.name.replace("tensorflow-cpu", "tensorflow")  # the same library without a GPU's code
        assert requirement.specifier == allowed[name], f"{requirement} differs from pyproject.toml"


@pytest.mark.parametrize("name", dcgan_hub.__all__)
def test_public_names_exist_and_are_documented(name: str) -> None:
    value = getattr(dcgan_hub, name)
    assert name in dir(dcgan_hub)
    assert name.startswith("__") or (value.__doc__ or "").strip(), f"{name} needs a docstring"


def test_the_wheel_holds_the_package_and_its_assets_and_nothing_else(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    packaged = {
        str(path.relative_to(ROOT)) for path in project_files() if path.relative_to(ROOT).parts[0] == "dcgan_hub"
    }
    assert {"dcgan_hub/assets/avatars.zip", "dcgan_hub/bundle/card.md.jinja", "dcgan_hub/py.typed"} <= packaged
    assert {name for name in names if not name.split("/")[0].endswith(".dist-info")} == packaged
