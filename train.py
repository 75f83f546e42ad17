"""Trains an image generator: `python train.py --data ./anime`. The same as `dcgan-hub train`."""

from dcgan_hub.cli import main_of

if __name__ == "__main__":
    raise SystemExit(main_of("train", "train.py"))
