"""The reference optimiser: all vehicles in one linear or mixed-integer problem, by HiGHS."""
