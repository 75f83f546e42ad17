"""How the app looks: one quiet theme, system fonts, and pixels shown as pixels."""

import gradio as gr

SYSTEM_FONTS = ("ui-sans-serif", "system-ui", "sans-serif")
FIXED_FONTS = ("ui-monospace", "Consolas", "monospace")

# Gradio's own rules are scoped, so ours need `!important` where they change a component rather than our own HTML.
CSS = """
.gradio-container { width: 100% !important; max-width: 1160px !important; margin: 0 auto !important; }
.gradio-container main { padding-top: 28px; }
footer .divider { display: none; }

#masthead { align-items: end; gap: 24px; }
#masthead .html-container { padding: 0; }
#masthead h1 { font-size: 1.7rem; line-height: 1.2; font-weight: 650; letter-spacing: -0.025em; margin: 0; }
#masthead p { margin: 6px 0 0; color: var(--body-text-color-subdued); }
.workbench { gap: 32px; padding-top: 20px; }
.controls { gap: 12px; }
#empty { max-width: 600px; margin: 40px auto 24px; }

/* A trained image has few pixels: enlarge them without smoothing, and keep captions off them. */
.pixels img, .pixels video { image-rendering: pixelated; }
#images .grid-wrap { max-height: none !important; overflow: visible !important; padding: 0; }
#images .grid-container { grid-template-columns: repeat(auto-fill, minmax(116px, 1fr)) !important; gap: 14px; }
#images .thumbnail-item {
  display: flex; flex-direction: column; height: auto !important; aspect-ratio: auto !important;
  border: 0 !important; box-shadow: none !important; background: none !important; border-radius: 6px; padding: 0;
}
#images .thumbnail-item img { width: 100%; height: auto; border-radius: 6px; }
#images .caption-label {
  position: static !important; border: 0 !important; background: none !important; max-width: 100% !important;
  padding: 4px 0 0; color: var(--body-text-color-subdued); font-size: 0.78rem; font-variant-numeric: tabular-nums;
}
#images .icon-button-wrapper, #sample .icon-button-wrapper {
  position: static; width: max-content; margin: 0 0 6px auto; border: 0; box-shadow: none; background: none;
}
#images.block, #sample.block, #plots.block { border: 0 !important; background: none; }
#sample .image-container, #sample .image-frame { width: auto; height: auto !important; }
#sample .image-frame img { width: auto; max-width: 100%; height: auto; }
#plots .grid-wrap { padding: 0; }
#plots .grid-container { grid-template-columns: repeat(auto-fit, minmax(260px, 1fr)) !important; }
#plots .thumbnail-item { aspect-ratio: auto !important; height: auto !important; background: none !important; }
#plots .thumbnail-item img { height: auto; }
#plots .caption-label { display: none; }

table.facts { width: 100%; margin: 0; border: 0 !important; border-collapse: collapse; font-size: 0.875rem; }
table.facts tr { border: 0 !important; }
table.facts th, table.facts td { border: 0 !important; padding: 6px 0 !important; vertical-align: top; }
table.facts th { text-align: left; font-weight: 400; padding-right: 16px !important; }
table.facts th { color: var(--body-text-color-subdued); }
table.facts td { text-align: right; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
table.facts tr:not(:last-child) { border-bottom: 1px solid var(--border-color-primary) !important; }
p.caption { margin: 0; font-variant-numeric: tabular-nums; color: var(--body-text-color-subdued); }
p.state { margin: 0 0 6px; font-weight: 600; }
#run-state .html-container, #facts .html-container, #sample-caption .html-container { padding: 0; }
#run-state details { border-top: 1px solid var(--border-color-primary); padding: 4px 0; }
#run-state summary { cursor: pointer; padding: 6px 0; font-weight: 500; }

@media (max-width: 640px) {
  .gradio-container main { padding: 16px 18px !important; }
  #masthead { gap: 14px; }
  .workbench { gap: 20px; padding-top: 12px; }
  .tab-container button { font-size: 0.84rem !important; padding: 0 6px !important; }
  #images .grid-container { grid-template-columns: repeat(auto-fill, minmax(74px, 1fr)) !important; gap: 10px; }
}
"""


def make_theme() -> gr.themes.Base:
    """The theme; it asks for no font of the network."""
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
