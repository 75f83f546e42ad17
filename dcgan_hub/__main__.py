"""`python -m dcgan_hub` is `dcgan-hub`."""

from dcgan_hub.cli import main

raise SystemExit(main())
