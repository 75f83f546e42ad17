"""Names of repositories and revisions: what we accept, the client accepts; what it may refuse, we refuse before it."""

import random
from pathlib import Path

import pytest
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from dcgan_hub.bundle.source import is_hub_model
from dcgan_hub.errors import SettingsError
from dcgan_hub.hub.names import check_repo_id, check_revision, is_commit, is_repo_id, names_model, parse_model

COMMIT = "0123456789abcdef" * 2 + "01234567"
GOOD_IDS = ["a/b", "tester/avatars", "Anna-1/my.model_v2", "0/0", "a_b/c_d", "_a/b_", "a" * 96 + "/" + "b" * 96]
BAD_IDS = [
    *["", "a", "/", "a/", "/b", "a/b/c", "//", "a//b", " a/b", "a/b ", "a b/c", "a/b\n", "\na/b", "a\x00/b"],
    *["a--b/c", "a/b--c", "a/b..c", "a..b/c", "../b", "a/..", "./b", "a/.", ".a/b", "a/.b", "-a/b", "a/b-", "a./b"],
    *["a/b.", "a/b.git", "a.git/b", "a" * 97 + "/b", "a/" + "b" * 97, "é/b", "a/b\u0661", "a/b\u202e", "a/\x1b[31mb"],
    *["https://huggingface.co/a/b", "~/b", "a/%2e%2e", "datasets/a/b", "a/$(b)", "a/b;c", "a/b@c", "a\\b", "C:/b"],
    *["a/b?c", "a/b#c"],
]  # fmt: skip
GOOD_REVISIONS = ["main", "v1", "v1.0", "refs/pr/1", "a", "1", "_x", "feature/new-faces_2", COMMIT, "A" * 128]
BAD_REVISIONS = [
    *["", " ", "a b", "..", "../main", "a/../b", "main/..", "/main", "main/", "a//b", ".hidden", "-f", "--help"],
    *["a.", "a-", "a\n", "a\x00", "\x1b[2J", "é", "a\u202eb", "a?b", "a#b", "a%2e", "a:b", "a\\b", "a~1", "a^", "a*"],
    *["a@{1}", "A" * 129],
]  # fmt: skip


def client_accepts(repo_id: str) -> bool:
    try:
        validate_repo_id(repo_id)
    except HFValidationError:
        return False
    return True


@pytest.mark.parametrize("text", GOOD_IDS)
def test_what_can_be_a_repository(text: str) -> None:
    assert check_repo_id(text) == text
    assert client_accepts(text)


@pytest.mark.parametrize("text", [*BAD_IDS, None, 1, b"a/b", Path("a/b")])
def test_what_can_be_no_repository(text: object) -> None:
    with pytest.raises(SettingsError, match=r"called user/name.*Received: .*Try ") as raised:
        check_repo_id(text)
    assert str(raised.value).isprintable() and len(str(raised.value)) < 400


def test_whatever_we_accept_the_client_accepts() -> None:
    """And of user/name, we refuse no more than users that end in .git."""
    source = random.Random(0)
    accepted = 0
    for _ in range(30_000):
        letters = source.choice(["ab-", "aB1_.-", "a.git", "a/-_.\n é\u0661"])
        parts = ["".join(source.choices(letters, k=source.choice([1, 2, 3, 5, 95, 96, 97]))) for _ in range(2)]
        text = "/".join(parts)
        ours, theirs = is_repo_id(text), client_accepts(text)
        accepted += ours
        assert theirs or not ours, repr(text)
        assert ours or not theirs or parts[0].endswith(".git"), repr(text)
    assert accepted > 1_000


@pytest.mark.parametrize("text", GOOD_REVISIONS)
def test_what_can_be_a_revision(text: str) -> None:
    assert check_revision(text) == text


