"""The endpoints about runs, for programs and as tools of assistants; documented in docs/app-api.md."""

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
    """Adds `/runs`, `/run`, `/run_sample`, `/compare` and `/run_film`, which no part of the page uses."""
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
    """The endpoints' functions; Gradio shows their docstrings to those who use them."""

    def __init__(self, answers: RunAnswers) -> None:
        """Takes what knows the runs."""
        self._answers = answers

    @explained()
    def runs(self) -> list[dict[str, Any]]:
        """Lists the training runs that this app shows, the one that changed last first.

        Returns:
            For each run its name, state (live, silent, stopped, finished, failed or damaged), data, step, images seen,
            speed, best quality where it was measured, number of sample sheets and the name of its model.
        """
        return self._answers.describe_all()

    @explained()
    def run(self, run: str) -> dict[str, Any]:
        """Tells everything that is known of one training run: state, settings, data, course and metrics.

        Args:
            run: name of a run, from the list of runs, or hf://user/name or hf://user/name@revision for one on the Hub.

        Returns:
            The summary, the sections of its record, its course in sentences, at most 1,000 of its reports, the steps of
            its sample sheets and of its checkpoints, and what is wrong with its files.
        """
        return self._answers.describe(run)

    @explained()
    def run_sample(self, run: str, position: float) -> tuple[Image.Image, str]:
        """Shows one sample sheet of a training run: 64 images that the generator drew at a step.

        Args:
            run: name of a run, or hf://user/name for one on the Hub.
            position: of the sheet, from 1 (before the first step) up to the number of sheets.

        Returns:
            The sheet, and the step it is of.
        """
        return self._answers.sample(run, position)

    @explained()
    def compare(self, run: str, other: str, measure: str, at: str) -> tuple[Image.Image, Image.Image, str]:
        """Shows the sample sheets of two training runs at an equal step, or after equal time of training.

        Args:
            run: name of a run, or hf://user/name for one on the Hub.
            other: name of another one.
            measure: steps or time.
            at: the step, or the second of training; or "end", the last that both runs have.

        Returns:
            The sheet of the first run, that of the other one, and a line that says what they are of.
        """
        return self._answers.compare(run, other, measure, at)

    def run_film(self, run: str, frames_per_second: float) -> Iterator[str]:
        """Makes the time-lapse of a training run: its sample sheets as an MP4 video.

        Args:
            run: name of a run, or hf://user/name for one on the Hub.
            frames_per_second: sheets a second, 1 to 30.

        Returns:
            The video.
        """
        with timelapse(self._answers, run, frames_per_second) as path:
            yield path
