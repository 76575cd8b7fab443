"""Fit the session sampler to published data, print how well it fits, write its parameters.

Usage: ``GRIDTIDE_DATA=… python scripts/fit_sessions.py [--write] [--tables]``. Needs SciPy (the
``fit`` extra). Without ``--write`` the parameters in the package are judged as they are;
``--tables`` prints them as the model card has them.

Every fourth local day is held out: parameters come from the other days, the goodness of fit
from the days held out.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import numpy.typing as npt
from scipy import stats
from scipy.spatial.distance import cdist

from gridtide.core import parse_utc
from gridtide.fleet import RawSessions, read_acn, read_trondheim, sample_sessions
from gridtide.fleet._session_model import (
    DAY_STARTS_H,
    Fitted,
    Mixture,
    SessionModel,
    Stated,
    session_model,
)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

FOLDER = Path(__file__).parents[1] / "src" / "gridtide" / "fleet" / "data"
STAY_EDGES_H = [1.0, 3.0, 6.0, 9.0]
QUANTILES = 21
SIZES = (4, 6, 8, 10, 12, 16)


@dataclass(frozen=True)
class Data:
    """Sessions of one kind of place as columns, with their local day and weekday."""

    unit: npt.NDArray[np.str_]
    hour: Floats
    stay_h: Floats
    energy_kwh: Floats
    stated_h: Floats
    day: Ints
    weekday: Ints

    def take(self, which: Bools) -> Data:
        """Return some of the sessions."""
        return Data(*(getattr(self, name)[which] for name in self.__dataclass_fields__))

    @property
    def held_out(self) -> Bools:
        """Whether a session's day is kept away from the fit."""
        return self.day % 4 == 0


def columns(raw: RawSessions, zone: ZoneInfo, unit: tuple[str, ...]) -> Data:
    """Turn sessions into columns; a day begins at 04:00 local time."""
    import datetime as dt

    local = [dt.datetime.fromtimestamp(int(s), dt.UTC).astimezone(zone) for s in raw.arrival_s]
    hour = np.array([t.hour + t.minute / 60 + t.second / 3600 for t in local])
    early = hour < DAY_STARTS_H
    day = np.array([t.toordinal() for t in local]) - early
    return Data(
        unit=np.array(unit),
        hour=np.where(early, hour + 24.0, hour),
        stay_h=(raw.departure_s - raw.arrival_s) / 3600.0,
        energy_kwh=raw.delivered_kwh if np.isfinite(raw.delivered_kwh).any() else raw.requested_kwh,
        stated_h=(raw.stated_departure_s - raw.arrival_s) / 3600.0,
        day=day,
        weekday=(day - 1) % 7,
    )


def join(parts: list[Data]) -> Data:
    """Put several sources into one."""
    return Data(
        *(np.concatenate([getattr(p, n) for p in parts]) for n in Data.__dataclass_fields__)
    )


def workplace(folder: Path) -> Data:
    """ACN-Data, Caltech and JPL, May to December 2019."""
    zone = ZoneInfo("America/Los_Angeles")
    first, last = parse_utc("2019-05-01T00:00-07:00"), parse_utc("2020-01-01T00:00-08:00")
    parts = []
    for path in sorted((folder / "ev").glob("*_2019-*.csv.gz")):
        raw = read_acn(path, start_s=first, end_s=last)
        parts.append(columns(raw, zone, raw.charger_ids))
    return join(parts)


def residential(folder: Path) -> Data:
    """Private users of the Trondheim garages whose sessions span twenty days or more."""
    path = folder / "ev" / "trondheim_sorensen2021_sessions.csv"
    lines = [line.split(";") for line in path.read_text(encoding="utf-8-sig").splitlines()]
    private = {cells[0] for cells in lines if cells[3] == "Private"}
    raw = read_trondheim(path, start_s=0, end_s=2**33)
    data = columns(raw, ZoneInfo("Europe/Oslo"), raw.vehicle_ids)
    data = data.take(np.array([name in private for name in raw.session_ids]))
    spans = {u: np.ptp(data.day[data.unit == u]) for u in np.unique(data.unit)}
    return data.take(np.array([spans[u] >= 20 for u in data.unit]))


