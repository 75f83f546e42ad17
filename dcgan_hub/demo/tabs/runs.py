"""The Training runs tab: all runs as cards; one run, or two side by side, as a film, as plots and as text."""

import tempfile
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from dcgan_hub.demo.html import note
from dcgan_hub.demo.messages import explained, warn
from dcgan_hub.demo.run_views.details_html import details, details_of_two, heading
from dcgan_hub.demo.run_views.playback import MEASURES, STEPS
from dcgan_hub.demo.run_views.service import RunAnswers
from dcgan_hub.demo.tabs.event_options import FILMING, QUIET, READING, SILENT, Updates
from dcgan_hub.demo.tabs.run_widgets import add_cards, add_film, add_life, add_plots, add_timelapse
from dcgan_hub.demo.tabs.widgets import pictures_column, visited_parameters
from dcgan_hub.errors import DcganHubError
from dcgan_hub.hub.names import SCHEME
from dcgan_hub.runs.directory import step_name
from dcgan_hub.runs.snapshot import Run

NO_GENERATOR = ("none yet", "")
ALONE = ""  # the choice of no second run
NO_OTHER = ("no other run", ALONE)
MEASURE_CHOICES = [("equal steps", MEASURES[0]), ("equal training time", MEASURES[1])]
MAKE_ANIMATION, MAKE_ANIMATION_OF_BOTH = "Make the time-lapse as a video", "Make the time-lapse of both as a video"
PARAMETER = "run"  # query parameter of a link to the page
SCROLL = """() => {
  const detail = document.querySelector("#run-detail");
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (detail) detail.scrollIntoView({behavior: calm ? "auto" : "smooth", block: "start"});
  document.dispatchEvent(new Event("dcgan-link"));
}"""


@dataclass(frozen=True)
class RunsTab:
    """Components of the tab; those from `column` on show one run."""

    chosen: gr.State
    cards: gr.HTML
    hub_id: gr.Textbox
    open_hub: gr.Button
    column: gr.Column
    title: gr.HTML
    other: gr.Dropdown
    measure: gr.Radio
    source: gr.Dropdown
    use: gr.Button
    film: gr.HTML
    make_animation: gr.Button
    video: gr.HTML
    text: gr.HTML
    plots: gr.HTML

    @property
    def shown(self) -> list[Any]:
        """The components that `show_run` updates."""
        run = [self.column, self.title, self.measure, self.source, self.use]
        return [*run, self.film, self.text, self.plots, self.make_animation]

    @property
    def opened(self) -> list[Any]:
        """The components that `open_run` updates."""
        return [self.chosen, self.cards, self.other, *self.shown, self.video]


def add_runs_tab(answers: RunAnswers) -> RunsTab:
    """Lays out the tab."""
    chosen = gr.State(None)
    cards = add_cards(answers.index.look, answers.sheet_cache.serve)
    with gr.Row(elem_id="run-hub", visible=answers.shelf.opens_hub):
        hub_id = gr.Textbox(
            label="Open a run from the Hub", placeholder="user/name@revision", max_lines=1, max_length=250,
            elem_id="run-hub-id", scale=4, min_width=220,
        )  # fmt: skip
        open_hub = gr.Button("Open", elem_id="run-hub-open", scale=1, min_width=90)
    with gr.Column(visible=False, elem_id="run-detail") as column:
        title = gr.HTML(elem_id="run-heading")
        with gr.Row(elem_id="run-tools"):
            other = gr.Dropdown(
                [NO_OTHER], value=ALONE, label="Compare with", filterable=False, elem_id="run-other", min_width=180,
            )  # fmt: skip
            measure = gr.Radio(
                MEASURE_CHOICES, value=STEPS, label="Side by side at", visible=False, elem_id="run-measure",
                min_width=270,
            )  # fmt: skip
            source = gr.Dropdown(
                [], label="Its generators", filterable=False, elem_id="run-generator", min_width=200,
            )  # fmt: skip
            use = gr.Button("Use in Generate", elem_id="run-use", min_width=150, interactive=False)
        with gr.Row(elem_classes="workbench"):
            with pictures_column():
                film = add_film(answers.sheet_cache.serve)
                add_life(answers.sheet_cache.serve_life)
                make_animation = gr.Button(MAKE_ANIMATION, elem_id="run-make-film", size="sm")
                video = add_timelapse()
            with gr.Column(scale=2, min_width=300):
                text = gr.HTML(elem_id="run-details")
        plots = add_plots()
    return RunsTab(
        chosen,
        cards,
        hub_id,
        open_hub,
        column,
        title,
        other,
        measure,
        source,
        use,
        film,
        make_animation,
        video,
        text,
        plots,
    )


