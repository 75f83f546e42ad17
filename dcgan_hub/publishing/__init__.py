"""From a run to the Hub: what the repository of a model holds, and the Space that shows it."""