@pytest.mark.parametrize("text", [*BAD_REVISIONS, None, 1, b"main"])
def test_what_can_be_no_revision(text: object) -> None:
    with pytest.raises(SettingsError, match=r"branch or tag.*Received: .*Try main") as raised:
        check_revision(text)
    assert str(raised.value).isprintable() and len(str(raised.value)) < 300


def test_only_a_whole_hash_is_a_commit() -> None:
    assert is_commit(COMMIT)
    assert not any(
        is_commit(text) for text in (None, "main", COMMIT[:7], COMMIT[:-1] + "g", COMMIT + "0", COMMIT.upper())
    )


@pytest.mark.parametrize("scheme", ["", "hf://"])
def test_a_model_is_a_repository_with_or_without_a_revision(scheme: str) -> None:
    assert parse_model(f"{scheme}anna/faces") == ("anna/faces", None)
    assert parse_model(f"{scheme}anna/faces@v1") == ("anna/faces", "v1")
    assert parse_model(f"{scheme}anna/faces@refs/pr/1") == ("anna/faces", "refs/pr/1")
    assert parse_model(f"{scheme}anna/faces@{COMMIT}") == ("anna/faces", COMMIT)


@pytest.mark.parametrize(
    ("address", "revision"),
    [
        ("https://huggingface.co/anna/faces", None),
        ("http://www.huggingface.co/anna/faces/", None),
        ("huggingface.co/anna/faces?library=keras#use", None),
        ("hf.co/anna/faces/tree/main", None),
        ("https://huggingface.co/anna/faces/tree/v1", "v1"),
        ("https://huggingface.co/anna/faces/blob/v1/run/run.json", "v1"),
        (f"https://huggingface.co/anna/faces/commit/{COMMIT}", COMMIT),
        ("hf://https://huggingface.co/anna/faces", None),
    ],
)
def test_the_address_of_a_page_names_its_model(address: str, revision: str | None) -> None:
    assert parse_model(address) == ("anna/faces", revision)
    assert is_hub_model(address)


@pytest.mark.parametrize(
    "text",
    [
        *["https://huggingface.co/datasets/anna/faces", "https://huggingface.co/spaces/anna/faces"],
        *["https://huggingface.co/anna/faces/discussions", "https://example.org/anna/faces", "hf.co/a--b/faces"],
        *["https://huggingface.co/anna/faces/tree/a@b"],
        *["anna", "anna/faces@", "anna/faces@a b", "anna/faces@../..", "@v1", "anna/faces@v1@v2", "hf://", "hf://anna"],
        *[
            "hf://anna/faces/x",
            "hf://hf://anna/faces",
            "HF://anna/faces",
            "hf:/anna/faces",
            "hf://../faces",
            "hf:///a/b",
        ],
    ],
)
def test_what_names_no_model(text: str) -> None:
    assert not names_model(text)
    with pytest.raises(SettingsError):
        parse_model(text)


def test_a_folder_wins_and_the_scheme_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert is_hub_model("anna/faces") and is_hub_model("anna/faces@v1")
    Path("anna/faces").mkdir(parents=True)
    assert not is_hub_model("anna/faces")
    assert is_hub_model("hf://anna/faces") and is_hub_model("anna/faces@v1")
    assert not is_hub_model(Path("somebody/else")), "a Path is a folder"
    assert not is_hub_model("avatars")


def test_where_its_folder_is_a_path_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("runs").mkdir()
    assert not is_hub_model("runs/typo")
    assert is_hub_model("hf://runs/typo") and is_hub_model("runs/typo@v1"), "who writes these means the Hub"
    assert is_hub_model("walks/typo")
    Path("walks").write_text("a file, which holds no folders")
    assert is_hub_model("walks/typo")


@pytest.mark.parametrize("text", ["x" * 5000, "x/" * 5000, "a\x00b", "x" * 5000 + "/y", "", "."])
def test_texts_that_are_no_path_either(text: str) -> None:
    assert not is_hub_model(text)
