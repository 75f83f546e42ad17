"""The Training runs tab: watch how a run learned, sample sheet by sample sheet."""

import html
from typing import Any

import gradio as gr
from PIL import Image

from dcgan_hub.demo.inputs import as_sent, whole_number
from dcgan_hub.demo.runs import Run, RunShelf, read_picture
from dcgan_hub.demo.speech import explained, note, plain_rows, table

NO_RUNS = "No training runs here yet. Start one with: python train.py --minutes 5"


def add_runs_tab(shelf: RunShelf, page_ready: Any) -> None:
    """Adds the tab's contents to the page that is being built.

    Args:
        shelf: where the runs are.
        page_ready: the event after which the runs are listed.
    """
    with gr.Row(elem_classes="workbench"):
        with gr.Column(scale=1, min_width=270, elem_classes="controls"):
            run = as_sent(gr.Dropdown(shelf.names(), label="Run", filterable=False, elem_id="run"))
            refresh = gr.Button("Refresh", elem_id="refresh-runs")
            state = gr.HTML(note(NO_RUNS), elem_id="run-state")
        with gr.Column(scale=3, min_width=320, visible=bool(shelf.names())) as pictures:
            position, caption, sheet, plots = _add_pictures()

    def list_runs(chosen: str | None) -> Any:
        names = shelf.names()
        return gr.Dropdown(choices=names, value=chosen if chosen in names else next(iter(names), None))

    def show_run(name: str | None) -> list[Any]:
        if not name:
            empty = gr.update(visible=False)
            return [note(NO_RUNS), empty, empty, None, None, empty]
        with explained():
            view = shelf.open(name)
            count = len(view.samples)
            last = gr.Slider(minimum=1, maximum=max(count, 2), value=max(count, 1), visible=count > 1)
            picture, words = _sample(view, count)
            drawn = [(read_picture(path), path.stem) for path in view.plots]
        return [
            describe_run(view),
            gr.update(visible=True),
            last,
            picture,
            words,
            gr.update(value=drawn, visible=bool(drawn)),
        ]

    def show_sample(name: str, position: float) -> list[Any]:
        with explained():
            return list(_sample(shelf.open(name), position))

    shown = {"outputs": [state, pictures, position, sheet, caption, plots], "api_visibility": "private"}
    gr.on([page_ready, refresh.click], list_runs, run, run, api_visibility="private", show_progress="hidden").then(
        show_run, run, show_progress="hidden", **shown
    )
    run.input(show_run, run, show_progress="minimal", **shown)
    position.input(
        show_sample,
        [run, as_sent(position)],
        [sheet, caption],
        api_name="run_sample",
        api_description="A sample sheet of a training run, by its position from 1 on.",
        show_progress="hidden",
        trigger_mode="always_last",
    )


def _add_pictures() -> tuple[gr.Slider, gr.HTML, gr.Image, gr.Gallery]:
    """Slider over the sample sheets, the line about the one shown, the sheet, and the plots."""
    position = gr.Slider(1, 2, 1, step=1, label="Sample sheet", visible=False, elem_id="sample-position")
    caption = gr.HTML(elem_id="sample-caption")
    sheet = gr.Image(
        format="png",
        show_label=False,
        interactive=False,
        buttons=["download", "fullscreen"],
        elem_id="sample",
        elem_classes="pixels",
    )
    plots = gr.Gallery(
        label="Plots",
        show_label=False,
        format="png",
        columns=3,
        height="auto",
        object_fit="contain",
        buttons=["download", "fullscreen"],
        interactive=False,
        visible=False,
        elem_id="plots",
    )
    return position, caption, sheet, plots


def _sample(run: Run, position: float) -> tuple[Image.Image | None, str]:
    """The sample sheet at `position`, counted from 1, and the line below it."""
    if not run.samples:
        return None, note("No sample sheet yet: the first one comes with the first report.")
    index = whole_number("position", position, 1, len(run.samples))
    step, path = list(run.samples.items())[index - 1]
    return read_picture(path), note(f"Step {step:,} · sheet {index} of {len(run.samples)}", "caption")


def describe_run(run: Run) -> str:
    """State, newest figures and settings of a run as HTML."""
    if not run.record:
        return note("run.json of this run cannot be read.")
    state = run.record.get("state")
    reason = run.record.get("reason")
    headline = note(f"{state or 'unknown state'}{f': {reason}' if reason else ''}", "state")
    settings = run.record.get("settings")
    sections = settings.items() if isinstance(settings, dict) else ()
    tables = [("Newest figures", plain_rows(run.metrics))]
    tables += [(str(name).capitalize(), plain_rows(values)) for name, values in sections if isinstance(values, dict)]
    return headline + "".join(
        _section(title, rows, is_open=index == 0) for index, (title, rows) in enumerate(tables) if rows
    )


def _section(title: str, rows: list[tuple[str, Any]], is_open: bool) -> str:
    return f"<details{' open' if is_open else ''}><summary>{html.escape(title)}</summary>{table(rows)}</details>"
