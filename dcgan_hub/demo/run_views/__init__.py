"""Views of training runs for the app and its API."""
