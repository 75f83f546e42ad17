"""The three parts of the Training runs tab that Gradio has no component for: cards, film and plots.

Each is a `gr.HTML` with a fixed skeleton; a script in `demo/static` fills it from the value, a plain object.
Texts of runs are in that object only, and the scripts make text nodes of them, never HTML. The skeletons hold no value:
Gradio writes templates with values into code.
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
  <p>Start one, and watch it learn on this page while it goes:</p>
  <pre>python train.py --minutes 5</pre>
  <p>Or open the record of a run that someone has pushed to the Hub.</p>
</div>
"""
FILM = """\
<div class="run-film" role="group" aria-label="Sample sheets">
  <p class="problem" role="alert"></p>
  <div class="lanes"></div>
  <p class="label"></p>
  <div class="controls">
    <button type="button" class="play" aria-pressed="false" disabled>Play</button>
    <input type="range" min="0" max="0" value="0" step="1" aria-label="Sample sheet" disabled>
    <label>a second <select aria-label="Sheets a second">
      <option>2</option><option>4</option><option selected>8</option><option>16</option>
    </select></label>
    <button type="button" class="save" disabled>Save PNG</button>
  </div>
</div>
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


def add_plots() -> gr.HTML:
    """The plots. Value: what `plots_of` returns, and an "id" that is kept while a run goes on."""
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
    """The script calls it `server.name`; Gradio takes that from the function and marks it, as no method can be."""

    def answering(asked: Any) -> dict[str, Any]:
        return answer(asked)

    answering.__name__ = name
    return answering
