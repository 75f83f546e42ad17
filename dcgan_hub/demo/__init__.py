"""The Gradio app for the generators and training runs on this machine and on the Hub."""
