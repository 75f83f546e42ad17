"""Pages that draw a generator's images in the browser, without a server."""
