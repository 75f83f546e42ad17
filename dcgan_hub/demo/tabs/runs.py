"""The Training runs tab: all runs as cards; one of them, or two side by side, as a film, as plots and in words."""

import urllib.parse
from collections.abc import Iterator
from typing import Any

import gradio as gr

from dcgan_hub.demo.catalog.runs import RunShelf
from dcgan_hub.demo.gradio_patches.raw_inputs import as_sent
from dcgan_hub.demo.html import note
from dcgan_hub.demo.messages import explained
from dcgan_hub.demo.run_views.details_html import details, details_of_two, heading
from dcgan_hub.demo.run_views.playback import MEASURES, STEPS
from dcgan_hub.demo.run_views.service import RunAnswers
from dcgan_hub.demo.runs_api import add_run_endpoints, timelapse
from dcgan_hub.demo.tabs.event_options import FILMING, HIDDEN, QUIET
from dcgan_hub.demo.tabs.run_widgets import add_cards, add_film, add_plots
from dcgan_hub.demo.tabs.widgets import pictures_column
from dcgan_hub.errors import DcganHubError
from dcgan_hub.hub.names import SCHEME
from dcgan_hub.runs.directory import step_name
from dcgan_hub.runs.snapshot import Run

NO_GENERATOR = ("none yet", "")
ALONE = ""  # the choice of no second run
MEASURE_CHOICES = [("equal steps", MEASURES[0]), ("equal training time", MEASURES[1])]
FILM_SPEED = 8  # sheets a second
PARAMETER = "run"  # of a link to the page
SCROLL = """() => {
  const detail = document.querySelector("#run-detail");
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (detail) detail.scrollIntoView({behavior: calm ? "auto" : "smooth", block: "start"});
}"""


def add_runs_tab(shelf: RunShelf, page_ready: Any, *, model: gr.Dropdown, tabs: gr.Tabs) -> None:
    """Adds the tab's contents and the endpoints about runs to the page that is being built.

    Args:
        shelf: where the runs are.
        page_ready: the page's load event; a link with `?run=NAME` then opens that run.
        model: the page's choice of a generator, into which "Use in Generate" writes.
        tabs: the page's tabs, those with the ids "generate" and "runs" among them.
    """
    answers = RunAnswers(shelf)
    chosen = gr.State(None)
    cards = add_cards(answers.index.look, answers.sheet_cache.serve)
    with gr.Row(elem_id="run-hub", visible=shelf.opens_hub):
        hub_id = gr.Textbox(
            label="Open a run from the Hub", placeholder="user/name@revision", max_lines=1, max_length=250,
            elem_id="run-hub-id", scale=4, min_width=220,
        )  # fmt: skip
        open_hub = gr.Button("Open", elem_id="run-hub-open", scale=1, min_width=90)
    parts = _Parts(answers)
    opened = [chosen, cards, parts.other, *parts.shown, parts.video]

    def open_card(event: gr.EventData) -> list[Any]:
        return open_run(answers, event._data.get("run") if isinstance(event._data, dict) else None)

    def open_from_hub(text: str) -> list[Any]:
        return open_run(answers, f"{SCHEME}{str(text).strip().removeprefix(SCHEME)}")

    def open_linked(request: gr.Request) -> list[Any]:
        name = request.query_params.get(PARAMETER) if request else None
        return [*open_run(answers, name), gr.Tabs(selected="runs")] if name else [gr.skip() for _ in [*opened, tabs]]

    def show(name: str | None, other: Any, measure: Any) -> list[Any]:
        return show_run(answers, name, other, measure)

    def make_film(name: str | None) -> Iterator[Any]:
        with timelapse(answers, name or "", FILM_SPEED) as path:
            yield gr.Video(path, visible=True)

    quiet = QUIET | HIDDEN
    hub_opening = gr.on([open_hub.click, hub_id.submit], open_from_hub, hub_id, opened, api_visibility="private")
    for opening in (hub_opening, cards.open_run(open_card, None, opened, **quiet)):
        opening.success(None, None, None, js=SCROLL, api_visibility="private")
    page_ready(open_linked, None, [*opened, tabs], **quiet)
    watched = {"inputs": [chosen, parts.other, parts.measure], "outputs": parts.shown, "trigger_mode": "always_last"}
    for change in (parts.other.input, parts.measure.input, cards.run_changed):
        change(show, **watched, **quiet)
    parts.make_film.click(make_film, chosen, parts.video, **QUIET, **FILMING)
    parts.use.click(lambda source: [source, gr.Tabs(selected="generate")], parts.source, [model, tabs], **quiet)
    add_run_endpoints(answers)


