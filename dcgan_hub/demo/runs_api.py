"""The API endpoints for runs, for programs and as MCP tools; documented in docs/app-api.md."""

from collections.abc import Iterator
from typing import Any

import gradio as gr
from PIL import Image

from dcgan_hub.demo.api import UNLOADED, add_endpoint, number_input, text_input
from dcgan_hub.demo.messages import explained
from dcgan_hub.demo.run_views.playback import END, STEPS
from dcgan_hub.demo.run_views.service import RunAnswers
from dcgan_hub.demo.tabs.event_options import FILMING, READING
from dcgan_hub.demo.tabs.runs import timelapse


def add_run_endpoints(answers: RunAnswers) -> None:
    """Adds `/runs`, `/run`, `/run_sample`, `/compare` and `/run_film`, which the page itself does not use."""
    do = RunEndpoints(answers)
    with gr.Column(visible=False):
        run, other = text_input("run"), text_input("other")
        sheet = gr.Image(label="sheet", format="png", **UNLOADED)
        caption = gr.Textbox(label="caption", **UNLOADED)
        add_endpoint(do.runs, [], gr.JSON(label="runs", **UNLOADED))
        add_endpoint(do.run, [run], gr.JSON(label="run", **UNLOADED), **READING)
        add_endpoint(do.run_sample, [run, number_input("position", 1)], [sheet, caption], **READING)
        measure, at = text_input("measure", STEPS), text_input("at", END)
        other_sheet = gr.Image(label="other sheet", format="png", **UNLOADED)
        add_endpoint(do.compare, [run, other, measure, at], [sheet, other_sheet, caption], **READING)
        film = [run, number_input("frames_per_second", 8), text_input("other", ""), measure]
        add_endpoint(do.run_film, film, gr.File(label="time-lapse", **UNLOADED), **FILMING)


class RunEndpoints:
    """The endpoints' functions; Gradio shows their docstrings to API users.

    Gradio reads `Args` and `Returns` line by line, so each description must be on one line.
    """

    def __init__(self, answers: RunAnswers) -> None:
        """Takes the service that answers queries about runs."""
        self._answers = answers

    @explained()
    def runs(self) -> list[dict[str, Any]]:
        """Lists the training runs that this app shows, most recently changed first.

        A run is live, silent, stopped, finished, failed or damaged.

        Returns:
            For each run its name, state, data, step, images seen, speed, best quality, sample sheets, and its model.
        """
        return self._answers.describe_all()

    @explained()
    def run(self, run: str) -> dict[str, Any]:
        """Returns everything known about one training run: state, settings, data, history and metrics.

        Args:
            run: name of a run from /runs, or hf://user/name or hf://user/name@revision for one on the Hub.

        Returns:
            The summary, the sections of its record, its history, its reports, and steps of sheets and checkpoints.
        """
        return self._answers.describe(run)

    @explained()
    def run_sample(self, run: str, position: int = 1) -> tuple[Image.Image, str]:
        """Returns one sample sheet of a training run: 64 images of the generator at a step, or 8 of each class.

        Args:
            run: name of a run from /runs, or hf://user/name for one on the Hub.
            position: number of the sheet, from 1 (before the first step) to the number of sheets.

        Returns:
            The sheet, and its step.
        """
        return self._answers.sample(run, position)

    @explained()
    def compare(
        self, run: str, other: str, measure: str = STEPS, at: str = END
    ) -> tuple[Image.Image, Image.Image, str]:
        """Compares the sample sheets of two training runs at the same step, or after the same training time.

        Args:
            run: name of a run from /runs, or hf://user/name for one on the Hub.
            other: name of another run.
            measure: "steps" or "time".
            at: the step, or the training time in seconds; or "end" for the last that both runs have.

        Returns:
            The sheet of the first run, that of the other run, and a line that describes them.
        """
        return self._answers.compare(run, other, measure, at)

    def run_film(self, run: str, frames_per_second: int = 8, other: str = "", measure: str = STEPS) -> Iterator[str]:
        """Creates the time-lapse of a training run, or of two side by side: sample sheets as an MP4 video.

        Args:
            run: name of a run from /runs, or hf://user/name for one on the Hub.
            frames_per_second: sheets per second, 1 to 30.
            other: name of a run to be shown beside the first one; empty for none.
            measure: "steps" or "time": at which equal place two runs are shown.

        Returns:
            The video.
        """
        with timelapse(self._answers, run, other, measure, frames_per_second) as path:
            yield path
