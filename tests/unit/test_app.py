"""What the command line holds itself, so that it starts fast, is what the rooms say."""

from typing import get_args

import pytest
from click.testing import CliRunner

from gridtide.app.cli import ARCHETYPES, app
from gridtide.fleet.tables import Archetype
from gridtide.study.starters import STARTERS


def test_the_archetypes_are_those_of_the_scenario():
    assert get_args(Archetype) == ARCHETYPES
    assert tuple(STARTERS) == ARCHETYPES


@pytest.mark.parametrize("size", [0, -3])
def test_a_benchmark_has_at_least_one_vehicle(size):
    done = CliRunner().invoke(app, ["bench", "physics", "--size", str(size)])
    assert done.exit_code == 2
    assert "--size" in done.output
