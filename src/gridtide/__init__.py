"""gridtide plans, operates and settles the charging and discharging of electric-vehicle fleets."""

__version__ = "0.1.0"
