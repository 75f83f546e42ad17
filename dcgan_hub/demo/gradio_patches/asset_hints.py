"""The page names the scripts and styles that it is going to ask for, so that a browser fetches all of them at once.

Without this, Gradio's scripts ask for each other level by level, and each level costs a round trip. The names are read
from Gradio's own files; where these are not written as expected, the page has fewer hints, or none.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.routes import BUILD_PATH_LIB, STATIC_TEMPLATE_LIB

from dcgan_hub.demo.serving.requests import Message, Receive, Scope, Send

ASSETS, HEAD = "assets/", b"<head>"
KEPT = (b"cache-control", b"public, max-age=31536000, immutable")  # a file of another content has another name
ENTRY = re.compile(r'src="\./assets/([\w.-]+\.js)"')
# As the bundler writes them (vite.dev): names of files, and imports with the indices of those that they need.
NAMES, NAME = re.compile(r"m\.f=\[([^\]]*)\]"), re.compile(r'"\./([\w.-]+)"')
IMPORT = r"import\(`\./([\w.-]+)`\)[^,]*,__vite__mapDeps\(\[([\d,]*)\]\)"
PAGE_IMPORT = re.compile(IMPORT.replace(r"\./(", r"\./(Blocks-"))
COMPONENT_IMPORT = r"\b{}:\{{[^{{}}]*?\bcomponent:\(\)=>\w+\(\(\)=>" + IMPORT.replace("{", "{{").replace("}", "}}")


class HintedPage:
    """ASGI middleware that adds hints to the page, and lets browsers keep Gradio's scripts and styles."""

    def __init__(self, app: Any, demo: gr.Blocks) -> None:
        """Takes the wrapped app and the page, which is complete when it is first asked for."""
        self._app, self._demo = app, demo
        self._hints: bytes | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        path = scope["path"] if scope["type"] == "http" else None
        if path in ("", "/"):
            if self._hints is None:
                self._hints = page_hints(self._demo).encode()
            send = _adding(send, self._hints)
        elif path is not None and path.startswith(f"/{ASSETS}"):
            send = _keeping(send)
        await self._app(scope, receive, send)


def page_hints(demo: gr.Blocks) -> str:
    """Links for the head of a page that has been launched."""
    theme = f'<link rel="preload" as="style" href="./theme.css?v={demo.theme_hash}">'
    return "".join([*map(_hint, first_assets(_shown_types(demo.config))), theme])


def first_assets(types: Iterable[str]) -> list[str]:
    """Names of the scripts and styles that a browser needs to show components of these types, in their order."""
    folder, template = Path(BUILD_PATH_LIB), Path(STATIC_TEMPLATE_LIB, "frontend", "index.html")
    imports = [re.compile(COMPONENT_IMPORT.format(re.escape(kind))) for kind in dict.fromkeys(types)]
    try:
        entry = ENTRY.findall(template.read_text(encoding="utf-8"))
        basis = [*entry, *(name for script in entry for name in _imported(folder / script, [re.compile(IMPORT)]))]
        scripts = [name for name in dict.fromkeys(basis) if name.endswith(".js") and name not in entry]
        rest = [name for script in scripts for name in _imported(folder / script, [PAGE_IMPORT, *imports])]
    except OSError:
        return []
    return list(dict.fromkeys([*basis, *rest]))


def _imported(script: Path, imports: Iterable[re.Pattern[str]]) -> Iterator[str]:
    """The files that a script imports in one of these ways, with those that they need."""
    text = script.read_text(encoding="utf-8")
    listed = NAMES.search(text)
    names = NAME.findall(listed[1]) if listed else []
    for pattern in imports:
        for name, indices in pattern.findall(text):
            yield name
            yield from (names[int(index)] for index in indices.split(",") if index and int(index) < len(names))


def _shown_types(config: dict[str, Any]) -> list[str]:
    """The types of the components that are seen when the page is opened."""
    components = {component["id"]: component for component in config["components"]}

    def shown(node: dict[str, Any], is_open: bool = True) -> Iterator[str]:
        component = components.get(node["id"], {"type": "", "props": {}})
        if component["props"].get("visible", True) is not True:
            return
        yield component["type"]
        children = node.get("children", []) if is_open else []
        for index, child in enumerate(children):
            yield from shown(child, component["type"] != "tabs" or index == 0)

    return [kind for kind in shown(config["layout"]) if kind]


def _hint(name: str) -> str:
    """A link to a file; the scripts ask for them as other origins would, without cookies."""
    kind = 'rel="modulepreload"' if name.endswith(".js") else 'rel="preload" as="style"'
    return f'<link {kind} crossorigin href="./{ASSETS}{name}">'


def _adding(send: Send, hints: bytes) -> Send:
    """Sends an answer with hints at the beginning of its head."""
    start: Message = {}

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
            return
        if start:
            page = message.get("body", b"")
            message = {**message, "body": page.replace(HEAD, HEAD + hints, 1)}
            added = len(message["body"]) - len(page)
            await send({**start, "headers": [(name, _length(name, value, added)) for name, value in start["headers"]]})
            start.clear()
        await send(message)

    return sending


def _length(name: bytes, value: bytes, added: int) -> bytes:
    """The value of a header of an answer to which bytes were added."""
    return str(int(value) + added).encode() if name == b"content-length" else value


def _keeping(send: Send) -> Send:
    """Sends a file that browsers may keep."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] == 200:
            message = {**message, "headers": [*message["headers"], KEPT]}
        await send(message)

    return sending
