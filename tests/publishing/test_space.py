"""`dcgan-hub space`: the files it writes, and how they get to the Hub."""

import ast
import importlib.metadata
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import gradio
import pytest
from huggingface_hub import RepoCard
from local_hub import LocalHub
from packaging.requirements import Requirement
from space_command import ROOT, plant_model, run_space

from dcgan_hub.demo.catalog.models import ModelRegistry
from dcgan_hub.demo.catalog.runs import RunShelf
from dcgan_hub.errors import BundleError, DataError, HubError, SettingsError
from dcgan_hub.publishing.space import ShownModel, Space, pinned_requirements, write_space

COMMIT = "0123456789abcdef0123456789abcdef01234567"
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}  # those that the Hub knows
FACES = ShownModel("tester/faces", COMMIT)
SPACE = Space("tester/demo", (FACES,))


def read_tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def front_matter(readme: str) -> dict[str, object]:
    return RepoCard(readme).data.to_dict()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written") / "space"
    write_space(folder, SPACE)
    return folder


# The files


def test_a_space_holds_the_package_without_the_images_for_training(written: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "dcgan_hub"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    if listed.returncode != 0:
        pytest.skip("what belongs to the package is known to git only")
    package = {name for name in listed.stdout.splitlines() if (ROOT / name).is_file()}
    files = read_tree(written)
    training = {name for name in package if name.startswith("dcgan_hub/assets/") and "/generator/" not in name}
    assert training  # images to learn from, and the network that judges
    assert {name for name in files if "/" in name} == package - training
    assert {name for name in files if "/" not in name} == {
        "app.py", "README.md", "requirements.txt", "LICENSE", "NOTICE"
    }  # fmt: skip
    for name in package & files.keys() | {"LICENSE", "NOTICE"}:
        assert files[name] == (ROOT / name).read_bytes()


def test_the_front_matter_is_what_the_hub_asks_for(written: Path) -> None:
    data = front_matter((written / "README.md").read_text(encoding="utf-8"))
    assert data["sdk"] == "gradio"
    assert data["sdk_version"] == gradio.__version__
    assert data["python_version"] == "3.12"  # a text: as a number the next one would be 3.2
    assert data["app_file"] == "app.py"
    assert data["models"] == ["tester/faces"]
    assert data["preload_from_hub"] == [f"tester/faces dcgan.json,model.safetensors {COMMIT}"]
    assert data["license"] == "mit"
    assert {data["colorFrom"], data["colorTo"]} <= COLOURS
    assert len(data["short_description"]) <= 60
    assert data["title"] == "demo"
    assert data["tags"]
    assert len(data["emoji"]) == 1


def test_only_public_models_at_a_known_commit_are_preloaded(tmp_path: Path) -> None:
    models = (
        FACES,
        ShownModel("tester/cats", "v1"),
        ShownModel("tester/dogs"),
        ShownModel("a/b", COMMIT, public=False),
    )
    write_space(tmp_path / "space", Space("tester/demo", models, title="Faces: & cats", licence="cc0-1.0"))
    readme = (tmp_path / "space" / "README.md").read_text(encoding="utf-8")
    data = front_matter(readme)
    assert data["preload_from_hub"] == [f"tester/faces dcgan.json,model.safetensors {COMMIT}"]
    assert data["models"] == ["tester/faces", "tester/cats", "tester/dogs", "a/b"]
    assert (data["title"], data["license"]) == ("Faces: & cats", "cc0-1.0")
    assert "HF_TOKEN" in readme

    write_space(tmp_path / "other", Space("tester/demo", models[1:3]))
    readme = (tmp_path / "other" / "README.md").read_text(encoding="utf-8")
    assert "preload_from_hub" not in front_matter(readme)
    assert "HF_TOKEN" not in readme


def test_the_app_of_a_space_is_our_app_with_its_models_before_it(written: Path) -> None:
    ours = ast.parse((ROOT / "app.py").read_text(encoding="utf-8")).body
    spaces = ast.parse((written / "app.py").read_text(encoding="utf-8")).body
    assert {ast.unparse(node) for node in ours[1:]} <= {ast.unparse(node) for node in spaces}
    assert ast.unparse(spaces[-1]) == ast.unparse(ours[-1])


@pytest.mark.parametrize(("setting", "expected"), [(None, f"tester/faces@{COMMIT}"), ("a/b@v2,c/d", "a/b@v2,c/d")])
def test_settings_of_the_space_win_over_its_file(written: Path, setting: str | None, expected: str) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "DCGAN_HUB_MODELS"}
    environment |= {"DCGAN_HUB_MODELS": setting} if setting else {}
    program = "import app, os, dcgan_hub; print(os.environ['DCGAN_HUB_MODELS'], dcgan_hub.__file__)"
    command = [sys.executable, "-B", "-c", program]
    result = subprocess.run(command, cwd=written, env=environment, capture_output=True, text=True, check=True)
    assert result.stdout.split() == [expected, str(written / "dcgan_hub" / "__init__.py")]


