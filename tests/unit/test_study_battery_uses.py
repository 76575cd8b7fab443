"""Four uses of a battery over years: their days, their bands, what is told."""

import numpy as np
import pytest

from gridtide.battery import age
from gridtide.study import compare_uses, uses_document, uses_picture, uses_sentence, uses_text
from gridtide.study.battery_uses import USES, band, day_of


@pytest.fixture(scope="module")
def compared():
    return compare_uses(temperature_c=20.0)


@pytest.mark.parametrize("use", USES)
def test_a_day_drives_its_share_and_is_ready_in_the_morning(use):
    soc = day_of(use, 11 / 60)
    top = 1.0 if use == "full" else 0.8
    assert soc[7] == soc[8] == pytest.approx(top)
    assert soc[17] == pytest.approx(top - 0.1)
    assert soc[18] == pytest.approx(top - 0.2)
    rise = np.roll(soc, -1) - soc
    assert rise.max() <= 11 / 60 + 1e-9


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("power", [1.4, 2.3, 3.7, 7.4, 11.0, 22.0])
def test_no_day_is_faster_than_its_charger(use, power):
    soc, rate = day_of(use, power / 60), power / 60
    rise = (np.roll(soc, -1) - soc)[[*range(18, 24), *range(7)]]
    assert np.abs(rise).max() <= rate + 1e-9
    assert soc[7] == pytest.approx(1.0 if use == "full" else 0.8)


def test_only_v2g_gives(compared):
    given = {name: use.given_kwh / (60 * 3650) for name, use in compared.uses.items()}
    assert given["full"] == given["smart"] == 0
    assert given["v2g_shallow"] == pytest.approx(0.15)
    assert given["v2g_deep"] == pytest.approx(0.40)


def test_the_cost_of_a_kwh_is_the_extra_loss_by_hand(compared):
    k = compared.models.index("lfp_250")
    deep, smart = (
        age("lfp_250", day_of(use, 11 / 60), 20.0, years=10).q[0, -1]
        for use in ("v2g_deep", "smart")
    )
    by_hand = (smart - deep) / 0.2 * 60 * 120 / (0.4 * 60 * 3650)
    assert compared.uses["v2g_deep"].cost_per_kwh[k] == pytest.approx(by_hand)


def test_the_band_holds_its_models_and_no_second_life(compared):
    assert len(compared.models) == 13
    assert "lmo_leaf_2nd" not in compared.models
    middle, low, high = band(np.array([1.0, np.inf, 2.0, 3.0, np.nan]))
    assert low <= middle <= high == np.inf


def test_sitting_full_costs_more_than_smart_charging_in_the_median(compared):
    assert band(compared.points_lost("full", "smart"))[0] > 1.0


def test_words_document_and_picture(compared, tmp_path):
    assert "points" in uses_sentence(compared)
    text = uses_text(compared)
    for told in USES.values():
        assert told in text
    assert "doi" in text or "arXiv" in text
    document = uses_document(compared)
    assert [use["use"] for use in document["uses"]] == list(USES)
    for use in document["uses"]:
        assert len(use["models"]) == 13
        assert use["q_end"]["p10"] <= use["q_end"]["median"] <= use["q_end"]["p90"]
    for name in ("uses.svg", "uses.png"):
        uses_picture(compared, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 10_000
