"""Cell models: how cells lose capacity by time and use, each with its card."""

from gridtide.battery.cells.lfp import LFP_MURATA, LFP_PRISMATIC
from gridtide.battery.cells.lmo import LMO_LEAF, LMO_XU
from gridtide.battery.cells.nickel_rich import LG_M50, LG_MJ1, PANASONIC, SONY_NCA
from gridtide.battery.cells.nmc import DENSO, KOKAM, NMC_A, NMC_B1, NMC_B2
from gridtide.battery.cells.sanyo import SANYO

MODELS = {
    model.card.name: model
    for model in (
        KOKAM,
        DENSO,
        NMC_A,
        NMC_B1,
        NMC_B2,
        LG_M50,
        LG_MJ1,
        SANYO,
        PANASONIC,
        SONY_NCA,
        LFP_PRISMATIC,
        LFP_MURATA,
        LMO_XU,
        LMO_LEAF,
    )
}