def points_of(data: Data, power_kw: float) -> Floats:
    """Coordinates of the mixture; the energy as the mean power's share, on a logit scale."""
    share = np.clip(data.energy_kwh / (power_kw * data.stay_h), 1e-4, 1 - 1e-3)
    return np.column_stack([data.hour, np.log(data.stay_h), np.log(share / (1 - share))])


def fit_mixture(x: Floats, size: int, seed: int) -> tuple[float, Floats, Floats, Floats]:
    """Expectation-maximisation with full covariances; returns log likelihood and parameters."""
    rng = np.random.default_rng(seed)
    scale = x.std(axis=0)
    mean = x[rng.choice(len(x), size, replace=False)]
    nearest = cdist(x / scale, mean / scale).argmin(axis=1)
    duty = np.eye(size)[nearest]
    ridge = np.diag((0.03 * scale) ** 2)
    before = -np.inf
    for _ in range(600):
        count = duty.sum(axis=0) + 1e-9
        mean = duty.T @ x / count[:, None]
        covariance = np.array(
            [(duty[:, [k]] * (x - mean[k])).T @ (x - mean[k]) / count[k] for k in range(size)]
        )
        covariance += ridge
        log_p = np.column_stack(
            [stats.multivariate_normal(mean[k], covariance[k]).logpdf(x) for k in range(size)]
        ) + np.log(count / len(x))
        total = np.logaddexp.reduce(log_p, axis=1)
        duty = np.exp(log_p - total[:, None])
        if total.sum() - before < 1e-5 * len(x):
            break
        before = total.sum()
    return float(total.sum()), count / len(x), mean, covariance


def best_mixture(x: Floats, sizes: tuple[int, ...]) -> Mixture:
    """Mixture of the size with the least BIC, of four starts each."""
    best: tuple[float, Floats, Floats, Floats] | None = None
    for size in sizes:
        fits = [fit_mixture(x, size, seed) for seed in range(4)]
        likelihood, weight, mean, covariance = max(fits, key=lambda f: f[0])
        bic = -2 * likelihood + (10 * size - 1) * np.log(len(x))
        print(f"    {size:2d} components: BIC {bic:,.0f}")
        if best is None or bic < best[0]:
            best = (bic, weight, mean, covariance)
    assert best is not None
    _, weight, mean, covariance = best
    order = np.argsort(-weight)
    lower = np.linalg.cholesky(covariance)[:, *np.tril_indices(3)]
    return Mixture(
        weight=[round(float(w), 4) for w in weight[order]],
        mean=[[round(float(v), 4) for v in row] for row in mean[order]],
        cholesky=[[round(float(v), 4) for v in row] for row in lower[order]],
    )


def numbers(data: Data, per_span: bool) -> tuple[list[float], float]:
    """Sessions per unit and day for each weekday, and the gamma shape of the units' means.

    A unit counts from its first to its last session (``per_span``) or all the time.
    """
    rates, counts = np.zeros(7), []
    exposure = np.zeros(7)
    every = np.arange(data.day.min(), data.day.max() + 1)
    for unit in np.unique(data.unit):
        own = data.day[data.unit == unit]
        days = np.arange(own.min(), own.max() + 1) if per_span else every
        exposure += np.bincount((days - 1) % 7, minlength=7)
        rates += np.bincount((own - 1) % 7, minlength=7)
        counts.append((own.size, days.size))
    n, d = np.array(counts, dtype=np.float64).T
    rate = n.sum() / d.sum()
    spread = np.average((n / d - rate) ** 2 - rate / d, weights=d)
    return [round(float(r), 4) for r in rates / exposure], round(float(rate**2 / spread), 2)