def connect_runs_tab(
    tab: RunsTab, answers: RunAnswers, page_ready: Any, address: gr.HTML, *, model: gr.Dropdown, tabs: gr.Tabs
) -> None:
    """Adds the tab's events; a link with `?run=NAME` opens that run, also when the visitor comes back to it.

    "Use in Generate" sets `model`, and switches `tabs` to the tab with the id "generate".
    """

    def open_card(event: gr.EventData) -> Updates:
        return open_run(tab, answers, event._data.get("run") if isinstance(event._data, dict) else None)

    def open_from_hub(text: str) -> Updates:
        return open_run(tab, answers, f"{SCHEME}{str(text).strip().removeprefix(SCHEME)}")

    def open_linked(request: gr.Request) -> Updates:
        name = request.query_params.get(PARAMETER) if request else None
        return open_run(tab, answers, name) | {tabs: gr.Tabs(selected="runs")} if name else gr.skip()

    def come_back(shown: str | None, event: gr.EventData) -> Updates:
        name = visited_parameters(event).get(PARAMETER)
        return open_run(tab, answers, name) if name and name != shown else gr.skip()

    def show(name: str | None, other: Any, measure: Any) -> Updates:
        return show_run(tab, answers, name, other, measure)

    def show_beside(name: str | None, other: Any, measure: Any) -> Updates:
        return show(name, other, measure) | {tab.video: None}

    def make_animation(name: str | None, other: Any, measure: Any) -> Iterator[Any]:
        with timelapse(answers, name or "", other, measure) as path:
            label = f"{name} and {other}, side by side" if other else name
            yield {"file": FileData(path=path, orig_name=Path(path).name).model_dump(), "label": label}

    def use(source: str) -> Updates:
        return {model: source, tabs: gr.Tabs(selected="generate")}

    typed = [tab.open_hub.click, tab.hub_id.submit]
    hub_opening = gr.on(typed, open_from_hub, tab.hub_id, tab.opened, **QUIET, **READING)
    for opening in (hub_opening, tab.cards.open_run(open_card, None, tab.opened, **SILENT, **READING)):
        opening.success(None, None, None, js=SCROLL, **QUIET)
    page_ready(open_linked, None, [*tab.opened, tabs], **SILENT, **READING)
    address.visit(come_back, tab.chosen, tab.opened, **SILENT, **READING)
    compared = [tab.chosen, tab.other, tab.measure]
    for change in (tab.other.input, tab.measure.input):
        change(show_beside, compared, [*tab.shown, tab.video], trigger_mode="always_last", **SILENT, **READING)
    tab.cards.run_changed(show, compared, tab.shown, trigger_mode="always_last", **SILENT, **READING)
    tab.make_animation.click(make_animation, compared, tab.video, **QUIET, **FILMING)
    tab.use.click(use, tab.source, [model, tabs], **SILENT)


@contextmanager
def timelapse(
    answers: RunAnswers, run: str, other: str, measure: str, frames_per_second: float | None = None
) -> Iterator[str]:
    """The time-lapse of one run or two as a temporary file, which Gradio copies when it is yielded.

    Raises:
        gr.Error: for errors that the visitor can fix.
    """
    with tempfile.TemporaryDirectory(prefix="dcgan-hub-") as folder, explained():
        yield str(answers.save_film(Path(folder), run, other, measure, frames_per_second, warn))


def open_run(tab: RunsTab, answers: RunAnswers, name: Any) -> Updates:
    """Shows a single run.

    Raises:
        gr.Error: if there is no such run, or it cannot be downloaded.
    """
    with explained():
        run = answers.shelf.open(name)
    others = [(other, other) for other in answers.shelf.names() if other != run.name]
    return {
        tab.chosen: run.name,
        tab.cards: {"chosen": run.name},
        tab.other: gr.Dropdown(choices=[NO_OTHER, *others], value=ALONE, visible=bool(others)),
        **show_run(tab, answers, run.name, ALONE, STEPS),
        tab.video: None,
    }


def show_run(tab: RunsTab, answers: RunAnswers, name: Any, other: Any, measure: Any) -> Updates:
    """Shows the current state of a run, beside another one if `other` is given.

    If a run was deleted meanwhile, or cannot be compared, the page stays unchanged except for a message.
    """
    try:
        run = answers.shelf.open(name)
        second = answers.shelf.open(other) if other else None
        film, plots = answers.film(run, second, measure), answers.plots(run, second, measure)
    except DcganHubError as error:
        return {tab.title: note(f"The run below is not up to date. {error}", "run-problem")}
    generators = generators_of(run)
    link = f"?{urllib.parse.urlencode({PARAMETER: run.name})}"
    return {
        tab.column: gr.Column(visible=True),
        tab.title: heading(run, link),
        tab.measure: gr.Radio(visible=second is not None),
        tab.source: gr.Dropdown(choices=generators or [NO_GENERATOR], value=(generators or [NO_GENERATOR])[0][1]),
        tab.use: gr.Button(interactive=bool(generators)),
        tab.film: film,
        tab.text: details(run) if second is None else details_of_two(run, second),
        tab.plots: plots,
        tab.make_animation: gr.Button(
            MAKE_ANIMATION if second is None else MAKE_ANIMATION_OF_BOTH, interactive=bool(film["frames"])
        ),
    }


def generators_of(run: Run) -> list[tuple[str, str]]:
    """Labels and names of a run's generators: the newest, and those of its checkpoints."""
    newest = [("newest generator", run.model)] if run.model else []
    return newest + [
        (f"checkpoint of step {step:,}", f"runs/{run.name}@{step_name(step)}") for step in reversed(run.checkpoints)
    ]
