"""Blocks that are sold together offer the same: the smaller of what each can."""

from __future__ import annotations

from dataclasses import replace

from gridtide.plan.blocks import Offer, Reserve, pairs_sold

SAME_KW = 1e-6


def even_out(
    blocks: tuple[Reserve, ...], offers: tuple[Offer, ...], *, last: bool
) -> tuple[Reserve, ...] | None:
    """Lower the largest offer of pairs to what both can; None where all pairs are even already.

    Parameters
    ----------
    blocks, offers
        What was asked for, and what was proven.
    last
        Lower it to nothing: pairs that do not even out are not sold.
    """
    even = list(blocks)
    for pair in pairs_sold(blocks):
        kw = [offers[b].offered_kw for b in pair]
        if max(kw) - min(kw) <= SAME_KW:
            continue
        for b in pair:
            even[b] = replace(even[b], most_kw=0.0 if last else min(kw))
    return None if all(a is b for a, b in zip(even, blocks, strict=True)) else tuple(even)


def as_asked(blocks: tuple[Reserve, ...], offers: tuple[Offer, ...]) -> tuple[Offer, ...]:
    """Return the offers with their blocks as they were asked for, and what cut them."""
    told = []
    for block, offer in zip(blocks, offers, strict=True):
        evened = offer.reserve.most_kw < block.most_kw
        cut = offer.cut or ("what is sold with it" if evened else "")
        told.append(replace(offer, reserve=block, cut=cut))
    return tuple(told)
