"""Parts of the page for which Gradio has no component; each has a script in `demo/static`.

Gradio evaluates templates, so a template here is either fixed, or shows HTML in which we have escaped every text.
"""

import tempfile
import urllib.parse
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from dcgan_hub.demo.messages import explained, explanation
from dcgan_hub.demo.rendering.links import MAX_QUERY_LENGTH, PARAMETERS
from dcgan_hub.demo.style import STATIC
from dcgan_hub.errors import DcganHubError

LINK = """\
<div class="share"><button type="button" class="copy" disabled>Copy link</button>
<a href="" data-link hidden>Link to these images</a></div>
"""
CODE = """\
<figure class="code" hidden><figcaption><span></span><button type="button">Copy</button></figcaption>
<pre tabindex="0"><code></code></pre></figure>
"""
SHORTCUTS = """\
<dialog class="shortcuts" aria-label="Shortcuts"><h2>Shortcuts</h2><dl>
<dt>Space</dt><dd>other images, or play and pause</dd>
<dt>Arrows</dt><dd>from image to image</dd>
<dt>Enter</dt><dd>choose the image</dd>
<dt>K</dt><dd>keep it in the tray</dd>
<dt>S</dt><dd>save it</dd>
<dt>?</dt><dd>this list</dd>
</dl><form method="dialog"><button>Close</button></form></dialog>
"""
ANNOUNCER = '<div id="announcer" role="log" aria-live="polite" aria-label="Messages"></div>'
WALK = """\
<div class="walk" role="group" aria-label="Walk">
  <div class="stage"><canvas width="1" height="1" role="img" aria-label="No image yet"></canvas></div>
  <div class="transport">
    <button type="button" class="play" disabled>Play</button>
    <input type="range" min="0" max="0" value="0" step="1" aria-label="Position in the walk" disabled>
    <span class="clock" aria-hidden="true"></span>
  </div>
  <div class="stops" role="group" aria-label="Key frames"></div>
  <div class="here">
    <p class="caption"></p>
    <button type="button" data-action="keep" disabled>Keep in tray</button>
    <button type="button" data-action="show" disabled>Show in Generate</button>
  </div>
</div>
"""


def controls_column() -> gr.Column:
    """The column of controls, in a row of class `workbench`, beside `pictures_column` or, if narrow, above it."""
    return gr.Column(scale=1, min_width=270, elem_classes="controls")


def pictures_column() -> gr.Column:
    """The column of results."""
    return gr.Column(scale=3, min_width=320)


def add_text(value: str | None, label: str, elem_id: str, **options: Any) -> gr.Textbox:
    """A single-line text field that is validated by our own functions."""
    return gr.Textbox(value, label=label, max_lines=1, elem_id=elem_id, **options)


def add_slider(minimum: float, maximum: float, value: float, label: str, elem_id: str, **options: Any) -> gr.Slider:
    """A slider, whose bounds apply only to the page; the default step is 1."""
    return gr.Slider(minimum, maximum, value, label=label, elem_id=elem_id, **{"step": 1} | options)


def add_small_button(label: str, elem_id: str, min_width: int = 90) -> gr.Button:
    """A small button, disabled until there is a result."""
    return gr.Button(label, size="sm", min_width=min_width, interactive=False, elem_id=elem_id)


def add_unseen(label: str, elem_id: str) -> gr.Textbox:
    """An invisible text field shared by events and scripts."""
    return gr.Textbox("", elem_classes="unseen", elem_id=elem_id, label=label)


def add_sheet(value: str, elem_id: str, grows: bool = False) -> gr.HTML:
    """Selectable images. Value: HTML from `pictures`. Events: `choose` and `remove`, with {"point"}.

    If it grows, `more` is an answer to the event `more`, see sheet_growth.js.
    """
    scripts = ["sheet.js", *(["sheet_growth.js"] if grows else [])]
    return gr.HTML(
        value, html_template="${value}", js_on_load="".join(map(_script, scripts)), elem_id=elem_id,
        elem_classes="pixels", **({"more": None} if grows else {}),
    )  # fmt: skip


def add_chosen(value: str) -> gr.HTML:
    """The selected image. Value: HTML. Event: `leave`, when it is closed."""
    return gr.HTML(
        value, html_template="${value}", js_on_load=_script("chosen.js"), elem_id="chosen-view", elem_classes="pixels"
    )


def add_link(elem_id: str) -> gr.HTML:
    """The link to what a tab shows. Value: its query string, including the question mark; `chosen`: a point, or ""."""
    return gr.HTML("", html_template=LINK, js_on_load=_script("link.js"), elem_id=elem_id, chosen="")


