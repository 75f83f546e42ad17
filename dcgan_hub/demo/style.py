"""The appearance of the app: theme, system fonts, and images without smoothing."""

from pathlib import Path

import gradio as gr

SYSTEM_FONTS = ("ui-sans-serif", "system-ui", "sans-serif")
FIXED_FONTS = ("ui-monospace", "Consolas", "monospace")

STATIC = Path(__file__).parent / "static"
STYLES = ("page.css", "interpolate.css", "mix.css", "directions.css", "runs.css", "class_choice.css")
CSS = "".join((STATIC / name).read_text(encoding="utf-8") for name in STYLES)


def make_theme() -> gr.themes.Base:
    """The theme; it loads no fonts from the network."""
    theme = gr.themes.Base(
        primary_hue="teal", secondary_hue="teal", neutral_hue="stone", font=SYSTEM_FONTS, font_mono=FIXED_FONTS
    )
    return theme.set(
        button_primary_background_fill="*primary_700",  # white text on it has a contrast of 5.5 to 1
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
        button_large_text_weight="500",
        button_large_text_size="*text_md",
        button_large_padding="10px 16px",
        slider_color="*primary_700",
        slider_color_dark="*primary_500",
        checkbox_background_color_selected="*primary_700",
        body_text_color_subdued="*neutral_500",
    )
