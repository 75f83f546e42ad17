"""The page and its server: `python app.py`, or `dcgan-hub app`."""

import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import gradio as gr

from dcgan_hub.demo.api import add_endpoints
from dcgan_hub.demo.catalog.models import ModelRegistry
from dcgan_hub.demo.catalog.runs import RunShelf
from dcgan_hub.demo.gradio_patches.bounded_server import bounded_server
from dcgan_hub.demo.gradio_patches.event_errors import explain_errors
from dcgan_hub.demo.gradio_patches.lean_sessions import keep_sessions_lean
from dcgan_hub.demo.gradio_patches.request_limits import app_options, check_inputs
from dcgan_hub.demo.gradio_patches.served_files import hand_over_served
from dcgan_hub.demo.gradio_patches.tool_answers import show_pictures_to_tools
from dcgan_hub.demo.rendering.renderer import Renderer
from dcgan_hub.demo.run_views.service import RunAnswers
from dcgan_hub.demo.runs_api import add_run_endpoints
from dcgan_hub.demo.serving.connections import connections_within, raise_file_limit
from dcgan_hub.demo.serving.hosts import Hosts
from dcgan_hub.demo.serving.log_lines import keep_log_short
from dcgan_hub.demo.startup import MUST_LISTEN, find_address
from dcgan_hub.demo.style import CSS, make_theme
from dcgan_hub.demo.tabs.about import add_about_tab
from dcgan_hub.demo.tabs.cross_tab_events import Parts, connect_parts
from dcgan_hub.demo.tabs.directions import add_directions_tab, connect_directions_tab
from dcgan_hub.demo.tabs.generate import add_generate_tab, connect_generate_tab
from dcgan_hub.demo.tabs.interpolate import add_interpolate_tab, connect_interpolate_tab
from dcgan_hub.demo.tabs.mix import add_mix_tab, connect_mix_tab
from dcgan_hub.demo.tabs.model_bar import add_model_bar, connect_model_bar
from dcgan_hub.demo.tabs.runs import add_runs_tab, connect_runs_tab
from dcgan_hub.demo.tabs.tray import add_tray
from dcgan_hub.demo.tabs.visits import Page, connect_visits
from dcgan_hub.demo.tabs.widgets import add_address, add_announcer, add_download, add_field_care, add_shortcuts
from dcgan_hub.errors import DcganHubError, SettingsError
from dcgan_hub.networks.latent_points import Seed

WAITING_VISITORS = 256
EVENTS_AT_ONCE = 8  # of one kind; those that compute have smaller groups of their own
MAX_THREADS = (
    48  # of events and server functions; not Gradio's 40, which it would share with the threads that send files
)
KEPT_SESSIONS = 200  # about a megabyte each, the pictures a visitor sees last included
CACHE_SWEEP_SECONDS, CACHE_AGE_SECONDS = 600, 3600
NO_MODEL = """\
<h2>No generator yet</h2>
<p>Train one on the images that come with the package; after about five minutes it has learned to draw:</p>
<pre>python train.py --minutes 5</pre>
<p>Then reload this page. Runs that are still learning can be watched under <em>Training runs</em>.</p>
"""


def build_demo(renderer: Renderer, shelf: RunShelf) -> gr.Blocks:
    """Builds the page; `renderer` draws for all visitors."""
    registry, answers = renderer.registry, RunAnswers(shelf)
    has_models = bool(registry.names())
    with gr.Blocks(
        title="dcgan_hub", analytics_enabled=False, delete_cache=(CACHE_SWEEP_SECONDS, CACHE_AGE_SECONDS)
    ) as demo:
        bar = add_model_bar(registry.opens_hub)
        download = add_download()
        add_shortcuts()
        add_announcer()
        add_field_care()
        address = add_address()
        with gr.Tabs(elem_id="tabs") as tabs:
            with _page("Generate", "generate"):
                with gr.Column(visible=not has_models, elem_id="empty") as empty:
                    gr.HTML(NO_MODEL)
                with gr.Column(visible=has_models) as workshop:
                    generate = add_generate_tab(renderer)
            with _page("Interpolate", "interpolate", visible=has_models) as interpolate_page:
                interpolate = add_interpolate_tab()
            with _page("Mix", "mix", visible=has_models) as mix_page:
                mix = add_mix_tab()
            with _page("Directions", "directions", visible=has_models) as directions_page:
                directions = add_directions_tab(renderer)
            with _page("Training runs", "runs"):
                runs = add_runs_tab(answers)
            with _page("About", "about") as about:
                add_about_tab(registry, bar.choice, about)
        tray = add_tray()
        connect_model_bar(bar, registry)
        connect_generate_tab(generate, renderer, bar.current, bar.opened, download)
        connect_interpolate_tab(interpolate, renderer, bar.current, generate.truncation, download)
        connect_mix_tab(mix, renderer, bar.current, generate.truncation, download)
        connect_directions_tab(directions, renderer, bar.current, generate.truncation)
        connect_runs_tab(runs, answers, demo.load, address, model=bar.choice, tabs=tabs)
        connect_parts(Parts(bar.current, tabs, generate, interpolate, mix, directions, tray), renderer)
        add_endpoints(renderer)
        add_run_endpoints(answers)
        needs_model = [workshop, interpolate_page, mix_page, directions_page]
        page = Page(bar, tabs, generate, interpolate, mix, directions, empty, needs_model)
        connect_visits(demo, page, address, renderer)
    check_inputs(demo)
    explain_errors(demo)
    hand_over_served(demo)
    return demo.queue(max_size=WAITING_VISITORS, default_concurrency_limit=EVENTS_AT_ONCE, api_open=False)


