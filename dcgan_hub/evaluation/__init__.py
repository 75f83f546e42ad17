"""How good and how varied generated images are, compared with real ones; what the figures mean: docs/measures.md."""
