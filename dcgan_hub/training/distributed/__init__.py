"""Training on several devices and workers: rendezvous, sharding of batches, and a common stop."""
