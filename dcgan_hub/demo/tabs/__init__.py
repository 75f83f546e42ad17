"""The parts of the page, one module per tab, and the events between them."""