def add_code(elem_id: str) -> gr.HTML:
    """Code that can be copied. Value: {"label", "code"}; without code nothing is shown."""
    return gr.HTML(None, html_template=CODE, js_on_load=_script("code.js"), elem_id=elem_id)


def add_shortcuts() -> gr.HTML:
    """Keys that work on the whole page, and their list."""
    return gr.HTML(None, html_template=SHORTCUTS, js_on_load=_script("shortcuts.js"), elem_id="shortcuts")


def add_announcer() -> gr.HTML:
    """The page's voice for screen readers."""
    return gr.HTML(None, html_template=ANNOUNCER, js_on_load=_script("announcer.js"), elem_id="voice")


def add_field_care() -> gr.HTML:
    """Marks the field whose value was refused, and closes lists of choices that Gradio leaves open."""
    return gr.HTML(None, html_template="<i hidden></i>", js_on_load=_script("fields.js"), elem_classes="unseen")


def add_address() -> gr.HTML:
    """The address bar. Event: `visit`, see `visited_parameters`."""
    return gr.HTML(
        None, html_template="<i hidden></i>", js_on_load=_script("address.js"), elem_id="address",
        elem_classes="unseen", names=list(PARAMETERS),
    )  # fmt: skip


def visited_parameters(event: gr.EventData) -> dict[str, str]:
    """The parameters of the address to which the visitor went by Back or Forward; none if it is no valid one."""
    query = event._data.get("query") if isinstance(event._data, dict) else None
    if not isinstance(query, str) or len(query) > MAX_QUERY_LENGTH:
        return {}
    return dict(urllib.parse.parse_qsl(query.removeprefix("?"), keep_blank_values=True))


def add_stored(key: str) -> gr.HTML:
    """Watches an entry of the browser's storage. Event: `sync`, when another browser tab has changed it."""
    script = f'window.addEventListener("storage", (event) => event.key === "{key}" && trigger("sync", {{}}));'
    return gr.HTML(None, html_template="<i hidden></i>", js_on_load=script, elem_classes="unseen")


def add_download() -> gr.HTML:
    """Saves files in the visitor's browser. Value: from `offered`."""
    return gr.HTML(None, html_template="<i hidden></i>", js_on_load=_script("download.js"), elem_id="download")


def add_walk() -> gr.HTML:
    """The player of a walk. Value: see walk.js. Events: `shown`, and `keep` and `show`, with {"point"}."""
    return gr.HTML(
        None, html_template=WALK, js_on_load=_script("walk.js"), elem_id="walk", elem_classes="pixels",
        apply_default_css=False,
    )  # fmt: skip


@contextmanager
def short_lived_file(name: str, content: bytes) -> Iterator[str]:
    """The path of a temporary file; to be yielded to Gradio, which copies it, before this context ends."""
    with tempfile.TemporaryDirectory(prefix="dcgan-hub-file-") as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        yield str(path)


@contextmanager
def offered(name: str, content: bytes) -> Iterator[dict[str, Any]]:
    """The value that makes the page save a file; to be yielded like that of `short_lived_file`."""
    with short_lived_file(name, content) as path:
        yield {"file": FileData(path=path, orig_name=name).model_dump(), "name": name, "id": uuid.uuid4().hex}


def saver(make: Callable[..., tuple[str, bytes]]) -> Callable[..., Iterator[dict[str, Any]]]:
    """The handler of a save button; `make` returns a file's name and content for the event's inputs."""

    def save(*inputs: Any) -> Iterator[dict[str, Any]]:
        with explained(), offered(*make(*inputs)) as file:
            yield file

    return save


def chosen_point(event: gr.EventData) -> str:
    """The point in an event's data, unchecked; "" if there is none."""
    data = event._data if isinstance(event._data, dict) else {}
    point = data.get("point")
    return point if isinstance(point, str) else ""


def answer_to(asked: Any, model: str, draw: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """The answer to a question of a script on the page: what `draw` returns, or {"problem"}; empty without a model.

    The question is unchecked. Its "ticket" is returned, so that the page can tell which question this answers.
    """
    question = asked if isinstance(asked, dict) else {}
    ticket = question.get("ticket")
    answer: dict[str, Any] = {"ticket": ticket if isinstance(ticket, int) else 0}
    if not model:
        return answer
    try:
        return answer | draw(question)
    except DcganHubError as error:
        return answer | {"problem": explanation(error)}


def _script(name: str) -> str:
    return (STATIC / name).read_text(encoding="utf-8")