def test_on_zero_gpu_the_space_has_a_function_for_it(written: Path, tmp_path: Path) -> None:
    """ZeroGPU's own package is stood in for: here it only counts what it is given."""
    (tmp_path / "spaces.py").write_text(
        "import sys\nassert 'gradio' not in sys.modules\nfound = []\nGPU = found.append\n"
    )
    environment = os.environ | {"SPACES_ZERO_GPU": "true", "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-B", "-c", "import app, spaces; print(len(spaces.found))"]
    result = subprocess.run(command, cwd=written, env=environment, capture_output=True, text=True, check=True)
    assert result.stdout == "1\n"


# The requirements


def test_requirements_are_the_versions_that_are_tested() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    tested = dict(line.split(" ")[0].split("==") for line in lines if line and not line.startswith("#"))
    tested["tensorflow-cpu"] = tested["tensorflow"]
    pins = pinned_requirements()
    for name in ("pydantic", "pydantic-core"):  # the one exception, see the next test
        tested[name] = pins[name]
    assert pins == {name: tested.get(name) for name in pins}
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    for requirement in (Requirement(line) for line in lines if line and not line.startswith("#")):
        assert requirement.specifier.contains(pins[requirement.name]), f"run tools/pin_space.py: {requirement}"


def test_what_the_builder_of_a_space_adds_fits_the_requirements() -> None:
    """It installs gradio[oauth,mcp] in the same step; a pin that this excludes would end every build."""
    pins = pinned_requirements()
    wanted = map(Requirement, importlib.metadata.requires("gradio") or ())
    of_the_builder = [
        requirement
        for requirement in wanted
        if requirement.marker and any(requirement.marker.evaluate({"extra": extra}) for extra in ("oauth", "mcp"))
    ]
    assert "pydantic" in {requirement.name for requirement in of_the_builder}
    for requirement in of_the_builder:
        if requirement.name in pins:
            assert requirement.specifier.contains(pins[requirement.name]), str(requirement)


