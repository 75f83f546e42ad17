"""The local Hub as a program: `python tests/local_hub --root FOLDER --port 0` prints its address and serves it."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a folder that is run is no package

from local_hub.hub import LocalHub
from local_hub.server import address_of, build_server, loopback_socket


def main() -> None:
    """Serves until it is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="folder with all state")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    arguments = parser.parse_args()
    listener = loopback_socket(arguments.port)
    listener.listen()  # whoever reads the address may connect at once
    print(address_of(listener), flush=True)
    build_server(LocalHub(arguments.root, may_die=True)).run([listener])


main()
