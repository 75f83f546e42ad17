"""Starts the app: `python app.py`. The same as `dcgan-hub app`; also the app file of a Space."""

from dcgan_hub.cli import main_of

if __name__ == "__main__":
    raise SystemExit(main_of("app", "app.py"))