def stated(claimed: Data, everyone: int) -> Stated:
    """Fit what is stated: how often nothing, and how the stated stay relates to the real one."""
    ratio = np.log(claimed.stated_h / claimed.stay_h)
    in_class = np.searchsorted(STAY_EDGES_H, claimed.stay_h)
    grid = np.linspace(0, 1, QUANTILES)
    grid[[0, -1]] = 0.005, 0.995
    table = [
        [round(float(q), 4) for q in np.quantile(ratio[in_class == k], grid)]
        for k in range(len(STAY_EDGES_H) + 1)
    ]
    share = 1.0 - len(claimed.day) / everyone
    return Stated(share_unstated=round(share, 4), stay_edges_h=STAY_EDGES_H, log_ratio=table)


def duties(mixture: Mixture, x: Floats) -> Floats:
    """Share of each component in a sample, after Bayes."""
    lower = np.zeros((len(mixture.weight), 3, 3))
    lower[:, *np.tril_indices(3)] = mixture.cholesky
    log_p = np.column_stack(
        [
            stats.multivariate_normal(mean, half @ half.T).logpdf(x)
            for mean, half in zip(mixture.mean, lower, strict=True)
        ]
    ) + np.log(mixture.weight)
    share: Floats = np.exp(log_p - np.logaddexp.reduce(log_p, axis=1)[:, None]).mean(axis=0)
    return share


def calibrate(wanted: SessionModel, path: Path, rounds: int = 10) -> SessionModel:
    """Change what is offered until what comes about agrees with what was fitted.

    Sessions that would overlap do not come about. Those of some components do so more often:
    the weights of the components, the numbers and the spread between vehicles make up for it.
    """
    model = wanted
    for _ in range(rounds):
        path.write_bytes(as_text(model))
        session_model.cache_clear()
        made = sampled(model)
        rates, shape = numbers(made, per_span=False)
        candidates = np.array(model.candidates_per_day) * wanted.sessions_per_day / rates
        changed = {}
        for name, weekend in (("weekday", False), ("weekend", True)):
            mixture, aim = getattr(model, name), getattr(wanted, name)
            x = points_of(made.take((made.weekday >= 5) == weekend), model.power_kw)
            weight = np.array(mixture.weight) * np.array(aim.weight) / duties(aim, x)
            weight = [round(float(w), 4) for w in weight / weight.sum()]
            changed[name] = msgspec.structs.replace(mixture, weight=weight)
        model = msgspec.structs.replace(
            model,
            candidates_per_day=[round(float(c), 4) for c in candidates],
            vehicle_shape=round(
                float(model.vehicle_shape * np.sqrt(wanted.vehicle_shape / shape)), 3
            ),
            **changed,
        )
    return model


def as_text(model: SessionModel) -> bytes:
    """Return the file of a model."""
    return msgspec.json.format(msgspec.json.encode(model), indent=1) + b"\n"


def sampled(model: SessionModel, seed: int = 7) -> Data:
    """Draw as the package does: a garage of 52 chargers for a year, or 1,500 homes for 8 weeks."""
    units, days = (52, 364) if model.kind == "workplace" else (1500, 56)
    raw = sample_sessions(
        model.kind,
        start_s=parse_utc("2019-06-03T12:00:00Z"),
        days=days,
        timezone=model.timezone,
        charger_ids=[f"c{i}" for i in range(units)],
        seed=seed,
        charger_kw=model.power_kw,
    )
    return columns(raw, ZoneInfo(model.timezone), raw.charger_ids)


