"""`dcgan-hub app`, also run by `app.py`: the web page with generators and training runs."""

import argparse
import os
from pathlib import Path

from dcgan_hub.errors import SettingsError
from dcgan_hub.keras_startup import silence_tensorflow

MODELS_VARIABLE = "DCGAN_HUB_MODELS"
SUMMARY = "show generators and training runs in a browser"
EXAMPLES = """\
python app.py                       # all generators and runs in this folder
python app.py --model ./downloaded  # a generator in another folder
python app.py --model anna/faces@v1 # a generator on the Hub
python app.py --host 0.0.0.0 --port 7860"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds this command's options."""
    parser.add_argument(
        "--model",
        action="append",
        metavar="MODEL",
        help="a bundle, a run directory, or user/name[@revision] on the Hub, to show first; may be given several times "
        f"[those that {MODELS_VARIABLE} lists, separated by commas]",
    )
    parser.add_argument(
        "--runs", type=Path, metavar="FOLDER", default=Path("runs"), help="folder of training runs [runs]"
    )
    parser.add_argument("--host", help="address to listen on; 0.0.0.0 accepts other machines [127.0.0.1]")
    parser.add_argument("--port", type=int, help="port to listen on [the first free one from 7860 on]")
    parser.add_argument(
        "--no-hub", action="store_true", help="do not let visitors open other generators and runs from the Hub"
    )
    parser.add_argument(
        "--mcp", action="store_true", help="offer the endpoints as tools to language models (needs dcgan-hub[mcp])"
    )
    parser.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME",
        help="also answer under this name, as behind a proxy; may be given several times; * allows all",
    )  # fmt: skip
    parser.add_argument(
        "--share", action="store_true", help="also create a temporary public address, through Gradio's server"
    )


def run(arguments: argparse.Namespace) -> int:
    """Serves the page until it is interrupted."""
    from dcgan_hub.bundle.folder import locate_bundle
    from dcgan_hub.bundle.source import is_hub_model
    from dcgan_hub.demo.serving.memory import limit_arenas
    from dcgan_hub.demo.startup import MAX_PORT, choose_folder, find_address, prepare_client
    from dcgan_hub.hub.names import parse_model

    if arguments.port is not None and not 0 < arguments.port <= MAX_PORT:
        raise SettingsError(f"`--port` must be 1 to {MAX_PORT}. Received: --port {arguments.port}. Try --port 7860.")
    models = arguments.model or _listed_models()
    for model in models:  # so that a wrong name or path is reported before Gradio starts, which takes seconds
        parse_model(model) if is_hub_model(model) else locate_bundle(model)
    named = os.environ.pop("GRADIO_SERVER_NAME", None)  # from there, Gradio cannot take an IPv6 address
    host = arguments.host or named
    prepare_client(find_address(host, arguments.port))
    choose_folder()
    limit_arenas()
    silence_tensorflow()  # Keras is imported while the page is there, and then nothing can be held back
    # Xet's library transfers files with timeouts of its own; what visitors open is small, and has ours.
    os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
    # Disables Gradio's telemetry; must be set before it is imported.
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    # By default Gradio aggregates all earlier events after each one; with a thousand this is slower than 16 images.
    os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", "1000000")
    from dcgan_hub.demo.app import serve

    serve(
        models, arguments.runs, host, arguments.port, arguments.share,
        open_hub=not arguments.no_hub, mcp=arguments.mcp, allow_hosts=arguments.allow_host,
    )  # fmt: skip
    return 0


def _listed_models() -> list[str]:
    """The models listed in the environment variable, as in a Space."""
    listed = (model.strip() for model in os.environ.get(MODELS_VARIABLE, "").split(","))
    return [model for model in listed if model]
