"""The page and its server: `python app.py`, or `dcgan-hub app`."""

from pathlib import Path

import gradio as gr

from dcgan_hub.demo.about_tab import add_about_tab
from dcgan_hub.demo.generate_tab import add_generate_tab
from dcgan_hub.demo.inputs import as_sent
from dcgan_hub.demo.interpolate_tab import add_interpolate_tab
from dcgan_hub.demo.models import ModelRegistry
from dcgan_hub.demo.runs import RunShelf
from dcgan_hub.demo.runs_tab import add_runs_tab
from dcgan_hub.demo.style import CSS, make_theme
from dcgan_hub.errors import SettingsError

WAITING_VISITORS = 32
CACHE_SWEEP_SECONDS, CACHE_AGE_SECONDS = 3600, 86400
NO_MODEL = """\
### No generator yet

Train one on the images that come with the package; after about five minutes it has learned to draw:

```
python train.py --minutes 5
```

Then reload this page. Runs that are still learning can be watched under *Training runs*.
"""
TITLE = """\
<h1>dcgan_hub</h1>
<p>Images that a small network has learned to draw. Every seed is another one.</p>
"""


def build_demo(registry: ModelRegistry, shelf: RunShelf) -> gr.Blocks:
    """Builds the page.

    Args:
        registry: the generators there are.
        shelf: where the training runs are.
    """
    names = registry.names()
    with gr.Blocks(
        title="dcgan_hub", analytics_enabled=False, delete_cache=(CACHE_SWEEP_SECONDS, CACHE_AGE_SECONDS)
    ) as demo:
        with gr.Row(elem_id="masthead"):
            with gr.Column(scale=3, min_width=280):
                gr.HTML(TITLE)
            with gr.Column(scale=1, min_width=220):
                # Names may be new since the page was built, so the registry judges them, not the list of choices.
                model = as_sent(
                    gr.Dropdown(names, label="Model", filterable=False, visible=bool(names), elem_id="model")
                )

        def list_models(chosen: str | None) -> list[gr.Dropdown | gr.Column | gr.Tab]:
            names = registry.names()
            value = chosen if chosen in names else next(iter(names), None)
            return [
                gr.Dropdown(choices=names, value=value, visible=bool(names)),
                gr.Column(visible=not names),
                gr.Column(visible=bool(names)),
                gr.Tab(visible=bool(names)),
            ]

        with gr.Tabs():
            with gr.Tab("Generate", id="generate"):
                with gr.Column(visible=not names, elem_id="empty") as empty:
                    gr.Markdown(NO_MODEL)
                with gr.Column(visible=bool(names)) as workshop:
                    first_sheet = add_generate_tab(registry, model)
            with gr.Tab("Interpolate", id="interpolate", visible=bool(names)) as interpolate:
                add_interpolate_tab(registry, model)
            with gr.Tab("Training runs", id="runs"):
                add_runs_tab(shelf, demo.load)
            with gr.Tab("About", id="about") as about:
                add_about_tab(registry, model, about)
        demo.load(
            list_models, model, [model, empty, workshop, interpolate],
            api_visibility="private", show_progress="hidden",
        ).then(**first_sheet)  # fmt: skip
    return demo.queue(max_size=WAITING_VISITORS, default_concurrency_limit=1)


def serve(model: Path | None, runs: Path, host: str | None, port: int | None, share: bool) -> None:
    """Serves the page until it is interrupted.

    Args:
        model: a bundle or a run directory to show first.
        runs: folder of the training runs; it need not exist.
        host: address to listen at; None takes 127.0.0.1, or what GRADIO_SERVER_NAME says, as in a Space.
        port: port to listen at; None takes GRADIO_SERVER_PORT, or the first free one from 7860 on.
        share: whether to make a temporary public address, through Gradio's server.

    Raises:
        BundleError: if `model` holds no generator.
        SettingsError: if the port cannot be had.
    """
    shelf = RunShelf(runs)
    demo = build_demo(ModelRegistry(shelf, model), shelf)
    try:
        demo.launch(
            server_name=host,
            server_port=port,
            share=share,
            theme=make_theme(),
            css=CSS,
            footer_links=["api"],
            run_history=False,
            enable_monitoring=False,
            allowed_paths=[],
            max_file_size="1mb",
            ssr_mode=False,
            pwa=False,
        )
    except OSError as error:
        raise SettingsError(
            "The app must listen at an address of this machine and at a port that is free. Received: "
            f"--host {host or '127.0.0.1'} --port {port or 'from 7860 on'}. Try another --port, or leave both out."
        ) from error
