"""Several devices and several workers: how they meet, divide a batch, and stop together."""