def fit(kind: Fitted, data: Data) -> SessionModel:
    """Fit everything of one kind on the days that are not held out."""
    train = data.take(~data.held_out)
    claimed = train.take(np.isfinite(train.stated_h)) if kind == "workplace" else train
    power_kw = 7.0 if kind == "workplace" else 7.8
    mixtures = []
    for name, which in (("weekday", claimed.weekday < 5), ("weekend", claimed.weekday >= 5)):
        part = claimed.take(which)
        print(f"  {kind}, {name}: {part.day.size} sessions")
        sizes = SIZES if part.day.size > 1500 else SIZES[:3]
        mixtures.append(best_mixture(points_of(part, power_kw), sizes))
    rates, shape = numbers(data, per_span=kind == "residential")
    low, high = np.quantile(claimed.stay_h, [0.002, 0.998])
    return SessionModel(
        kind=kind,
        source="ACN-Data, Caltech and JPL, claimed sessions of May to December 2019 (CC BY 4.0)"
        if kind == "workplace"
        else "Sørensen et al. 2021, Trondheim, private users, 2018-12 to 2020-01 (CC BY 4.0)",
        fitted_with="scripts/fit_sessions.py on three of four days; own figures",
        timezone="America/Los_Angeles" if kind == "workplace" else "Europe/Oslo",
        power_kw=power_kw,
        candidates_per_day=rates,
        sessions_per_day=rates,
        vehicle_shape=shape,
        stay_range_h=(round(float(low), 3), round(float(high), 3)),
        energy_range_kwh=(0.5, round(float(np.quantile(claimed.energy_kwh, 0.999)), 1)),
        weekday=mixtures[0],
        weekend=mixtures[1],
        stated=stated(claimed, train.day.size) if kind == "workplace" else None,
    )


def energy_distance(x: Floats, y: Floats) -> float:
    """Energy distance of two samples, as a share of their mean distance."""
    rng = np.random.default_rng(3)
    x, y = (v[rng.permutation(len(v))[:2500]] for v in (x, y))
    cross = cdist(x, y).mean()
    return float((2 * cross - cdist(x, x).mean() - cdist(y, y).mean()) / (2 * cross))


def judge(model: SessionModel, data: Data) -> None:
    """Print how far draws are from the days held out, beside how far the other days are."""
    claimed = data.take(np.isfinite(data.stated_h)) if model.stated else data
    drawn = sampled(model)
    for name, weekend in (("weekday", False), ("weekend", True)):
        real = claimed.take((claimed.weekday >= 5) == weekend)
        held, other = real.take(real.held_out), real.take(~real.held_out)
        made = drawn.take((drawn.weekday >= 5) == weekend)
        print(f"  {model.kind}, {name}: {held.day.size} held out, {other.day.size} fitted,",
              f"{made.day.size} drawn, {len(getattr(model, name).weight)} components")  # fmt: skip
        for label, column in (
            ("arrival hour", lambda d: d.hour),
            ("stay", lambda d: d.stay_h),
            ("energy", lambda d: d.energy_kwh),
            ("mean power", lambda d: d.energy_kwh / d.stay_h),
            ("departure hour", lambda d: (d.hour + d.stay_h) % 24),
        ):
            h, o, m = column(held), column(other), column(made)
            print(f"    {label:15s} KS drawn-held {stats.ks_2samp(m, h).statistic:.3f}",
                  f" fitted-held {stats.ks_2samp(o, h).statistic:.3f}",
                  f" 5 % level {1.358 * np.sqrt(1 / len(h) + 1 / len(o)):.3f}",
                  f" median drawn {np.median(m):.2f}, held {np.median(h):.2f}")  # fmt: skip
        print_joint(held, other, made)
    print_numbers(model, drawn, data)
    if model.stated is not None:
        print_stated(drawn, claimed.take(claimed.held_out))


