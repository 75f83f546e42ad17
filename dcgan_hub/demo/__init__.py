"""The Gradio app: one file a tab, over the generators and the runs that are on this machine."""
