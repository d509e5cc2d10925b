"""IsoFLOP optima on the released run tables: exponent of N* in C from an Akima
spline of ln L over ln N and from plain parabolas, per group, next to the released
reference exponents; and the known parabola bias on noise-free surfaces.

Akima: 25 sub-samples per gap, the argmin must be interior, otherwise the budget
is dropped. Parabolas: in L and in ln L over ln N, with every budget of positive
curvature, with only those whose vertex lies inside the sampled range, and on the
window of seven points around the lowest run.
"""
import argparse
import json

import numpy as np
import pandas as pd
from scipy.interpolate import Akima1DInterpolator

from common import Clock, HOFFMANN, about, data_path, digits, emit

KEYS = ["source", "dataset", "hparams", "warmup", "decay", "param_count", "eval"]


def power_law(budgets):
    """OLS of ln N* on ln C."""
    if len(budgets) < 2:
        return None
    c, n = np.array(budgets).T
    slope, intercept = np.polyfit(c, n, 1)
    return dict(exponent=digits(slope, 10), coefficient=digits(np.exp(intercept), 8), budgets=len(budgets))


def akima_optimum(x, y, per_gap=25):
    fine = np.concatenate([np.linspace(u, v, per_gap, endpoint=False) for u, v in zip(x, x[1:])] + [x[-1:]])
    values = Akima1DInterpolator(x, y)(fine)
    j = int(values.argmin())
    return fine[j] if 0 < j < len(fine) - 1 else None


def vertex(x, y):
    centre = x.mean()
    c2, c1, _ = np.polyfit(x - centre, y, 2)
    return centre - c1 / (2 * c2) if c2 > 0 else None


def fit_group(g):
    found = {k: [] for k in ("akima", "parabola_loss", "parabola_ln_loss", "parabola_loss_inside",
                             "parabola_ln_loss_inside", "parabola_loss_window7")}
    for c, runs in g.groupby("flops"):
        runs = runs.sort_values("n")
        x, loss = np.log(runs.n.to_numpy()), runs.loss.to_numpy()
        k = int(loss.argmin())
        lo = min(max(k - 3, 0), max(len(x) - 7, 0))
        options = {"akima": akima_optimum(x, np.log(loss)),
                   "parabola_loss": vertex(x, loss), "parabola_ln_loss": vertex(x, np.log(loss)),
                   "parabola_loss_window7": vertex(x[lo:lo + 7], loss[lo:lo + 7])}
        for name in ("parabola_loss", "parabola_ln_loss"):
            v = options[name]
            options[name + "_inside"] = v if v is not None and x[0] < v < x[-1] else None
        for name, v in options.items():
            if v is not None:
                found[name].append((np.log(c), v))
    return {k: power_law(v) for k, v in found.items()}


def bias(surface, half_width, points=15, budgets=5, target=1e24):
    """Relative error of D* at the target from parabolas on an exact surface."""
    e, a, b, al, be = (surface[k] for k in ("E", "A", "B", "alpha", "beta"))
    g = (al * a / (be * b)) ** (1 / (al + be))
    share = be / (al + be)
    star_n = lambda c: g * (c / 6) ** share
    star_d = lambda c: (c / 6) ** (1 - share) / g
    ns, ds = [], []
    for c in np.geomspace(1e17, 1e21, budgets):
        for out, star, sign in ((ns, star_n, 1), (ds, star_d, -1)):
            v = star(c) * np.geomspace(1 / half_width, half_width, points)
            n, d = (v, c / (6 * v)) if sign == 1 else (c / (6 * v), v)
            out.append((np.log(c), vertex(np.log(v), e + a * n ** -al + b * d ** -be)))
    fit = np.polyfit(*np.array(ds).T, 1)
    return dict(half_width=half_width, d_star_error_percent=digits(
        100 * (np.exp(np.polyval(fit, np.log(target))) / star_d(target) - 1), 6),
        d_exponent=digits(fit[0], 10), true_d_exponent=digits(1 - share, 10))


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--csv")
    args = ap.parse_args()
    t = pd.read_csv(args.csv or data_path("isoflop-porian", "isoflop_points.csv"))
    with open(data_path("isoflop-porian", "reference_fits.json")) as f:
        reference = {tuple(r[k] for k in KEYS): r for r in json.load(f)}
    rows, gaps = [], []
    with Clock() as clock:
        fits = [(key, len(g), g.flops.nunique(), fit_group(g)) for key, g in t.groupby(KEYS)]
    for key, points, budgets, fit in fits:
        ref = reference.get(key)
        row = dict(zip(KEYS, key), points=points, budgets=budgets, **fit)
        if ref:
            basic = ref["basic"]["n_exponent"]
            lo, _, hi = ref["bootstrap_n_exponent_q025_q50_q975"]
            got = fit["akima"]["exponent"]
            row.update(reference_exponent=digits(basic, 10), reference_weighted=digits(ref["weighted"]["n_exponent"], 10),
                       reference_interval=[digits(lo, 6), digits(hi, 6)],
                       akima_minus_reference=digits(got - basic, 6), inside_reference_interval=lo <= got <= hi)
            gaps.append(abs(got - basic))
        rows.append(row)

    h = HOFFMANN
    rounded = dict(E=1.69, A=406.4, B=410.7, alpha=.34, beta=.28)
    skewed = dict(rounded, alpha=.465, beta=.155)
    emit({
        "script": "isoflop", "versions": about(),
        "inputs": dict(groups=len(rows), points=len(t), sub_samples_per_gap=25),
        "results": dict(groups=rows, seconds=clock.wall, compared=len(gaps),
                        akima_gap_max=digits(max(gaps), 6), akima_gap_mean=digits(np.mean(gaps), 6),
                        parabola_bias={name: [bias(s, w) for w in (2, 4, 8, 16)] for name, s in
                                       (("hoffmann_digits", h), ("hoffmann_rounded", rounded),
                                        ("alpha_.465_beta_.155", skewed))}),
    })


if __name__ == "__main__":
    main()
