"""Cell models by hand: published equations at single points, ranges, what cannot be aged."""

import numpy as np
import pytest

from gridtide.battery import (
    age,
    cell_model,
    daily_cycle_soc,
    model_cards,
    read_profile_csv,
)
from gridtide.battery.cells.stress import PLACES, spread, tabulate
from gridtide.core import InputError


def stored(model, soc, heat, years=1.0, **kw):
    return age(model, np.full(24, soc), heat, years=years, **kw)


def test_storage_of_the_sanyo_cell_by_hand():
    # V(0.5) = 3.6964 + (0.5 - 0.498481) / 0.018142 * (3.7083 - 3.6964) = 3.6974 V at 50 °C:
    # a = (7.543 * 3.6974 - 23.75) * 1e6 * exp(-6976 / 323.15) = 1.73e-3 per day^0.75
    voltage = 3.696420384 + (0.5 - 0.498480903) / 0.0181423612 * (3.708323686 - 3.696420384)
    rate = (7.543 * voltage - 23.75) * 1e6 * np.exp(-6976 / 323.15)
    assert 1 - stored("nmc_sanyo215", 0.5, 50.0).q[0, 1] == pytest.approx(
        rate * 365**0.75, rel=1e-5
    )


def test_storage_of_the_leaf_by_hand():
    rate = 3.25e8 * np.exp(-7580 / 298.15) * np.exp(162 * 0.8 / 298.15)
    assert stored("lmo_leaf_2nd", 0.8, 25.0).loss_calendar[0, 1] == pytest.approx(
        rate * 365**0.464, rel=1e-6
    )


def test_a_cycle_of_the_xu_model_by_hand():
    # One full cycle a day of depth 0.5 about 0.5 at 25 °C; every stress but depth is 1.
    soc = np.interp(np.arange(24), [0, 12, 24], [0.75, 0.25, 0.75])
    fatigue = 1 / (1.40e5 * 0.5**-0.501 - 1.23e5) * 365
    storage = 4.14e-10 * 365 * 86_400 * np.exp(1.04 * (soc.sum() + 0.75) / 25 - 1.04 * 0.5)
    f = fatigue + storage
    loss = 1 - 0.0575 * np.exp(-121 * f) - 0.9425 * np.exp(-f)
    assert 1 - age("lmo_xu", soc, 25.0, years=1).q[0, 1] == pytest.approx(loss, rel=1e-9)


def test_kelvin_in_the_xu_model_is_kelvin():
    warm, cool = stored("lmo_xu", 0.5, 35.0, 5), stored("lmo_xu", 0.5, 25.0, 5)
    assert warm.q[0, -1] < cool.q[0, -1]


def test_the_average_over_a_day_is_that_of_its_values():
    rng = np.random.default_rng(2)
    heat = rng.uniform(-5, 35, (1, 48))
    days = spread(heat, 24)
    law = lambda T: np.exp(-6000 / (T + 273.15))  # noqa: E731
    wrapped = np.append(heat[0], heat[0, 0])
    for day in range(2):
        nodes = law(wrapped[24 * day : 24 * day + 25])
        mean = np.trapezoid(nodes) / 24
        assert days.average(law)[0, day] == pytest.approx(mean, rel=2e-3)
    assert days.average(np.ones_like)[0, 0] == pytest.approx(1.0)
    assert PLACES.size == 5


def test_tables_hold_their_laws():
    model = cell_model("nca_panasonic32")
    table = tabulate(model.rates)
    assert table[800, 130, 0] == pytest.approx(
        75.4 * np.exp((-3340 + 353 * 0.8) / 298.15), rel=1e-6
    )


def test_every_model_has_a_card_that_says_what_it_does_not_know():
    cards = model_cards()
    assert len({card.name for card in cards}) == len(cards) == 14
    for card in cards:
        assert "doi" in card.source or "ieeexplore" in card.source or "report" in card.source
        assert card.limits
        assert all(sentence.endswith(".") for sentence in card.limits)
        assert card.calendar_c[0] < card.calendar_c[1]
        assert 0 <= card.depth[0] <= card.depth[1] <= 1
        if not card.rate_term:
            assert "rate" in " ".join(card.limits).lower()


