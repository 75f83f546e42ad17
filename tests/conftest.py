"""Nothing that a test does may reach the network or leave something behind in the user's folders.

These variables are read when the libraries are imported, so they are set here, before any test module is.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

SCRATCH = Path(tempfile.mkdtemp(prefix="dcgan-hub-tests-"))
atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)

os.environ.update(
    {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_TEMP_DIR": str(SCRATCH / "gradio"),
        "DCGAN_HUB_CACHE": str(SCRATCH / "dcgan-hub"),
        "XDG_CACHE_HOME": str(SCRATCH / "cache"),
        "MPLCONFIGDIR": str(SCRATCH / "matplotlib"),
    }
)
