"""What strangers publish is refused before it costs anything, or is not touched at all."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from hub_repositories import BUNDLE, GALLERY, GOLDEN, ID, SEEDS, asked, process, tree
from huggingface_hub import HfApi, constants
from local_hub import HubProcess

from dcgan_hub.bundle.folder import read_bundle
from dcgan_hub.bundle.generator import Generator
from dcgan_hub.bundle.source import fetch_bundle
from dcgan_hub.cli import main
from dcgan_hub.errors import BundleError, DcganHubError, HubError, HubUnavailable

TEN_GIB = 10 * 2**30


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return Generator.from_pretrained(GOLDEN).generate(SEEDS)


@pytest.mark.parametrize("name", list(BUNDLE))
def test_a_file_of_ten_gigabytes_is_refused_before_its_first_byte(hub, name):
    hub.plant(ID, BUNDLE, declared_sizes={name: TEN_GIB})
    start = time.monotonic()
    with pytest.raises(HubError, match=rf"{name} in {ID} may have at most [\d,]+ bytes. Received: 10,737,418,240"):
        fetch_bundle(ID)
    assert name not in asked(hub) and time.monotonic() - start < 5
    assert not [
        path for path in Path(constants.HF_HUB_CACHE).rglob("*") if path.is_file() and path.stat().st_size > 2000
    ]


def test_ten_gigabytes_cost_neither_memory_nor_time(tmp_path):
    """Nor does a server that announces little and sends on and on. Peak memory is that of a process of its own."""
    program = f"""if True:
        import json, re, time
        from pathlib import Path
        from dcgan_hub.bundle.source import fetch_bundle
        from dcgan_hub.errors import HubError
        start = time.monotonic()
        try:
            fetch_bundle({ID!r})
        except HubError as error:
            peak = int(re.search("VmHWM: *\\t* *([0-9]+) kB", Path("/proc/self/status").read_text())[1]) / 1024
            print(json.dumps([str(error), peak, time.monotonic() - start]))
    """
    with HubProcess(tmp_path / "hub") as server:
        server.hub.plant(ID, BUNDLE, declared_sizes={"model.safetensors": TEN_GIB})
        for lies in (False, True):
            if lies:
                headers = {"X-Linked-Size": str(len(BUNDLE["model.safetensors"]))}
                server.misbehave("model.safetensors", headers=headers)
            cache = tmp_path / f"cache-{lies}"
            text, peak, seconds = json.loads(process(program, HF_ENDPOINT=server.endpoint, HF_HUB_CACHE=str(cache)))
            assert "model.safetensors in tester/avatars may have" in text
            assert peak < 500 and seconds < 5, (peak, seconds)
            assert sum(path.stat().st_size for path in cache.rglob("*") if path.is_file()) < 10_000
        sent = sum(record.sent for record in server.requests)
    assert sent < 50_000_000


def test_more_than_announced_but_not_too_much(hub):
    hub.plant(ID, BUNDLE)
    hub.misbehave("dcgan.json", method="GET", body=b" " * 500_000)
    with pytest.raises(HubUnavailable, match="Consistency check failed"):
        fetch_bundle(ID)
    hub.behave()
    assert read_bundle(fetch_bundle(ID)[1])


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (["model.h5"], r"model\.h5 \(Keras HDF5\): such files can run code"),
        (["model.keras"], r"model\.keras \(Keras archive\)"),
        (["network.pkl", "README.md"], r"network\.pkl \(Python pickle\)"),
        (["weights/generator.pt", "a.txt"], r"generator\.pt \(PyTorch"),
        (["../../evil"], r"it holds [^ ]*evil\."),
        (["/etc/passwd", "C:\\evil", "~/evil"], "it holds"),
        (["a\x1b[31mb\x07.pkl"], r"a\?\[31mb\?\.pkl \(Python pickle\)"),
        (["<b>x</b>", "x\u202ey", "a\nb"], "it holds"),
        (["x" * 5000], r"it holds x*\.\.\."),
        ([f"{number}/{number}.txt" for number in range(12)], r"0/0\.txt, 1/1\.txt, 10/10\.txt and 9 more"),
        ([".model.safetensors.next"], r"it holds \.model\.safetensors\.next"),
        (["DCGAN.JSON"], r"it holds DCGAN\.JSON"),
        (["generator/dcgan.json", "generator/model.safetensors"], r"it holds generator/dcgan\.json"),
        ([], "it holds nothing"),
    ],
)
def test_a_repository_of_something_else(hub, tmp_path, files, said):
    hub.plant(ID, {name: b"x" for name in files})
    before = tree(tmp_path, without="hub-cache")
    with pytest.raises(BundleError, match=f"the repository {ID} without one; .*{said}") as raised:
        fetch_bundle(ID)
    text = str(raised.value)
    assert text.isprintable() and len(text) < 600
    assert tree(tmp_path, without="hub-cache") == before
    assert not [record for record in hub.requests if record.method == "GET" and "/tree/" not in record.path]


def test_a_list_of_files_without_an_end(hub):
    hub.plant(ID, {f"{number}.txt": b"x" for number in range(10)})
    hub.misbehave("/tree/", headers={"Link": f'<{HfApi().endpoint}/api/models/{ID}/tree/main>; rel="next"'})
    with pytest.raises(BundleError, match=r"it holds 0\.txt, 0\.txt, 0\.txt and 997 more"):
        fetch_bundle(ID)
    assert len([record for record in hub.requests if "/tree/" in record.path]) <= 101, "ten names a page"


def test_evil_files_beside_a_good_bundle_are_not_touched(hub, tmp_path, images):
    names = {"../../evil": b"x", "../dcgan.json": b"x", "a\x1b[31m": b"x", "__init__.py": b"raise SystemExit(9)"}
    hub.plant(ID, BUNDLE | GALLERY | names)
    before = tree(tmp_path, without="hub-cache")
    assert np.array_equal(Generator.from_pretrained(ID).generate(SEEDS), images)
    assert tree(tmp_path, without="hub-cache") == before and not Path("/tmp/evil").exists()
    assert set(asked(hub) + asked(hub, "HEAD")) == set(BUNDLE)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("dcgan.json", b"{"),
        ("dcgan.json", b""),
        ("dcgan.json", b"\x80\x04cos\nsystem\n"),
        ("dcgan.json", BUNDLE["dcgan.json"].replace(b'"format_version": 1', b'"format_version": 2')),
        ("dcgan.json", BUNDLE["dcgan.json"].replace(b'"latent_dim": ', b'"latent_dim": 9')),
        ("model.safetensors", b""),
        ("model.safetensors", b"PK\x03\x04" + b"\0" * 18_616),
        ("model.safetensors", BUNDLE["model.safetensors"][:-1] + b"\x7f"),
    ],
)
def test_a_damaged_bundle_of_a_repository(hub, name, content):
    assert content != BUNDLE[name]
    hub.plant(ID, BUNDLE | {name: content})
    with pytest.raises(DcganHubError, match=r"dcgan\.json|model\.safetensors") as raised:
        read_bundle(fetch_bundle(ID)[1])
    assert isinstance(raised.value, BundleError | HubError) and str(raised.value).isprintable()


def test_a_pickle_is_refused_by_the_command_line(hub, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    hub.plant(ID, {"model.pkl": GALLERY["model.pkl"]})
    assert main(["sample", ID, "--seeds", "0", "--out", "images"]) == 2
    printed = capsys.readouterr()
    assert "model.pkl (Python pickle)" in printed.err and printed.err.count("\n") == 1
    assert not Path("images").exists()


def test_the_command_line_draws_from_the_hub(hub, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    oid = hub.plant(ID, BUNDLE | GALLERY)
    assert main(["sample", ID, "--revision", oid, "--seeds", "0-3", "--out", "images"]) == 0
    assert len(list(Path("images").iterdir())) == 4
    assert capsys.readouterr().out == "Wrote 4 images to images.\n"
