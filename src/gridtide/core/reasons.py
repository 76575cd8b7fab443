"""Reasons: why a setpoint has the value it has, as a code and as a sentence."""

from __future__ import annotations

from enum import IntEnum


class Reason(IntEnum):
    """Code of the rule that gave a setpoint its value. Codes are stable."""

    NOT_CONNECTED = 0
    PLAN = 1
    FULL_POWER = 2
    TARGET_REACHED = 3
    SITE_LIMIT = 4
    PROMISE = 5
    DEPARTURE_UNKNOWN = 6
    NOT_BIDIRECTIONAL = 7
    FLOOR_REACHED = 8
    BATTERY_FULL = 9
    BATTERY_PACE = 10
    MINIMUM_CURRENT = 11
    AWAITING_PLAN = 12
    OPTED_OUT = 13
    STRATEGY = 14
    DATA_IN_DOUBT = 15
    PEAK = 16
    BATTERY_TEMPERATURE = 17
    BATTERY_RATE = 18
    BATTERY_WINDOW = 19
    BATTERY_VOLTAGE = 20
    BUDGET_SPENT = 21
    DWELL = 22
    CONDITIONING = 23
    SERVICE = 24


SENTENCES: dict[Reason, str] = {
    Reason.NOT_CONNECTED: "no vehicle is connected",
    Reason.PLAN: "as planned",
    Reason.FULL_POWER: "charges as fast as charger and vehicle allow",
    Reason.TARGET_REACHED: "holds what the driver asked for",
    Reason.SITE_LIMIT: "held back by a limit of the site",
    Reason.PROMISE: "charges now, or the driver's target would be out of reach",
    Reason.DEPARTURE_UNKNOWN: "charges at once and does not discharge: the departure is not known",
    Reason.NOT_BIDIRECTIONAL: "does not discharge: vehicle or charger cannot",
    Reason.FLOOR_REACHED: "does not discharge: the driver's floor is reached",
    Reason.BATTERY_FULL: "does not charge: the battery is full",
    Reason.BATTERY_PACE: "charges as fast as the battery takes it near full",
    Reason.MINIMUM_CURRENT: "switched on and off to follow the plan: below the minimum current",
    Reason.AWAITING_PLAN: "waits for the first plan after plugging in",
    Reason.OPTED_OUT: "the driver opted out of flexible charging",
    Reason.STRATEGY: "asked for by the strategy",
    Reason.DATA_IN_DOUBT: "does not discharge: its data are in doubt",
    Reason.PEAK: "put off, so that the site stays below its planned peak",
    Reason.BATTERY_TEMPERATURE: "held back by the temperature of the battery",
    Reason.BATTERY_RATE: "held back to the power that a battery of this size allows",
    Reason.BATTERY_WINDOW: "stays within the window of charge that the battery allows",
    Reason.BATTERY_VOLTAGE: "held back by the voltage of the cells",
    Reason.BUDGET_SPENT: "does not discharge: the battery's yearly budget is used up",
    Reason.DWELL: "waits a little before its power turns round",
    Reason.SERVICE: "moved from its plan to deliver a grid service",
    Reason.CONDITIONING: "charges with what heating or cooling the battery leaves",
}
