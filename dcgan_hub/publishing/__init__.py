"""Publishing a run on the Hub: the model repository, and the Space that shows it."""
