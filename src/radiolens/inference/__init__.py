"""Serving of bundles: the only home of ONNX Runtime."""

import os

# Before the runtime is imported: from 1.32 on its Linux wheels carry Microsoft's telemetry, which writes a session
# file to the temporary folder and can report to a server of theirs. A clinic's program reports to nobody.
os.environ.update(ORT_DISABLE_TELEMETRY="1")