def test_nothing_is_left_to_chance_in_the_requirements(written: Path) -> None:
    pins = pinned_requirements()
    assert set(pins) & {"tensorflow-cpu", "keras", "gradio", "huggingface-hub"}
    assert not set(pins) & {"tensorflow", "torch", "pytest", "pyarrow", "datasets", "matplotlib"}
    assert all(version and version[0].isdigit() for version in pins.values())
    lines = (written / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert {line for line in lines if not line.startswith("#")} == {f"{name}=={pin}" for name, pin in pins.items()}


# Into a folder


def test_a_space_is_written_without_a_network(hub: LocalHub, tmp_path: Path) -> None:
    result = run_space("anna/demo", "--model", "anna/faces", "--to", "space", folder=tmp_path)
    assert result.returncode == 0, result.stderr
    assert hub.requests == []
    assert "PRO" in result.stdout and "ZeroGPU" in result.stdout
    assert result.stderr == ""
    spaced = run_space("anna/demo", "--model", "anna/faces", "--to", "my space", folder=tmp_path)
    assert "cd 'my space' && " in spaced.stdout and "`hf upload anna/demo 'my space' --type space`" in spaced.stdout
    assert 'setdefault("DCGAN_HUB_MODELS", "anna/faces")' in (tmp_path / "space" / "app.py").read_text(encoding="utf-8")


def test_a_commit_is_followed_and_preloaded(tmp_path: Path) -> None:
    arguments = ["anna/demo", "--model", "anna/faces", "--revision", COMMIT]
    assert run_space(*arguments, "--to", "space", folder=tmp_path).returncode == 0
    assert f"anna/faces@{COMMIT}" in (tmp_path / "space" / "app.py").read_text(encoding="utf-8")
    assert "preload_from_hub" in (tmp_path / "space" / "README.md").read_text(encoding="utf-8")
    assert run_space(*arguments, "--private", "--to", "private", folder=tmp_path).returncode == 0
    assert "preload_from_hub" not in (tmp_path / "private" / "README.md").read_text(encoding="utf-8")


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / "space").mkdir()
    write_space(tmp_path / "space", SPACE)
    assert (tmp_path / "space" / "app.py").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["space"]


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "space").mkdir()
    (tmp_path / "space" / "mine.txt").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("space", "space/mine.txt", "link"):
        with pytest.raises(SettingsError, match="new or empty folder"):
            write_space(tmp_path / name, SPACE)
    with pytest.raises(DataError, match=r"mine\.txt"):
        write_space(tmp_path / "space" / "mine.txt" / "below", SPACE)
    assert read_tree(tmp_path) == {"space/mine.txt": b"mine"}


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    """The largest file of a Space may not be written here: the system says so as it does for a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, limits[1]))
    try:
        with pytest.raises(DataError, match="Files must be writable"):
            write_space(tmp_path / "space", SPACE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["demo", "--model", "a/b"], "called user/name"),
        (["a/../b", "--model", "a/b"], "called user/name"),
        (["a/demo", "--model", "faces"], "called user/name"),
        (["a/demo", "--model", "a/b@"], "A revision is"),
        (["a/demo", "--model", "a/b@one,two"], "A revision is"),
        (["a/demo", "--model", "a/b", "--revision", "a b"], "A revision is"),
        (["a/demo", "--model", "a/b@v1", "--revision", "v2"], "`--revision` requires a single --model"),
        (["a/demo", "--model", "a/b", "--model", "a/c", "--revision", "v2"], "`--revision` requires a single --model"),
        (["a/demo", "--model", "a/b", "--model", "a/b"], "without duplicates"),
        (["a/demo", "--model", "a/b", "--title", "two\nlines"], "A title is a line of text"),
        (["a/demo", "--model", "a/b", "--title", ""], "A title is a line of text"),
        (["a/demo", "--model", "a/b", "--title", "t" * 81], "at most 80 characters"),
        (["a/demo", "--model", "a/b", "--license", "my own"], "an identifier from the Hub's list"),
        (["a/demo"], "--model"),
    ],
)
def test_wrong_words_are_explained(tmp_path: Path, arguments: list[str], sentence: str) -> None:
    result = run_space(*arguments, "--to", "space", folder=tmp_path)
    assert result.returncode == 2
    assert sentence in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_command_needs_no_keras(tmp_path: Path) -> None:
    program = "import sys, dcgan_hub.publishing.space; print({'keras', 'tensorflow', 'gradio'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert result.stdout == "set()\n"


# To the Hub


def test_a_space_is_made_in_one_commit(hub: LocalHub, tmp_path: Path) -> None:
    commit = plant_model(hub)
    result = run_space(
        "tester/demo", "--model", "tester/faces", "--title", "My faces", folder=tmp_path, token=hub.write_token
    )
    assert result.returncode == 0, result.stderr
    assert f"{os.environ['HF_ENDPOINT']}/spaces/tester/demo" in result.stdout
    assert "PRO" in result.stdout and "ZeroGPU" in result.stdout
    assert hub.settings("tester/demo", "space")["sdk"] == "gradio"
    assert not hub.settings("tester/demo", "space")["private"]

    files = hub.files("tester/demo", repo_type="space")
    write_space(tmp_path / "same", Space("tester/demo", (ShownModel("tester/faces", commit),), "My faces"))
    assert {name: files[name] for name in files if name != ".gitattributes"} == read_tree(tmp_path / "same")
    first = hub.commits("tester/demo", repo_type="space")
    assert len(first) == 2  # the Hub's own, and ours
    assert hub.write_token not in result.stdout + result.stderr
    assert not [name for name, content in files.items() if hub.write_token.encode() in content]


def test_a_second_time_what_is_gone_goes_and_what_is_the_owners_stays(hub: LocalHub, tmp_path: Path) -> None:
    plant_model(hub)
    old = {"app.py": b"old", "dcgan_hub/__init__.py": b"", "dcgan_hub/gone.py": b"", "notes.md": b"mine"}
    hub.plant("tester/demo", old, repo_type="space")
    arguments = ["tester/demo", "--model", "tester/faces"]
    assert run_space(*arguments, folder=tmp_path, token=hub.write_token).returncode == 0
    files = hub.files("tester/demo", repo_type="space")
    assert "dcgan_hub/gone.py" not in files
    assert files["notes.md"] == b"mine"
    assert b"DCGAN_HUB_MODELS" in files["app.py"]

    head = hub.head("tester/demo", repo_type="space")
    assert run_space(*arguments, folder=tmp_path, token=hub.write_token).returncode == 0
    assert hub.head("tester/demo", repo_type="space") == head  # nothing has changed

    moved = plant_model(hub, message="The same model, committed again")
    assert run_space(*arguments, folder=tmp_path, token=hub.write_token).returncode == 0
    assert moved.encode() in hub.files("tester/demo", repo_type="space")["app.py"]


@pytest.mark.parametrize("kind", ["private", "gated"])
def test_what_not_everybody_may_download_needs_a_secret(hub: LocalHub, tmp_path: Path, kind: str) -> None:
    commit = plant_model(hub, "tester/hidden", **{kind: True})
    arguments = ["tester/demo", "--model", "tester/hidden", "--private"]
    result = run_space(*arguments, folder=tmp_path, token=hub.write_token)
    assert result.returncode == 0, result.stderr
    assert f"HF_TOKEN at {os.environ['HF_ENDPOINT']}/spaces/tester/demo/settings" in result.stdout
    assert hub.settings("tester/demo", "space")["private"]
    files = hub.files("tester/demo", repo_type="space")
    assert b"preload_from_hub" not in files["README.md"]
    assert f"tester/hidden@{commit}".encode() in files["app.py"]


def test_several_models_are_shown_at_their_revisions(hub: LocalHub, tmp_path: Path) -> None:
    tagged = plant_model(hub, "tester/faces", branch="v1")
    newest = plant_model(hub, "tester/cats")
    arguments = ["tester/demo", "--model", "tester/faces@v1", "--model", "hf://tester/cats"]
    assert run_space(*arguments, folder=tmp_path, token=hub.write_token).returncode == 0
    app = hub.files("tester/demo", repo_type="space")["app.py"].decode()
    assert f'"tester/faces@{tagged},tester/cats@{newest}"' in app


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"pytorch_model.bin": b"\x80\x02", "config.json": b"{}"}, "dcgan.json"),
        ({"dcgan.json": b"{}"}, "dcgan.json"),
        (None, "tester/faces"),
    ],
)
def test_what_is_no_model_of_ours_gets_no_space(
    hub: LocalHub, tmp_path: Path, files: dict[str, bytes] | None, sentence: str
) -> None:
    if files is not None:
        hub.plant("tester/faces", files)
    result = run_space("tester/demo", "--model", "tester/faces", folder=tmp_path, token=hub.write_token)
    assert result.returncode == 2
    assert sentence in result.stderr
    assert not hub.exists("tester/demo", "space")


def test_a_space_of_something_else_is_left_alone(hub: LocalHub, tmp_path: Path) -> None:
    plant_model(hub)
    hub.plant("tester/demo", {"app.py": b"mine", "README.md": b"mine"}, repo_type="space")
    result = run_space("tester/demo", "--model", "tester/faces", folder=tmp_path, token=hub.write_token)
    assert result.returncode == 2
    assert "'app.py'" in result.stderr
    assert hub.files("tester/demo", repo_type="space") == {"app.py": b"mine", "README.md": b"mine"}


def test_an_account_that_may_have_no_space_is_told_what_it_may(hub: LocalHub, tmp_path: Path) -> None:
    plant_model(hub)
    hub.add_account("free", pro=False)
    token = hub.add_token("free")
    result = run_space("free/demo", "--model", "tester/faces", folder=tmp_path, token=token)
    assert result.returncode == 2
    for word in ("PRO", "ZeroGPU", "30 days", "(402)", "--to FOLDER"):
        assert word in result.stderr
    assert not hub.exists("free/demo", "space")

    hub.plant("free/demo", {".gitattributes": b"", "README.md": b"made on the site"}, repo_type="space")
    assert run_space("free/demo", "--model", "tester/faces", folder=tmp_path, token=token).returncode == 0
    assert "app.py" in hub.files("free/demo", repo_type="space")


@pytest.mark.parametrize(
    ("space", "token", "sentence"),
    [
        ("tester/demo", "read", "a read-only token"),
        ("tester/demo", "wrong", "The token must be valid"),
        ("tester/demo", None, "token"),
        ("other/demo", "write", "Try tester/demo"),
    ],
)
def test_without_the_right_to_write_nothing_is_made(
    hub: LocalHub, tmp_path: Path, space: str, token: str | None, sentence: str
) -> None:
    plant_model(hub)
    text = {"read": hub.read_token, "write": hub.write_token, "wrong": "hf_wrong"}.get(token or "")
    result = run_space(space, "--model", "tester/faces", folder=tmp_path, token=text)
    assert result.returncode == 2
    assert sentence in result.stderr
    assert text is None or text not in result.stderr
    assert not hub.exists(space, "space")


@pytest.mark.parametrize("path", ["/whoami-v2", "/api/repos/create", "/commit/"])
def test_a_failing_hub_is_explained(hub: LocalHub, tmp_path: Path, path: str) -> None:
    plant_model(hub)
    hub.misbehave(path, status=500)
    result = run_space("tester/demo", "--model", "tester/faces", folder=tmp_path, token=hub.write_token)
    assert result.returncode == 2
    assert "Try again later" in result.stderr
    if hub.exists("tester/demo", "space"):
        assert set(hub.files("tester/demo", repo_type="space")) <= {".gitattributes"}


# What the app opens


def test_the_app_looks_a_model_of_the_hub_up_once(hub: LocalHub, tmp_path: Path) -> None:
    commit = plant_model(hub)
    registry = ModelRegistry(RunShelf(tmp_path / "runs"), [f"tester/faces@{commit}"])
    assert registry.names()[0] == "tester/faces"
    assert hub.requests == []  # a Space starts also while the Hub does not answer
    generator = registry.load("tester/faces")
    assert registry.load("tester/faces") is generator
    assert registry.facts("tester/faces") == generator.facts
    assert len([record for record in hub.requests if record.method == "GET" and "/resolve/" in record.path]) == 2
    again = ModelRegistry(RunShelf(tmp_path / "runs"), [f"tester/faces@{commit}"])
    hub.forget_requests()
    again.load("tester/faces")
    assert hub.requests == []  # as in a Space that was built with the model in it


def test_names_in_the_app_tell_revisions_apart(hub: LocalHub, tmp_path: Path) -> None:
    models = [f"a/b@{COMMIT}", "hf://a/b", "a/b@v2", f"a/b@{COMMIT}", "avatars"]
    registry = ModelRegistry(RunShelf(tmp_path / "runs"), models)
    assert registry.names() == ["a/b", "a/b@main", "a/b@v2", "model/avatars", "avatars"]


def test_what_the_hub_does_not_have_is_explained_when_it_is_asked_for(hub: LocalHub, tmp_path: Path) -> None:
    hub.plant("tester/other", {"model.h5": b"\x89HDF"})
    registry = ModelRegistry(RunShelf(tmp_path / "runs"), ["tester/missing", "tester/other"])
    with pytest.raises(HubError, match="tester/missing"):
        registry.facts("tester/missing")
    with pytest.raises(BundleError, match=r"dcgan\.json"):
        registry.load("tester/other")
