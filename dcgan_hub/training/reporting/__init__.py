"""What a run says and leaves for people: summaries, estimates, plots, a time-lapse, failures in words."""
