"""InceptionV3 as the feature network, up to the download of its weights."""

import os
import subprocess
import sys

import numpy as np

from dcgan_hub.evaluation.inception import build_inception


def test_inception_without_its_weights_has_2048_features():
    network = build_inception(None)
    assert network(np.zeros((2, 32, 32, 3), np.float32)).shape == (2, 2048)


def test_inception_that_cannot_be_downloaded_is_explained(tmp_path):
    """Requests are sent to a port of this machine where nobody answers."""
    program = "from dcgan_hub.evaluation.features import open_features; open_features('inception')"
    nobody = dict.fromkeys(("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"), "http://127.0.0.1:9")
    environment = os.environ | nobody | {"KERAS_HOME": str(tmp_path)}
    result = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    last = result.stderr.strip().splitlines()[-1]
    assert "DataError" in last and "88 MB" in last and "leave out --features inception" in last
