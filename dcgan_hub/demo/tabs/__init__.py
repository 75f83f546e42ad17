"""The parts of the page, one file a tab, and the events between them."""
