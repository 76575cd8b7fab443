"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("ci")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data, kept beside the repository and never inside it."""
    folder = Path(os.environ.get("GRIDTIDE_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("real data not found: set GRIDTIDE_DATA")
    return folder