class _Parts:
    """The components that show one run; `shown` are those that `show_run` fills, in its order."""

    def __init__(self, answers: RunAnswers) -> None:
        with gr.Column(visible=False, elem_id="run-detail") as column:
            title = gr.HTML(elem_id="run-heading")
            with gr.Row(elem_id="run-tools"):
                self.other = as_sent(gr.Dropdown(
                    [("no other run", ALONE)], value=ALONE, label="Compare with", filterable=False, elem_id="run-other",
                    min_width=180,
                ))  # fmt: skip
                self.measure = as_sent(gr.Radio(
                    MEASURE_CHOICES, value=STEPS, label="Side by side at", visible=False, elem_id="run-measure",
                    min_width=270,
                ))  # fmt: skip
                self.source = as_sent(gr.Dropdown(
                    [], label="Its generators", filterable=False, elem_id="run-generator", min_width=200,
                ))  # fmt: skip
                self.use = gr.Button("Use in Generate", elem_id="run-use", min_width=150, interactive=False)
            with gr.Row(elem_classes="workbench"):
                with pictures_column():
                    film = add_film(answers.sheet_cache.serve)
                    self.make_film = gr.Button("Make the time-lapse as a video", elem_id="run-make-film", size="sm")
                    self.video = gr.Video(
                        show_label=False, autoplay=True, loop=True, interactive=False, visible=False,
                        buttons=["download"], elem_id="run-timelapse", elem_classes="pixels",
                    )  # fmt: skip
                with gr.Column(scale=2, min_width=300):
                    text = gr.HTML(elem_id="run-details")
            plots = add_plots()
        self.shown = [column, title, self.measure, self.source, self.use, film, text, plots, self.make_film]


def open_run(answers: RunAnswers, name: Any) -> list[Any]:
    """Shows a run from its newest sheet on, alone.

    Returns:
        Name of the run, value of the cards, the choice of another run, what `show_run` returns, and no video.

    Raises:
        gr.Error: if there is no such run, or it cannot be had.
    """
    with explained():
        run = answers.shelf.open(name)
    others = [(other, other) for other in answers.shelf.names() if other != run.name]
    comparison = gr.Dropdown(choices=[("no other run", ALONE), *others], value=ALONE, visible=bool(others))
    shown = show_run(answers, run.name, ALONE, STEPS)
    return [run.name, {"chosen": run.name}, comparison, *shown, gr.Video(None, visible=False)]


def show_run(answers: RunAnswers, name: Any, other: Any, measure: Any) -> list[Any]:
    """Shows a run as it is at this moment, beside another one if `other` names one.

    A run that has gone away meanwhile, or cannot be compared, leaves the page as it is but for a sentence.

    Returns:
        Updates of the column, heading, measure, generators, button, film, text, plots, and the film's button.
    """
    try:
        run = answers.shelf.open(name)
        second = answers.shelf.open(other) if other else None
        film, plots = answers.film(run, second, measure), answers.plots(run, second, measure)
    except DcganHubError as error:
        return [gr.skip(), note(f"It is shown as it was. {error}", "run-problem"), *[gr.skip() for _ in range(7)]]
    generators = generators_of(run)
    link = f"?{urllib.parse.urlencode({PARAMETER: run.name})}"
    return [
        gr.Column(visible=True),
        heading(run, link),
        gr.Radio(visible=second is not None),
        gr.Dropdown(choices=generators or [NO_GENERATOR], value=(generators or [NO_GENERATOR])[0][1]),
        gr.Button(interactive=bool(generators)),
        film,
        details(run) if second is None else details_of_two(run, second),
        plots,
        gr.Button(interactive=bool(run.steps)),
    ]


def generators_of(run: Run) -> list[tuple[str, str]]:
    """The generators that a run offers, with the names by which the app loads them: its newest, and its checkpoints."""
    newest = [("newest generator", run.model)] if run.model else []
    return newest + [
        (f"checkpoint of step {step:,}", f"runs/{run.name}@{step_name(step)}") for step in reversed(run.checkpoints)
    ]
