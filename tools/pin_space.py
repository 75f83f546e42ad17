"""Writes dcgan_hub/publishing/space-requirements.txt: the exact versions that a Space is built with.

Run it after `make constraints`. pip resolves requirements.txt as a Space's builder does, together with what the builder
adds on its own, and within constraints.txt; of the answer, what the app itself needs is written down. Nothing is
installed.
"""

import sys
import tempfile
from pathlib import Path

from pin_constraints import ROOT, resolve

REQUIREMENTS = ROOT / "requirements.txt"
PINS = ROOT / "dcgan_hub" / "publishing" / "space-requirements.txt"
# The last step of a Gradio Space's build (seen in build logs of Gradio 6 Spaces, 2026):
#     pip install -r requirements.txt gradio[oauth,mcp]==<sdk_version> "uvicorn>=0.14.0" "websockets>=10.4" spaces
BUILDER = ["gradio[oauth,mcp]", "uvicorn>=0.14.0", "websockets>=10.4", "spaces"]
# gradio[mcp] 6.31 wants pydantic<=2.12.5, and a pin above it would end the build; the tests run with a newer one.
BUILDER_DECIDES = ("pydantic", "pydantic-core")

HEADER = """\
# What the app of a Space runs with: requirements.txt with everything that it brings along, at the versions that the
# tests install. Written by tools/pin_space.py; do not edit. Without hashes, because a Space's builder installs this
# file together with gradio[oauth,mcp] and spaces, which have none here.
"""


def constraints() -> list[str]:
    """The pins of constraints.txt without their hashes, except those that the builder decides."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.split(" ")[0] for line in lines if line and not line.startswith("#")]
    return [pin for pin in pins if pin.split("==")[0] not in BUILDER_DECIDES]


def versions(requirements: list[str]) -> dict[str, str]:
    """Name and version of everything that pip would install within the constraints."""
    with tempfile.TemporaryDirectory() as folder:
        limits = Path(folder) / "constraints.txt"
        limits.write_text("\n".join(constraints()), encoding="utf-8")
        packages = resolve(["-r", str(REQUIREMENTS), "-c", str(limits), *requirements])
    names = (package["metadata"]["name"].lower().replace("_", "-") for package in packages)
    return dict(zip(names, (package["metadata"]["version"] for package in packages), strict=True))


def main() -> int:
    """Resolves twice and writes."""
    in_a_space = versions(BUILDER)
    pins = sorted(f"{name}=={in_a_space[name]}" for name in versions([]) if name in in_a_space)
    PINS.write_text(HEADER + "\n".join(pins) + "\n", encoding="utf-8")
    sys.stderr.write(f"{PINS.name}: {len(pins)} packages\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
