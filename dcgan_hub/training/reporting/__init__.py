"""Output of a run for people: summaries, estimates, plots, a time-lapse, and explanations of failures."""
