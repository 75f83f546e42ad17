"""Four parts of the Training runs tab for which Gradio has no component: cards, film, life of an image, and plots.

Each is a `gr.HTML` with a fixed template, filled by a script in `demo/static` from the value, a plain object. Texts of
runs occur only in that object, and the scripts insert them as text nodes, never as HTML. The templates contain no
values, since Gradio would evaluate these as code.
"""

from collections.abc import Callable
from typing import Any

import gradio as gr

from dcgan_hub.demo.style import STATIC

CARDS = """\
<ul class="run-cards folded" aria-label="Training runs" hidden></ul>
<button type="button" class="run-fold" aria-expanded="false" hidden></button>
<p class="run-more note" hidden></p>
<div class="run-empty" hidden>
  <p><strong>No training runs here yet.</strong></p>
  <p>Start one, and watch it train on this page:</p>
  <pre>python train.py --minutes 5</pre>
  <p>Or open the record of a run that someone has pushed to the Hub.</p>
</div>
"""
FILM = """\
<div class="run-film" role="group" aria-label="Sample sheets">
  <p class="problem" role="alert"></p>
  <div class="lanes"></div>
  <p class="hint" hidden>Click an image to see it through all steps.</p>
  <p class="label"></p>
  <div class="controls">
    <button type="button" class="play" aria-pressed="false" disabled>Play</button>
    <input type="range" min="0" max="0" value="0" step="1" aria-label="Sample sheet" disabled>
    <label>per second <select aria-label="Sheets per second">
      <option>2</option><option>4</option><option selected>8</option><option>16</option>
    </select></label>
    <button type="button" class="save" disabled>Save PNG</button>
  </div>
</div>
"""
LIFE = """\
<section class="run-life" aria-label="One image through all steps" hidden>
  <div class="head">
    <p class="words" aria-live="polite"></p>
    <button type="button" class="close" aria-label="Close the strip">Close</button>
  </div>
  <p class="problem" role="alert"></p>
  <div class="crops" role="group" aria-label="Steps. Arrow keys move, Enter shows the sheet."></div>
</section>
"""
TIMELAPSE = """\
<figure class="pixels" hidden><figcaption></figcaption><video controls loop playsinline></video></figure>
"""
PLOTS = """\
<div class="run-plots">
  <div class="plot-tools" role="toolbar" aria-label="Zoom of the plots" hidden>
    <span class="hint">Drag over a plot to zoom</span>
    <button type="button" data-action="in" aria-label="Zoom in">+</button>
    <button type="button" data-action="out" aria-label="Zoom out">−</button>
    <button type="button" data-action="left" aria-label="Earlier">←</button>
    <button type="button" data-action="right" aria-label="Later">→</button>
    <button type="button" data-action="all">Show all</button>
  </div>
  <div class="plot-grid"></div>
</div>
"""

Answer = Callable[[Any], dict[str, Any]]


def add_cards(look: Answer, sheet: Answer) -> gr.HTML:
    """The cards. Value: {"chosen": name or None}. Events: `open_run` and `run_changed`, both with {"run": name}."""
    return _widget({"chosen": None}, CARDS, "runs_cards.js", "run-cards", {"look": look, "sheet": sheet})


def add_film(sheet: Answer) -> gr.HTML:
    """The player. Value: {"id", "runs": [{"run", "title"}], "frames": see `film_of`, "problem"}."""
    return _widget(None, FILM, "runs_film.js", "run-film", {"sheet": sheet})


def add_life(life: Answer) -> gr.HTML:
    """One image of the sheets through all steps, once it is chosen in the film."""
    return _widget(None, LIFE, "runs_life.js", "run-life", {"life": life})


def add_timelapse() -> gr.HTML:
    """A video, which `gr.Video` would show, too, with 160 kB of scripts more. Value: {"file": FileData, "label"}."""
    return _widget(None, TIMELAPSE, "timelapse.js", "run-timelapse", {})


def add_plots() -> gr.HTML:
    """The plots. Value: what `plots_of` returns, and an "id" that stays the same during a run."""
    return _widget(None, PLOTS, "runs_plots.js", "run-plots", {})


def _widget(value: Any, skeleton: str, script: str, elem_id: str, answers: dict[str, Answer]) -> gr.HTML:
    return gr.HTML(
        value=value,
        html_template=skeleton,
        js_on_load=(STATIC / script).read_text(encoding="utf-8"),
        server_functions=[_named(answer, name) for name, answer in answers.items()],
        apply_default_css=False,
        elem_id=elem_id,
    )


def _named(answer: Answer, name: str) -> Answer:
    """Wraps a method in a function, whose name Gradio uses in `server.name` and to which it adds an attribute."""

    def answering(asked: Any) -> dict[str, Any]:
        return answer(asked)

    answering.__name__ = name
    return answering
