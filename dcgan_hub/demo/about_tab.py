"""The About tab: what the chosen generator is, and what a seed means."""

import gradio as gr

from dcgan_hub.bundle.format import BundleFacts
from dcgan_hub.demo.models import ModelRegistry
from dcgan_hub.demo.speech import explained, note, plain_rows, table

EXPLANATION = """\
One seed is one image, for ever: seed 7 here is seed 7 on the command line, in Python, and next year. A seed becomes
a list of random numbers, and the generator turns these numbers into an image.

```python
from dcgan_hub import Generator

generator = Generator.from_pretrained("runs/avatars")
images = generator.generate(seeds=[1, 2, 3])
```
"""


def describe(facts: BundleFacts) -> str:
    """The facts of a generator as HTML."""
    network = facts.network
    height, width = network.image_size
    rows = [
        ("image", f"{height} × {width} pixels, {network.channels} channel{'s' if network.channels > 1 else ''}"),
        ("latent numbers", network.latent_dim),
        *plain_rows(facts.training),
        *([("learned from", f"{facts.dataset.name}, {facts.dataset.count:,} images")] if facts.dataset else []),
        *([("licence of the images", facts.dataset.licence)] if facts.dataset and facts.dataset.licence else []),
        *plain_rows(facts.metrics),
        *plain_rows(facts.versions),
    ]
    return table(rows)


def add_about_tab(registry: ModelRegistry, model: gr.Dropdown, tab: gr.Tab) -> None:
    """Adds the tab's contents to the page that is being built.

    Args:
        registry: the generators there are.
        model: the page's choice of a generator.
        tab: the tab itself, whose opening fills it.
    """

    def show_facts(model: str | None) -> str:
        if not model:
            return note("No generator to speak of yet.")
        with explained():
            return describe(registry.facts(model))

    with gr.Row(elem_classes="workbench"):
        with gr.Column(scale=1, min_width=320):
            facts = gr.HTML(elem_id="facts")
        with gr.Column(scale=1, min_width=320):
            gr.Markdown(EXPLANATION)
    gr.on(
        [tab.select, model.input], show_facts, model, facts,
        api_name="facts", api_description="What is known of a model, as HTML.", show_progress="hidden",
    )  # fmt: skip
