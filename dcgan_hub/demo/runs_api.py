"""The endpoints about runs, for programs and as tools of assistants; documented in docs/app-api.md."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from dcgan_hub.demo.gradio_patches.raw_inputs import as_sent
from dcgan_hub.demo.messages import explained
from dcgan_hub.demo.run_views.playback import END
from dcgan_hub.demo.run_views.service import RunAnswers
from dcgan_hub.demo.tabs.event_options import FILMING


@contextmanager
def timelapse(answers: RunAnswers, run: str, frames_per_second: float) -> Iterator[str]:
    """The time-lapse of a run as a file that is removed afterwards; Gradio copies it when it is yielded.

    Raises:
        gr.Error: for what the visitor can mend.
    """
    with tempfile.TemporaryDirectory(prefix="dcgan-hub-") as folder, explained():
        path = Path(folder) / "timelapse.mp4"
        answers.save_film(run, frames_per_second, path)
        yield str(path)


def add_run_endpoints(answers: RunAnswers) -> None:
    """Adds `/runs`, `/run`, `/run_sample`, `/compare` and `/run_film`, which no part of the page uses."""

    def name(label: str) -> Component:
        return as_sent(gr.Textbox(label=label))

    do = RunEndpoints(answers)
    with gr.Column(visible=False):
        _endpoint(do.runs, [], gr.JSON(label="runs"))
        _endpoint(do.run, [name("run")], gr.JSON(label="run"))
        position = as_sent(gr.Number(1, label="position"))
        _endpoint(do.run_sample, [name("run"), position], [_sheet("sheet"), gr.Textbox(label="caption")])
        measure, at = as_sent(gr.Textbox("steps", label="measure")), as_sent(gr.Textbox(END, label="at"))
        outputs = [_sheet("sheet"), _sheet("other sheet"), gr.Textbox(label="caption")]
        _endpoint(do.compare, [name("run"), name("other"), measure, at], outputs)
        speed = as_sent(gr.Number(8, label="frames_per_second"))
        _endpoint(do.run_film, [name("run"), speed], gr.Video(label="time-lapse"), **FILMING)


class RunEndpoints:
    """The endpoints' functions; Gradio shows their docstrings to those who use them."""

    def __init__(self, answers: RunAnswers) -> None:
        """Takes what knows the runs."""
        self._answers = answers

    def runs(self) -> list[dict[str, Any]]:
        """Lists the training runs that this app shows, the one that changed last first.

        Returns:
            For each run its name, state (live, silent, stopped, finished, failed or damaged), data, step, images seen,
            speed, best quality where it was measured, number of sample sheets and the name of its model.
        """
        with explained():
            return self._answers.describe_all()

    def run(self, run: str) -> dict[str, Any]:
        """Tells everything that is known of one training run: state, settings, data, course and metrics.

        Args:
            run: name of a run, from the list of runs, or hf://user/name or hf://user/name@revision for one on the Hub.

        Returns:
            The summary, the sections of its record, its course in sentences, at most 1,000 of its reports, the steps of
            its sample sheets and of its checkpoints, and what is wrong with its files.
        """
        with explained():
            return self._answers.describe(run)

    def run_sample(self, run: str, position: float) -> tuple[Image.Image, str]:
        """Shows one sample sheet of a training run: 64 images that the generator drew at a step.

        Args:
            run: name of a run, or hf://user/name for one on the Hub.
            position: of the sheet, from 1 (before the first step) up to the number of sheets.

        Returns:
            The sheet, and the step it is of.
        """
        with explained():
            return self._answers.sample(run, position)

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
        with explained():
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


def _endpoint(answer: Callable[..., Any], inputs: list[Component], outputs: Any, **options: Any) -> None:
    """An endpoint named as the function; components that nobody sees give its types, so that files can be sent."""
    gr.Button(visible=False).click(answer, inputs, outputs, api_name=answer.__name__, **options)


def _sheet(label: str) -> Component:
    return gr.Image(label=label, format="png")
