"""dcgan.json by both of its descriptions: the reader of this package, and the schema for other programs."""

import json
from pathlib import Path

import pytest
from hostile_bundles import FACTS, change
from jsonschema import Draft202012Validator

from dcgan_hub.bundle.format import BundleFacts
from dcgan_hub.errors import BundleError

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "dcgan_hub" / "bundle" / "dcgan.schema.json").read_text(encoding="utf-8"))


def fits_schema(bundle: Path) -> bool:
    return Draft202012Validator(SCHEMA).is_valid(json.loads((bundle / FACTS).read_text()))


def change_is_refused(bundle: Path, place: str, value: object, reason: str) -> bool:
    """Changes one value of a valid dcgan.json. The reader must refuse it; whether the schema does is returned."""
    assert fits_schema(bundle)
    change(bundle, *place.split("."), value=value)
    with pytest.raises(BundleError, match=reason):
        BundleFacts.from_json((bundle / FACTS).read_bytes())
    return not fits_schema(bundle)