def print_joint(held: Data, other: Data, made: Data) -> None:
    """Print rank correlations and the energy distance of the joint distributions."""

    def cube(d: Data) -> Floats:
        return np.column_stack([d.hour, np.log(d.stay_h), np.log(d.energy_kwh)])

    for label, d in (("held out", held), ("drawn", made)):
        rho = stats.spearmanr(cube(d)).statistic
        print(f"    rank correlations {label:9s}: arrival-stay {rho[0, 1]:+.2f},",
              f"arrival-energy {rho[0, 2]:+.2f}, stay-energy {rho[1, 2]:+.2f}")  # fmt: skip
    unit = cube(held).std(axis=0)
    x, y, z = (cube(d) / unit for d in (held, made, other))
    print(f"    energy distance drawn-held {energy_distance(x, y):.4f},",
          f"fitted-held {energy_distance(x, z):.4f}")  # fmt: skip


def print_numbers(model: SessionModel, drawn: Data, data: Data) -> None:
    """Print sessions per unit and day."""
    rates, shape = numbers(drawn, per_span=False)
    print(f"    per unit and day, Monday to Sunday: data {model.sessions_per_day}")
    print(f"      drawn {rates}")
    print(f"      offered {model.candidates_per_day}")
    if model.stated is None:
        real = numbers(data, per_span=True)[1]
        print(f"    gamma shape of the vehicles: data {real}, drawn {shape}")
    for who, d in (("data", data), ("drawn", drawn)):
        days = np.char.add(np.char.add(d.unit, " "), d.day.astype(str))
        more = np.mean(np.unique(days, return_counts=True)[1] > 1)
        print(f"    unit-days with a session that have two or more, {who}: {more:.3f}")


def print_stated(drawn: Data, held: Data) -> None:
    """Print how stated departures are off."""
    real, made = held.stated_h - held.stay_h, drawn.stated_h - drawn.stay_h
    made = made[np.isfinite(made)]
    ks = stats.ks_2samp(real, made).statistic
    print(f"    stated minus real departure [h]: KS drawn-held {ks:.3f}; 5, 25, 50, 75, 95 %:")
    for label, value in (("held out", real), ("drawn", made)):
        print(f"      {label:9s}", np.quantile(value, [0.05, 0.25, 0.5, 0.75, 0.95]).round(2))


def print_tables(model: SessionModel) -> None:
    """Print the mixtures as the model card has them."""
    for name in ("weekday", "weekend"):
        mixture: Mixture = getattr(model, name)
        print(f"\n{model.kind}, {name}:\n")
        print("| share offered | arrival h | median stay h | median power share | correlations |")
        print("|---|---|---|---|---|")
        for weight, mean, half in zip(mixture.weight, mixture.mean, mixture.cholesky, strict=True):
            lower = np.zeros((3, 3))
            lower[np.tril_indices(3)] = half
            covariance = lower @ lower.T
            sd = np.sqrt(np.diag(covariance))
            rho = covariance / np.outer(sd, sd)
            stay, share = np.exp(mean[1]), 1 / (1 + np.exp(-mean[2]))
            print(f"| {weight:.3f} | {mean[0]:.2f} ± {sd[0]:.2f}",
                  f"| {stay:.2f} × {np.exp(sd[1]):.2f}",
                  f"| {share:.2f}, σ {sd[2]:.2f}",
                  f"| {rho[0, 1]:+.2f}, {rho[0, 2]:+.2f}, {rho[1, 2]:+.2f} |")  # fmt: skip


def main() -> None:
    """Fit if asked to, and judge."""
    folder = Path(os.environ.get("GRIDTIDE_DATA", FOLDER.parents[4] / "shared" / "data"))
    for kind, data in (("workplace", workplace(folder)), ("residential", residential(folder))):
        path = FOLDER / f"sessions_{kind}.json"
        if "--write" in sys.argv:
            model = fit(kind, data)
            if kind == "residential":  # where a vehicle at home blocks what is offered
                model = calibrate(model, path)
            path.write_bytes(as_text(model))
            session_model.cache_clear()
        judge(session_model(kind), data)
        if "--tables" in sys.argv:
            print_tables(session_model(kind))


if __name__ == "__main__":
    main()
