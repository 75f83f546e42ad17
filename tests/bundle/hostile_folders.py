"""Folders with links, pipes, devices or something else where a bundle's files should be."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

from hostile_bundles import ATTACKS, FACTS, WEIGHTS, Attack, attack, change


def link_away(bundle: Path, name: str, relative: bool) -> None:
    outside = bundle.parent / f"{bundle.name} outside"
    outside.mkdir()
    target = (bundle / name).rename(outside / name)
    (bundle / name).symlink_to(os.path.relpath(target, bundle) if relative else target)


def _register_links() -> None:
    for name in (FACTS, WEIGHTS):
        for relative in (True, False):
            ATTACKS[f"{name} links away, {'relative' if relative else 'absolute'}"] = Attack(
                name,
                f"bundle's own folder. Received: a link to .*outside/{name}",
                lambda bundle, name=name, relative=relative: link_away(bundle, name, relative),
            )


_register_links()


@attack(WEIGHTS, "bundle's own folder. Received: a link to .*outside/model")
def a_chain_of_links(bundle: Path) -> None:
    link_away(bundle, WEIGHTS, relative=True)
    (bundle / WEIGHTS).rename(bundle / "second")
    (bundle / WEIGHTS).symlink_to("second")


@attack(WEIGHTS, "bundle's own folder. Received: a link to .*outside/model")
def a_link_through_a_folder(bundle: Path) -> None:
    link_away(bundle, WEIGHTS, relative=True)
    (bundle / WEIGHTS).unlink()
    (bundle / "inside").symlink_to(f"../{bundle.name} outside")
    (bundle / WEIGHTS).symlink_to(f"inside/{WEIGHTS}")


@attack(WEIGHTS, "Too many levels of symbolic links")
def a_link_to_itself(bundle: Path) -> None:
    (bundle / WEIGHTS).unlink()
    (bundle / WEIGHTS).symlink_to(WEIGHTS)


@attack(FACTS, "Too many levels of symbolic links")
def two_links_to_each_other(bundle: Path) -> None:
    (bundle / FACTS).unlink()
    (bundle / FACTS).symlink_to("other")
    (bundle / "other").symlink_to(FACTS)


@attack(FACTS, "bundle's own folder. Received: a link to /dev/zero")
def facts_from_a_device(bundle: Path) -> None:
    (bundle / FACTS).unlink()
    (bundle / FACTS).symlink_to("/dev/zero")


@attack(WEIGHTS, "bundle's own folder. Received: a link to /dev/zero")
def weights_from_a_device(bundle: Path) -> None:
    (bundle / WEIGHTS).unlink()
    (bundle / WEIGHTS).symlink_to("/dev/zero")


@attack("generator", "must be inside the given folder. Received: a link to .*elsewhere")
def a_run_whose_generator_is_elsewhere(bundle: Path) -> Path:
    elsewhere = bundle.rename(bundle.parent / f"{bundle.name} elsewhere")
    bundle.mkdir()
    (bundle / "generator").symlink_to(elsewhere)
    return bundle


@attack(FACTS, "bundle's own folder. Received: a link to .*blobs")
def a_cache_of_another_repository(bundle: Path) -> Path:
    cache = bundle.parent / f"{bundle.name} cache"
    blobs = cache / "models--ada--cats" / "blobs"
    snapshot = cache / "models--eve--dogs" / "snapshots" / ("0" * 40)
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    (bundle / FACTS).rename(blobs / "facts")
    (bundle / WEIGHTS).rename(snapshot / WEIGHTS)
    (snapshot / FACTS).symlink_to(blobs / "facts")
    return snapshot


def _replace_by_kinds() -> None:
    def lay_socket(path: Path) -> None:
        with socket.socket(socket.AF_UNIX) as server:
            directory = os.open(path.parent, os.O_RDONLY)  # a socket's own path may have 107 bytes only
            try:
                server.bind(f"/proc/self/fd/{directory}/{path.name}")
            finally:
                os.close(directory)

    kinds: dict[str, Callable[[Path], object]] = {"pipe": os.mkfifo, "folder": Path.mkdir, "socket": lay_socket}
    for name in (FACTS, WEIGHTS):
        for kind, lay in kinds.items():

            def damage(bundle: Path, name: str = name, lay: Callable[[Path], object] = lay) -> None:
                (bundle / name).unlink()
                lay(bundle / name)

            ATTACKS[f"a {kind} as {name}"] = Attack(name, f"must be a file. Received: a {kind}", damage)


_replace_by_kinds()


# Folders of something else.


def only(bundle: Path, *names: str) -> None:
    for path in bundle.iterdir():
        path.unlink()
    for name in names:
        (bundle / name).write_bytes(b"\x80\x04cos\nsystem\n(S'true'\ntR.")


def _register_foreign() -> None:
    for name, kind in {
        "generator.h5": "Keras HDF5",
        "model.keras": "Keras archive",
        "model.pkl": "Python pickle",
        "netG.pt": "PyTorch",
        "netG.PTH": "PyTorch",
        "pytorch_model.bin": "PyTorch",
        "saved_model.pb": "TensorFlow",
    }.items():
        ATTACKS[f"nothing but {name}"] = Attack(
            name,
            rf"\({kind}.*can run code.*Ask its author for a bundle made by dcgan-hub",
            lambda bundle, name=name: only(bundle, "README.md", "config.json", name),
        )


_register_foreign()


@attack("weights-of-a-stranger.h5", "can run code")
def a_single_file_instead_of_a_folder(bundle: Path) -> Path:
    only(bundle, "weights-of-a-stranger.h5")
    return bundle / "weights-of-a-stranger.h5"


@attack(FACTS, r"it holds \?\]0;owned\?\?\[31m, \.\.\?\.\.\?etc, \.\.\.3+ and 5 more")
def nothing_but_names_that_command_terminals(bundle: Path) -> None:
    only(bundle, "\x1b]0;owned\x07\x1b[31m", "\u202egnp.exe", "..\n..\tetc", *(f"{n}" * 200 for n in range(3, 8)))


@attack(FACTS, "it holds nothing")
def an_empty_folder(bundle: Path) -> None:
    only(bundle)


@attack(FACTS, "unknown extra")
def a_folder_whose_name_commands_terminals(bundle: Path) -> Path:
    change(bundle, "extra", value=1)
    return bundle.rename(bundle.parent / "\x1b[31mred\u202eder")
