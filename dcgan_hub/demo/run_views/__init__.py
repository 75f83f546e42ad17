"""What the app tells and shows of a training run."""
