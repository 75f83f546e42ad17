"""The API endpoints for runs, for programs and as MCP tools; documented in docs/app-api.md."""

from collections.abc import Iterator
from typing import Any

import gradio as gr
from PIL import Image

from dcgan_hub.demo.api import add_endpoint, number_input, text_input
from dcgan_hub.demo.messages import explained
from dcgan_hub.demo.run_views.playback import END, STEPS
from dcgan_hub.demo.run_views.service import RunAnswers
from dcgan_hub.demo.tabs.event_options import FILMING
from dcgan_hub.demo.tabs.runs import timelapse


def add_run_endpoints(answers: RunAnswers) -> None:
    """Adds `/runs`, `/run`, `/run_sample`, `/compare` and `/run_film`, which the page itself does not use."""
    do = RunEndpoints(answers)
    with gr.Column(visible=False):
        run, other = text_input(label="run"), text_input(label="other")
        sheet, caption = gr.Image(label="sheet", format="png"), gr.Textbox(label="caption")
        add_endpoint(do.runs, [], gr.JSON(label="runs"))
        add_endpoint(do.run, [run], gr.JSON(label="run"))
        add_endpoint(do.run_sample, [run, number_input(1, label="position")], [sheet, caption])
        measure, at = text_input(STEPS, label="measure"), text_input(END, label="at")
        other_sheet = gr.Image(label="other sheet", format="png")
        add_endpoint(do.compare, [run, other, measure, at], [sheet, other_sheet, caption])
        speed = number_input(8, label="frames_per_second")
        add_endpoint(do.run_film, [run, speed], gr.Video(label="time-lapse"), **FILMING)


class RunEndpoints:
    """The endpoints' functions; Gradio shows their docstrings to API users."""

    def __init__(self, answers: RunAnswers) -> None:
        """Takes the service that answers queries about runs."""
        self._answers = answers

    @explained()
    def runs(self) -> list[dict[str, Any]]:
        """Lists the training runs that this app shows, most recently changed first.

        Returns:
            For each run its name, state (live, silent, stopped, finished, failed or damaged), data, step, images seen,
            speed, best quality if measured, number of sample sheets, and the name of its model.
        """
        return self._answers.describe_all()

    @explained()
    def run(self, run: str) -> dict[str, Any]:
        """Returns everything known about one training run: state, settings, data, history and metrics.

        Args:
            run: name of a run from the list of runs, or hf://user/name or hf://user/name@revision for one on the Hub.

        Returns:
            The summary, the sections of its record, its history in sentences, at most 1,000 of its reports, the steps
            of its sample sheets and checkpoints, and problems with its files.
        """
        return self._answers.describe(run)

    @explained()
    def run_sample(self, run: str, position: float) -> tuple[Image.Image, str]:
        """Returns one sample sheet of a training run: 64 images of the generator at a step.

        Args:
            run: name of a run, or hf://user/name for one on the Hub.
            position: number of the sheet, from 1 (before the first step) to the number of sheets.

        Returns:
            The sheet, and its step.
        """
        return self._answers.sample(run, position)

    @explained()
    def compare(self, run: str, other: str, measure: str, at: str) -> tuple[Image.Image, Image.Image, str]:
        """Compares the sample sheets of two training runs at the same step, or after the same training time.

        Args:
            run: name of a run, or hf://user/name for one on the Hub.
            other: name of another run.
            measure: "steps" or "time".
            at: the step, or the training time in seconds; or "end" for the last that both runs have.

        Returns:
            The sheet of the first run, that of the other run, and a line that describes them.
        """
        return self._answers.compare(run, other, measure, at)

    def run_film(self, run: str, frames_per_second: float) -> Iterator[str]:
        """Creates the time-lapse of a training run: its sample sheets as an MP4 video.

        Args:
            run: name of a run, or hf://user/name for one on the Hub.
            frames_per_second: sheets per second, 1 to 30.

        Returns:
            The video.
        """
        with timelapse(self._answers, run, frames_per_second) as path:
            yield path
