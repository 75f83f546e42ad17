"""The top of the page: selection of the generator, separately for each visitor."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from dcgan_hub.demo.catalog.models import COMMIT_DIGITS, ModelRegistry
from dcgan_hub.demo.html import MAX_VALUE_LENGTH, escaped, note
from dcgan_hub.demo.messages import explanation, warn
from dcgan_hub.demo.rendering.links import MAX_NAME_LENGTH
from dcgan_hub.demo.tabs.event_options import ASKING, LOADING, SILENT, Updates
from dcgan_hub.demo.tabs.widgets import add_text, add_unseen
from dcgan_hub.demo.validation import plain_text
from dcgan_hub.errors import DcganHubError, shorten
from dcgan_hub.hub.names import is_commit

MAX_OPENED = 20  # of one visitor, in the list
FETCHING = "Fetching from the Hub …"
LOADING_WORDS = "Loading the generator …"
STAYS = "The previous generator is still in use."
TITLE = """\
<h1>dcgan_hub</h1>
<p>Images that a small network has learned to draw. Every seed is another one.</p>
"""


@dataclass(frozen=True)
class ModelBar:
    """Components of the bar.

    `choice` can be a generator that turns out to be damaged; `current` is the one that was loaded, which all other
    events use. `opened` lists those that this visitor opened in addition to the listed ones.
    """

    choice: gr.Dropdown
    current: gr.Textbox
    opened: gr.State
    status: gr.HTML
    repository: gr.Textbox
    revision: gr.Textbox
    open: gr.Button


def add_model_bar(opens_hub: bool) -> ModelBar:
    """Creates the layout; `opens_hub`: whether visitors may open other generators from the Hub."""
    with gr.Row(elem_id="masthead"):
        with gr.Column(scale=3, min_width=280):
            gr.HTML(TITLE)
        with gr.Column(scale=2, min_width=260, elem_id="model-bar"):
            # The list of choices may be outdated, so names are checked by the registry.
            choice = gr.Dropdown(
                [], label="Model", show_label=False, container=False, filterable=False, elem_id="model"
            )
            status = gr.HTML(note(LOADING_WORDS, "status initial"), elem_id="model-status")
            with gr.Accordion("Open from the Hub", open=False, visible=opens_hub, elem_id="open-panel"):
                with gr.Row(elem_classes="tight"):
                    repository = add_text(
                        None, "Repository", "repository", placeholder="user/name", scale=3, min_width=120
                    )
                    revision = add_text(None, "Revision", "revision", placeholder="main", scale=2, min_width=90)
                    open_button = gr.Button("Open", scale=1, min_width=72, elem_id="open-model")
    current = add_unseen("Generator in use", "current-model")
    return ModelBar(choice, current, gr.State([]), status, repository, revision, open_button)


def connect_model_bar(bar: ModelBar, registry: ModelRegistry) -> None:
    """Adds the bar's events: a selected generator is loaded, and becomes current if that succeeds."""

    def adopt(model: Any, opened: list[str], current: str) -> Iterator[Updates]:
        yield from adopt_model(bar, registry, model, opened, current)

    def open_typed(repository: Any, revision: Any, opened: list[str], current: str) -> Iterator[Updates]:
        yield {bar.status: note(FETCHING, "status")}
        try:
            name = fetch_model(registry, repository, revision)
        except DcganHubError as error:
            warn(error)
            yield {bar.status: problem_line(error)}
            return
        opened = _with(opened, name)
        yield {
            bar.choice: gr.Dropdown(choices=labeled(registry, opened), value=name), bar.opened: opened,
            bar.status: facts_line(registry, name) if name == current else note(LOADING_WORDS, "status"),
        }  # fmt: skip

    bar.choice.change(
        adopt, [bar.choice, bar.opened, bar.current], [bar.choice, bar.opened, bar.current, bar.status],
        **SILENT, **LOADING,
    )  # fmt: skip
    gr.on(
        [bar.open.click, bar.repository.submit, bar.revision.submit],
        open_typed, [bar.repository, bar.revision, bar.opened, bar.current], [bar.choice, bar.opened, bar.status],
        **SILENT, **ASKING,
    )  # fmt: skip


def adopt_model(
    bar: ModelBar, registry: ModelRegistry, model: Any, opened: list[str], current: Any
) -> Iterator[Updates]:
    """Loads the selected generator; on failure the error is shown, and the previous one is kept."""
    if not model:
        yield {bar.status: note("No generator yet.", "status")}
        return
    if model == current:  # by a visit, or again after a failure, whose message must stay
        yield {bar.opened: opened}  # Gradio does not end an event that yields nothing
        return
    yield {bar.status: note(LOADING_WORDS, "status")}
    try:
        name = plain_text("model", model, MAX_NAME_LENGTH)
        registry.load(name)
        line = facts_line(registry, name)
    except DcganHubError as error:
        warn(error)
        before = current if isinstance(current, str) and current else None
        yield {bar.choice: gr.update(value=before), bar.status: problem_line(error, before is not None)}
        return
    if name not in registry.names():
        opened = _with(opened, name)
    yield {
        bar.choice: gr.Dropdown(choices=labeled(registry, opened)), bar.opened: opened, bar.current: name,
        bar.status: line,
    }  # fmt: skip


def fetch_model(registry: ModelRegistry, repository: Any, revision: Any) -> str:
    """Opens and loads a repository that was typed in, and returns its name in the app."""
    asked_for = plain_text("repository", repository, MAX_NAME_LENGTH)
    at = plain_text("revision", revision or "", MAX_NAME_LENGTH)
    name = registry.open(asked_for, at or None)
    registry.load(name)
    return name


def labeled(registry: ModelRegistry, opened: list[str]) -> list[tuple[str, str]]:
    """The choices: labels with shortened commits, and names."""
    return [(_label(name), name) for name in dict.fromkeys([*registry.names(), *opened])]


def _with(opened: list[str], name: str) -> list[str]:
    return [*dict.fromkeys([*opened, name])][-MAX_OPENED:]


def _label(name: str) -> str:
    repository, _, commit = name.rpartition("@")
    return f"{repository}@{commit[:COMMIT_DIGITS]}" if is_commit(commit) else name


def problem_line(error: DcganHubError, has_another: bool = True) -> str:
    """The error, truncated so that the sentence after it remains visible."""
    if not has_another:
        return note(explanation(error), "status problem")
    return note(f"{shorten(explanation(error), MAX_VALUE_LENGTH - len(STAYS) - 1)} {STAYS}", "status problem")


def facts_line(registry: ModelRegistry, model: str) -> str:
    """What the bar says of a generator that is loaded."""
    facts = registry.facts(model)
    height, width = facts.network.image_size
    learned = f" · trained on {facts.dataset.name}" if facts.dataset else ""
    parameters = facts.network.generator_parameters
    return f'<p class="status ready">{width} × {height} pixels · {parameters:,} parameters{escaped(learned[:80])}</p>'
