"""Changes of Gradio's own behavior, one file each."""