def test_a_part_of_a_year_is_its_end():
    assert stored("lfp_250", 0.9, 25.0, 2.5).years.tolist() == [0.0, 1.0, 2.0, 2.5]


def test_leaving_the_tested_range_is_told():
    assert stored("nmc622_denso50", 0.5, 25.0).outside_range() == []
    assert stored("nmc622_denso50", 0.5, 5.0).outside_range() == ["calendar_temperature"]
    shallow = age("lfp_250", daily_cycle_soc(0.7, 0.5), 25.0, years=1)
    assert shallow.outside_range() == ["depth"]
    fast = np.interp(np.arange(24), [0, 1, 2, 24], [0.9, 0.1, 0.9, 0.9])
    assert age("lfp_250", fast, 25.0).outside_range() == ["charge_rate"]
    assert "duration" in stored("nca_panasonic32", 0.5, 25.0, 5).outside_range()


def test_rapid_charging_is_told_where_a_model_has_no_rate_term():
    rapid = np.interp(np.arange(24), [0, 1, 23, 24], [0.2, 0.9, 0.2, 0.2])
    [note] = age("nmc111_kokam75", rapid, 25.0).notes
    assert "0.7C counts like slow charging" in note
    assert age("nmc111_kokam75", daily_cycle_soc(0.8, 0.4), 25.0).notes == ()
    assert age("nmc622_denso50", rapid, 25.0, years=1).notes == ()
    [far] = stored("nmc811si_lgmj1", 1.0, 45.0, 20).notes
    assert "less than 60%" in far


def test_what_cannot_be_aged_is_told_all_at_once():
    with pytest.raises(InputError) as told:
        age("nmc622_denso5", [0.5, 1.5], [298.15, 25.0], step_h=5.0, years=-1)
    text = str(told.value)
    for part in ("Did you mean nmc622_denso50", "is 1.5", "298.15", "5 h", "years"):
        assert part in text


@pytest.mark.parametrize(
    ("soc", "heat"),
    [([], []), ([0.5, np.nan], 25.0), ([0.5, 0.5], [25.0, 25.0, 25.0]), ([0.5], np.inf)],
)
def test_gaps_and_wrong_shapes_are_told(soc, heat):
    with pytest.raises(InputError):
        age("lfp_250", soc, heat)


def write(tmp_path, text):
    path = tmp_path / "profile.csv"
    path.write_text(text)
    return path


def rows(n, soc="0.5", heat="20", first=0):
    return "hour,soc,temperature_c\n" + "".join(f"{h},{soc},{heat}\n" for h in range(first, n))


def test_a_profile_of_a_day_with_and_without_its_last_hour_is_the_same(tmp_path):
    open_, closed = (read_profile_csv(write(tmp_path, rows(n))) for n in (24, 25))
    assert open_.soc.size == closed.soc.size == 24
    assert open_.step_h == 1.0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("hour,soc\n0,1\n", "no column temperature_c"),
        (rows(0), "no rows"),
        (rows(24, soc="1.2"), "soc"),
        (rows(24, heat="293.15"), "25 °C"),
        (rows(24, soc=""), "is empty"),
        (rows(24, soc="nan"), "is nan"),
        (rows(12) + rows(24, first=14).split("\n", 1)[1], "Fill the gap"),
        (rows(24) + "24,0.9,20\n", "ends at soc 0.9"),
        ("hour,soc,temperature_c\n0,0.5,20\n0,0.5,20\n", "Let hours rise"),
        ("hour,soc,temperature_c\n0,0.5,20\n7,0.5,20\n14,0.5,20\n", "step of 7 h"),
    ],
)
def test_what_is_wrong_with_a_profile_is_told(tmp_path, text, told):
    with pytest.raises(InputError, match=told):
        read_profile_csv(write(tmp_path, text))


def test_all_wrong_values_of_a_profile_are_told_together(tmp_path):
    with pytest.raises(InputError) as error:
        read_profile_csv(write(tmp_path, rows(3, soc="7", heat="400")))
    assert len(error.value.findings) == 6
