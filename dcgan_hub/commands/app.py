"""`dcgan-hub app`, which is also `app.py`: the page with generators and training runs."""

import argparse
import os
from pathlib import Path

from dcgan_hub.errors import SettingsError

SUMMARY = "show generators and training runs in a browser"
EXAMPLES = """\
python app.py                       # the generators and runs that are here
python app.py --model ./downloaded  # a generator from elsewhere
python app.py --host 0.0.0.0 --port 7860"""

LARGEST_PORT = 65_535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    parser.add_argument("--model", type=Path, metavar="FOLDER", help="a bundle or a run directory to show first")
    parser.add_argument(
        "--runs", type=Path, metavar="FOLDER", default=Path("runs"), help="where the training runs are [runs]"
    )
    parser.add_argument("--host", help="address to listen at; 0.0.0.0 lets other machines in [127.0.0.1]")
    parser.add_argument("--port", type=int, help="port to listen at [the first free one from 7860 on]")
    parser.add_argument(
        "--share", action="store_true", help="also make a temporary public address, through Gradio's server"
    )


def run(arguments: argparse.Namespace) -> int:
    """Serves the page until it is interrupted."""
    from dcgan_hub.bundle.folder import locate_bundle

    if arguments.port is not None and not 0 < arguments.port <= LARGEST_PORT:
        raise SettingsError(
            f"`--port` must be 1 to {LARGEST_PORT}. Received: --port {arguments.port}. Try --port 7860."
        )
    if arguments.model is not None:
        locate_bundle(arguments.model)  # a wrong path is found before Gradio takes its seconds to start
    # Gradio reports its use to its makers unless it is told not to before it is imported.
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    from dcgan_hub.demo.app import serve

    serve(arguments.model, arguments.runs, arguments.host, arguments.port, arguments.share)
    return 0
