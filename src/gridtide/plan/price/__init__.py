"""Fleets beyond any general solver: each vehicle exactly, all together by price."""
