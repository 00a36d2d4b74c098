"""radiolens: an open platform for diagnosing medical images with convolutional networks.

For education and research; not a medical device.
"""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
