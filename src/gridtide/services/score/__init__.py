"""How well a service was delivered, by each market's own definition."""

from gridtide.services.score.delivery import (
    Step,
    Tracking,
    outside_envelope,
    ramp_capacity,
    step_response,
    tracking,
)
from gridtide.services.score.pjm import Score, classic, every_ten_seconds, precision_only
from gridtide.services.score.spin import Verified, verify_event

__all__ = [
    "Score",
    "Step",
    "Tracking",
    "Verified",
    "classic",
    "every_ten_seconds",
    "outside_envelope",
    "precision_only",
    "ramp_capacity",
    "step_response",
    "tracking",
    "verify_event",
]
