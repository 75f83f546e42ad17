"""Where the app changes how Gradio itself works, each change in a file of its own."""
