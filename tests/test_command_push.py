"""`dcgan-hub push` as a user types it: what it prints can be copied and is true, and mistakes are one sentence."""

import os
import re
import shutil
from pathlib import Path

import pytest
from local_hub import LocalHub, cards
from preloaded import run_program

from dcgan_hub import Generator
from dcgan_hub.cli import main

ID = "tester/squares"
GOLDEN = Path(__file__).parent / "golden" / "tiny-bundle"
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def run(finished_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished_run, tmp_path / "runs" / "squares"))


@pytest.fixture
def token(hub: LocalHub, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("HF_TOKEN", hub.write_token)
    return hub.write_token


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What is printed for a mistake, which is one sentence after another on one line."""
    assert main(["push", *words]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ") and captured.err.count("\n") == 1, captured.err
    assert "Received: " in captured.err and "hf_" not in captured.err
    return captured.err


def test_a_run_is_pushed_with_all_options_and_what_is_printed_is_true(hub, token, run, capsys, monkeypatch, tmp_path):
    assert main(["push", str(run), ID, "--private", "--tag", "v1", "--license", "cc-by-4.0"]) == 0
    printed = capsys.readouterr().out
    assert hub.settings(ID)["private"] and hub.refs(ID)["refs/tags/v1"] == hub.head(ID)
    assert b"license: cc-by-4.0" in hub.files(ID)["README.md"] and b'revision="v1"' in hub.files(ID)["README.md"]
    assert "run/run.json" in hub.files(ID)
    assert f"/{ID} at commit {hub.head(ID)}, tag v1" in printed

    lines = [line.strip() for line in printed.splitlines()]
    loads = [line for line in lines if line.startswith("Generator.")]
    assert len(loads) == 2
    for line in loads:
        images = eval(line, {"Generator": Generator}).generate(seeds=range(4))
        assert (images == Generator.from_pretrained(run).generate(seeds=range(4))).all()
    [app] = [line for line in lines if " app " in line]
    assert app.endswith(f"app --model {ID}")
    [space] = [line.partition("dcgan-hub ")[2].split() for line in lines if " space " in line]
    assert main(space) == 0 and hub.exists(f"{ID}-demo", "space")


@pytest.mark.parametrize("model", ["bundle", "avatars"])
def test_a_bundle_is_pushed_without_a_run(hub, token, model, capsys):
    assert main(["push", *([str(GOLDEN), "--page"] if model == "bundle" else [model]), ID]) == 0
    has_page = b"/tester/squares/resolve/main/page.html?download=true" in hub.files(ID)["README.md"]
    assert has_page == (b'id="weights"' in hub.files(ID).get("page.html", b"")) == (model == "bundle")
    assert not any(name.startswith("run/") for name in hub.files(ID)) and not hub.settings(ID)["private"]
    expected = Generator.from_pretrained(GOLDEN if model == "bundle" else model).generate(seeds=range(4))
    assert (Generator.from_pretrained(ID).generate(seeds=range(4)) == expected).all()
    if model == "avatars":
        assert b"license: cc0-1.0" in hub.files(ID)["README.md"], "the licence of the images, where it is known"


def test_a_repository_is_pushed_on_from_its_commit(hub, token, run, capsys):
    hub.plant("tester/first", {name: (GOLDEN / name).read_bytes() for name in ("dcgan.json", "model.safetensors")})
    first = hub.head("tester/first")
    hub.plant("tester/first", {})
    assert main(["push", "tester/first", ID, "--revision", first]) == 0
    assert (Generator.from_pretrained(ID).generate([1]) == Generator.from_pretrained(GOLDEN).generate([1])).all()


def test_a_branch_and_a_pull_request_are_called_what_they_are(hub, token, capsys):
    assert main(["push", str(GOLDEN), ID]) == 0
    assert main(["push", "avatars", ID, "--branch", "next", "--message", "Better"]) == 0
    printed = capsys.readouterr().out
    assert f'from_pretrained("{ID}", revision="next")' in printed and f"app --model {ID}@next" in printed
    assert hub.commits(ID, "next")[0].title == "Better"
    hub.add_account("other")
    hub.plant("other/squares", hub.files(ID))
    before = hub.head("other/squares")
    assert main(["push", "avatars", "other/squares", "--create-pr"]) == 0
    printed = capsys.readouterr().out
    assert "/discussions/1" in printed and "merge the pull request" in printed and "app --model" not in printed
    assert hub.head("other/squares") == before
    [line] = [line.strip() for line in printed.splitlines() if "Generator." in line]
    loaded = eval(line, {"Generator": Generator})
    assert (loaded.generate([1]) == Generator.from_pretrained("avatars").generate([1])).all()


def test_an_edited_card_is_mentioned(hub, token, capsys):
    assert main(["push", str(GOLDEN), ID]) == 0
    hub.plant(ID, hub.files(ID) | {"README.md": b"# Mine\n"})
    assert main(["push", str(GOLDEN), ID]) == 0
    assert "was edited on the Hub and was kept" in capsys.readouterr().out and hub.files(ID)["README.md"] == b"# Mine\n"
    assert main(["push", str(GOLDEN), ID, "--overwrite-card"]) == 0
    assert "was edited" not in capsys.readouterr().out and hub.files(ID)["README.md"] != b"# Mine\n"


@pytest.mark.parametrize(
    "words, message",
    [
        (["squares"], "is called user/name"),
        (["tester/a b"], "is called user/name"),
        (["tester/x--y"], "is called user/name"),
        (["https://huggingface.co/tester/x"], "is called user/name"),
        ([ID, "--tag", "a..b"], "revision is the name of a branch or tag"),
        ([ID, "--branch", ""], "revision is the name of a branch or tag"),
        ([ID, "--license", "my own!"], "identifier from the Hub's list"),
        ([ID, "--tag", "v1", "--create-pr"], "cannot be tagged before it is merged"),
        ([ID, "--revision", "v1"], "not on the Hub"),
    ],
)
def test_wrong_words_are_answered_before_anything_is_asked(hub, token, capsys, words, message):
    assert message in refused(capsys, str(GOLDEN), *words)
    assert not hub.requests and not hub.exists(ID)


def test_a_missing_run_is_named(hub, token, capsys, tmp_path):
    assert "does not exist" in refused(capsys, "runs/nowhere/at/all", ID)
    assert "no local folder" in refused(capsys, "tester/nowhere", ID)
    (tmp_path / "empty").mkdir()
    assert "it holds nothing" in refused(capsys, str(tmp_path / "empty"), ID)
    assert not hub.exists(ID)


def test_a_bundle_without_a_run_has_no_checkpoint(hub, token, capsys):
    assert "A checkpoint must exist to be pushed" in refused(capsys, str(GOLDEN), ID, "--push-checkpoints")
    assert not hub.exists(ID)


def test_accounts_that_may_not_write_are_told_what_to_do(hub, capsys, monkeypatch):
    for token, message in (
        (None, "needs a token. Received: none."),
        (hub.read_token, "Received: a read-only token."),
        ("hf_" + "a" * 34, "must be valid"),
        (hub.add_token("tester", "fineGrained"), "does not have the permission"),
    ):
        monkeypatch.setenv("HF_TOKEN", token) if token else monkeypatch.delenv("HF_TOKEN", raising=False)
        assert message in refused(capsys, str(GOLDEN), ID)
        assert not hub.exists(ID)


def test_repositories_of_others_and_of_other_things_are_refused(hub, token, capsys):
    hub.add_account("other")
    assert "Try tester/squares" in refused(capsys, str(GOLDEN), "other/squares")
    hub.plant(ID, {"pytorch_model.bin": b"1"})
    assert "has 1 other file" in refused(capsys, str(GOLDEN), ID)
    assert hub.files(ID) == {"pytorch_model.bin": b"1"}


def test_a_licence_that_the_hub_does_not_know_leaves_the_files_alone(hub, token, capsys, monkeypatch):
    assert main(["push", str(GOLDEN), ID]) == 0
    capsys.readouterr()
    before = hub.head(ID)
    monkeypatch.setattr(cards, "examine", lambda *card: (['"license" must be one of [apache-2.0, mit]'], []))
    assert 'README.md. - "license" must be one of [apache-2.0, mit]' in refused(
        capsys, str(GOLDEN), ID, "--license", "made-up-1.0"
    )
    assert hub.head(ID) == before


@pytest.mark.parametrize("fault", [{"status": 500}, {"cut_after": 0}, {"path": "/commit/", "status": 503}])
def test_a_hub_that_fails_is_one_sentence(hub, token, capsys, fault):
    hub.misbehave(**fault)
    assert re.search("could not answer|cannot be reached", refused(capsys, str(GOLDEN), ID))
    hub.behave()
    assert not hub.exists(ID) or hub.files(ID).keys() == {".gitattributes"}
    assert main(["push", str(GOLDEN), ID]) == 0


def test_without_a_network_the_program_ends_at_once(tmp_path):
    environment = os.environ | {"HF_TOKEN": "hf_" + "a" * 34, "HF_ENDPOINT": "http://127.0.0.1:9"}
    result = run_program("-m", "dcgan_hub", "push", GOLDEN, ID, cwd=ROOT, env=environment, timeout=60)
    assert result.returncode == 2 and result.stderr.count("\n") == 1, result.stderr
    assert "cannot be reached" in result.stderr and "hf_" not in result.stderr + result.stdout
