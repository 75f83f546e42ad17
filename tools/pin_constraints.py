"""Writes constraints.txt: the exact version and SHA-256 of every package that the tests run with.

Run it as `make constraints`, on the platform whose wheels are to be pinned (the tests' own: Linux x86-64, Python 3.11).
pip resolves what pyproject.toml asks for, as in an empty environment, and reports which files it would install; nothing
is installed. The hashes are those of these files, so no index address has to be written down: any index will do, and
a changed file is refused.
"""

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

HEADER = """\
# The versions that the tests run with, on Linux x86-64 and Python 3.11. Written by `make constraints`; do not edit.
# With hashes:       pip install --require-hashes --no-deps -r constraints.txt
# Elsewhere, as in the Makefile: the same versions without their hashes, as constraints.
"""


def wanted_requirements(project: dict[str, Any]) -> list[str]:
    """What the tests and an editable install need: run time, the `dev` extra, the build backend.

    Args:
        project: the parsed pyproject.toml.
    """
    editable_install = ["editables"]  # hatchling asks for it when it builds an editable wheel
    return [
        *project["build-system"]["requires"],
        *editable_install,
        *project["project"]["dependencies"],
        *project["project"]["optional-dependencies"]["dev"],
    ]


def resolve(requirements: list[str]) -> list[dict[str, Any]]:
    """Asks pip which files it would install for `requirements`; one object a package, as in pip's report."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--only-binary=:all:"]
    command += ["--quiet", "--report", "-", *requirements]
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(result.stdout)["install"]


def format_pin(package: dict[str, Any]) -> str:
    """One package of pip's report as a line `name==version --hash=sha256:…`."""
    name = package["metadata"]["name"].lower().replace("_", "-")
    digest = package["download_info"]["archive_info"]["hashes"]["sha256"]
    return f"{name}=={package['metadata']['version']} --hash=sha256:{digest}"


def main() -> int:
    """Resolves and writes; the exit status is pip's where pip finds no solution."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    try:
        packages = resolve(wanted_requirements(project))
    except subprocess.CalledProcessError as error:
        return error.returncode
    pins = sorted(format_pin(package) for package in packages)
    (ROOT / "constraints.txt").write_text(HEADER + "\n".join(pins) + "\n", encoding="utf-8")
    sys.stderr.write(f"constraints.txt: {len(pins)} packages\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
