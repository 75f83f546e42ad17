"""What a run leaves on disk: the names of its files, its checkpoints, and how they are read without being trusted."""
