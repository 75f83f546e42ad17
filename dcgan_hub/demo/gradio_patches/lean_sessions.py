"""Sessions without a copy of the whole page's configuration.

Gradio makes one for every session, also for a single call of a program, in the thread that serves all requests: 150
components, about a megabyte. Only deep links need it, which this app does not have; see `serving/requests.py`.
"""

from types import SimpleNamespace

import gradio as gr


def keep_sessions_lean(demo: gr.Blocks) -> None:
    """Makes new sessions of a launched page describe only the components that they change."""
    holder = demo.app.state_holder
    holder.blocks = SimpleNamespace(default_config=demo.default_config, blocks={})