def _page(title: str, name: str, visible: bool = True) -> gr.Tab:
    return gr.Tab(title, id=name, elem_id=f"page-{name}", visible=visible)


def warm_up(renderer: Renderer) -> None:
    """Loads the generator that is shown first and has it draw once, so that the first visitor waits less.

    `renderer` is the one that draws for visitors: they take turns with this and find its images in the cache.
    """
    with suppress(DcganHubError):
        for name in renderer.registry.names()[:1]:
            renderer.draw(name, [Seed(seed) for seed in range(16)])
            renderer.draw(name, [Seed(0)])


def serve(
    models: Sequence[str],
    runs: Path,
    host: str | None,
    port: int | None,
    share: bool,
    open_hub: bool = True,
    mcp: bool = False,
    allow_hosts: Sequence[str] = (),
) -> None:
    """Serves the page until it is interrupted.

    Args:
        models: what to show first, see `ModelRegistry`.
        runs: folder of the training runs; it need not exist.
        host: address to listen at, see `find_address`.
        port: port to listen at, see `find_address`.
        share: whether to make a temporary public address, through Gradio's server.
        open_hub: whether visitors may open other generators and runs of the Hub.
        mcp: whether the endpoints are offered as tools to language models, at /gradio_api/mcp.
        allow_hosts: names under which the app answers besides its addresses and the machine's own names, see `Hosts`.

    Raises:
        BundleError: if a folder in `models` holds no generator.
        SettingsError: if the address cannot be had, a name of a model or host is none, or what --mcp needs is not
            installed.
    """
    if mcp:
        _check_mcp()
    hosts = Hosts(allow_hosts)
    if host:
        hosts.add(host)
    keep_log_short()
    shelf = RunShelf(runs, open_hub)
    renderer = Renderer(ModelRegistry(shelf, models, open_hub))
    demo = build_demo(renderer, shelf)
    _launch(demo, hosts, server_name=find_address(host, port), server_port=port, share=share, mcp_server=mcp)
    if demo.share_url:
        hosts.add(demo.share_url.partition("//")[2])
    show_pictures_to_tools(demo)
    keep_sessions_lean(demo)
    # After the launch, since it would delay the page.
    threading.Thread(target=warm_up, args=[renderer], daemon=True).start()
    try:
        demo.block_thread()
    finally:
        shelf.hub_store.close()


def _launch(demo: gr.Blocks, hosts: Hosts, **options: Any) -> None:
    """Starts the server, with bounded connections and nothing of Gradio's that this app does not use."""
    connections = connections_within(raise_file_limit())
    try:
        with bounded_server(connections):
            demo.launch(
                **options,
                theme=make_theme(),
                css=CSS,
                footer_links=["api"],
                run_history=False,
                enable_monitoring=False,
                allowed_paths=[],
                max_file_size="1kb",
                app_kwargs=app_options(demo, hosts, connections),
                max_threads=MAX_THREADS,
                state_session_capacity=KEPT_SESSIONS,
                ssr_mode=False,
                pwa=False,
                prevent_thread_lock=True,
                # Or Gradio ends the app if its page takes more than three seconds, as on a busy machine.
                _frontend=False,
            )
    except OSError as error:  # another program was quicker
        raise SettingsError(f"{MUST_LISTEN} Received: {error} Try another --port, or leave it out.") from error


def _check_mcp() -> None:
    try:
        import gradio.mcp  # noqa: F401
    except ImportError as error:
        raise SettingsError(
            '`--mcp` needs the package mcp. Received: it is not installed. Run: pip install "dcgan-hub[mcp]"'
        ) from error
