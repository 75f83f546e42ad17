"""What the server grants a request before any event handler sees it."""
