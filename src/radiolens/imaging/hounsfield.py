"""Whether values whose unit no file states are Hounsfield units: then there is air around the patient."""

from __future__ import annotations

import numpy as np

from radiolens.image import Unit
from radiolens.imaging.intensity import Floats

__all__ = ["unit_of"]

_AIR = (-1100.0, -900.0)  # HU; scanners do not calibrate it better
_BETWEEN = (-800.0, -300.0)  # neither air nor fat: in a slice only where both meet, and in lungs
_LEAST_AIR = 0.01  # of the pixels


def unit_of(values: Floats) -> Unit:
    """Return Hounsfield units for values (slices, rows, columns) that show air where these have it, else arbitrary.

    Phases of MR, which are negative too, are spread over all values.
    """
    air, between = (float(np.mean((values >= low) & (values <= high))) for low, high in (_AIR, _BETWEEN))
    return Unit.HOUNSFIELD if air >= _LEAST_AIR and air > between else Unit.ARBITRARY
