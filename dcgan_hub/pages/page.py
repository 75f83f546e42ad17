"""HTML files that draw a generator's images in the browser.

`make_page` writes one that holds weights, facts and the code that draws. It makes no request and allows none: its
content security policy names the scripts and the style by their hashes, and no host. `make_hub_page` writes one that
reads its model from the Hub, the only host of its policy. Texts of a model are JSON, and become text on the page.
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

import numpy as np

from dcgan_hub.pages.limits import page_limits

# The engine also runs in workers, which draw.
ENGINE = ("latents.js", "network.js", "bundle.js", "worker.js")
SCRIPTS = ("elements.js", "points.js", "png.js", "painter.js", "sheet.js", "detail.js", "walk.js", "main.js")
HUB = "https://huggingface.co"
HUB_HOSTS = "https://*.huggingface.co https://*.hf.co"  # to which it redirects downloads


def make_page(name: str, facts: bytes, weights: bytes, bytes_per_weight: int, directions: np.ndarray) -> bytes:
    """The page of one generator.

    Args:
        name: its heading.
        facts: the content of `dcgan.json`.
        weights: that of `model.safetensors`.
        bytes_per_weight: 2 if kernels are stored in half precision, else 4. Bytes of the same place in a number are
            alike, so they are compressed together.
        directions: of the latent space, float32 (K, Z).
    """
    planes = b"".join(weights[place::bytes_per_weight] for place in range(bytes_per_weight))
    # Huffman coding alone: weights hold no repeated strings.
    coder = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS, 9, zlib.Z_HUFFMAN_ONLY)
    packed = base64.b64encode(coder.compress(planes) + coder.flush()).decode()
    model = (
        f'<script type="application/json" id="facts">{_inert(facts.decode())}</script>\n'
        f'<script type="application/octet-stream" id="weights" data-planes="{bytes_per_weight}">{packed}</script>\n'
    )
    rows = base64.b64encode(directions.astype("<f4").tobytes()).decode()
    return _fill_in(name, {"name": name, "directions": rows}, (*SCRIPTS, "embedded.js"), "'none'", model)


def make_hub_page(title: str, repo_id: str, revision: str, endpoint: str = HUB) -> bytes:
    """A page that reads its model from the Hub when it is opened.

    Args:
        title: shown until the model is there.
        repo_id: user/name of a public model.
        revision: a commit, so that it always shows the same images; or a branch or tag.
        endpoint: address of the Hub.
    """
    hosts = f"{endpoint} {HUB_HOSTS}" if endpoint == HUB else endpoint
    page = {"endpoint": endpoint, "model": {"repository": repo_id, "revision": revision}}
    return _fill_in(title, page, (*SCRIPTS, "directions.js", "remote.js"), hosts)


def _fill_in(title: str, page: dict[str, Any], scripts: Iterable[str], connect: str, model: str = "") -> bytes:
    engine, script, style = _strict(ENGINE), _strict(scripts), _static("page.css")
    policy = (
        f"default-src 'none'; script-src {_hash(engine)} {_hash(script)}; style-src {_hash(style)}; "
        f"connect-src {connect}; img-src data:; worker-src blob:; base-uri 'none'; form-action 'none'"
    )
    template = string.Template(_static("page.html"))
    return template.substitute(
        policy=policy, title=html.escape(title), style=style, engine=engine, script=script, model=model,
        page=_inert(json.dumps(page | {"limits": page_limits()}, ensure_ascii=False)),
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
