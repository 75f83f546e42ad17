"""One HTML file that draws a generator's images in the browser: weights, facts, and the code that draws.

The file makes no request and allows none: its content security policy names the scripts and the style by their hashes,
and no host. Texts of a model are JSON in it, and become text on the page.
"""

import base64
import hashlib
import html
import importlib.resources
import json
import string
import zlib
from collections.abc import Iterable
from typing import Any

from dcgan_hub.pages.limits import page_limits

# The engine also runs in workers, which draw.
ENGINE = ("latents.js", "network.js", "bundle.js", "worker.js")
SCRIPTS = ("elements.js", "points.js", "png.js", "painter.js", "sheet.js", "detail.js", "walk.js", "main.js")
WHOLE = ("embedded.js",)


def make_page(name: str, facts: bytes, weights: bytes, bytes_per_weight: int) -> bytes:
    """The page of one generator.

    Args:
        name: its heading.
        facts: the content of `dcgan.json`.
        weights: that of `model.safetensors`.
        bytes_per_weight: 2 if kernels are stored in half precision, else 4. Bytes of the same place in a number are
            alike, so they are compressed together.
    """
    planes = b"".join(weights[place::bytes_per_weight] for place in range(bytes_per_weight))
    # Huffman coding alone: weights hold no repeated strings.
    coder = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS, 9, zlib.Z_HUFFMAN_ONLY)
    packed = base64.b64encode(coder.compress(planes) + coder.flush()).decode()
    model = (
        f'<script type="application/json" id="facts">{_inert(facts.decode())}</script>\n'
        f'<script type="application/octet-stream" id="weights" data-planes="{bytes_per_weight}">{packed}</script>\n'
    )
    return _fill_in({"name": name, "limits": page_limits()}, model, (*SCRIPTS, *WHOLE), connect="")


def _fill_in(page: dict[str, Any], model: str, scripts: Iterable[str], connect: str) -> bytes:
    engine, script, style = _strict(ENGINE), _strict(scripts), _static("page.css")
    policy = (
        f"default-src 'none'; script-src {_hash(engine)} {_hash(script)}; style-src {_hash(style)}; "
        f"img-src data:; worker-src blob:; {connect}base-uri 'none'; form-action 'none'"
    )
    template = string.Template(_static("page.html"))
    return template.substitute(
        policy=policy, title=html.escape(page["name"]), style=style, engine=engine, script=script, model=model,
        page=_inert(json.dumps(page, ensure_ascii=False)),
    ).encode("utf-8", "replace")  # fmt: skip


def _inert(document: str) -> str:
    """JSON without `<`, which could end the element that holds it."""
    return document.replace("<", "\\u003c")


def _strict(names: Iterable[str]) -> str:
    return '"use strict";\n' + "".join(_static(name) for name in names)


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _static(name: str) -> str:
    """The text of a file of this package, with the line ends that browsers hash."""
    text = (importlib.resources.files("dcgan_hub.pages") / "static" / name).read_text(encoding="utf-8")
    return text.replace("\r\n", "\n")
