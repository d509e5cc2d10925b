"""Four learning-curve laws on the five machine-translation curves: least squares on
the log loss from many starts, root mean square log error on the fitted rows and on
the extrapolation rows.

M1  y = B x^c                         M2  y = E + B x^c
M3  y = B (1/x + g)^c, c >= 0         M4  (y - E) / (E0 - y)^alpha = B x^c  (solved for y)
x is `Seen Examples` as given. M1 is in closed form; M4 is solved for y by
Newton in the logit of (y - E)/(E0 - E). c <= 0 in M1, M2, M4.
"""
import argparse

import numpy as np
import pandas as pd
from scipy.optimize import least_squares
from scipy.special import expit

from common import Clock, about, data_path, digits, emit

ALPHA_MIN, ALPHA_MAX = 1e-6, 1e4
LAWS = ("M1", "M2", "M3", "M4", "M4_E_above_smallest_y")


def log_sigmoid(s):
    return -np.logaddexp(0, -s)


def solve_m4(t, alpha, width):
    """v = (y - E)/width with ln v - alpha ln(1 - v) = t - ln width."""
    rhs = t - np.log(width)
    # in the logit s of v the left side is monotone, of one curvature, with slope between
    # 1 and alpha, so plain Newton converges from anywhere
    s = np.where(rhs < 0, rhs, rhs / alpha)
    for _ in range(200):
        step = (log_sigmoid(s) - alpha * log_sigmoid(-s) - rhs) / (expit(-s) + alpha * expit(s))
        s = s - step
        if np.all(np.abs(step) <= 4e-16 * (1 + np.abs(s))):
            break
    return expit(s)


class Law:
    """predict(params, u) gives ln y at u = ln x - ln x0."""
    def __init__(self, lower, upper, starts, predict, report):
        self.lower, self.upper, self.starts = map(np.asarray, (lower, upper, starts))
        self.predict, self.report = predict, report


def laws(u, y, ln_x0, rng, count):
    ymin, ymax = y.min(), y.max()
    # M2: ln of the power term at x0, c, E
    m2 = Law([-30, -10, 0], [30, 0, ymin * (1 - 1e-9)],
             np.column_stack([np.log(rng.uniform(.01, 1, count)), -rng.uniform(.02, 1.5, count),
                              ymin * rng.uniform(0, .999, count)]),
             lambda p, u: np.log(p[2] + np.exp(p[0] + p[1] * u)),
             lambda p: dict(E=p[2], B=np.exp(p[0] - p[1] * ln_x0), c=p[1]))
    # M3: ln y at x0 without floor, c, ln(g x0)
    m3 = Law([-60, 0, -40], [60, 10, 20],
             np.column_stack([np.log(rng.uniform(.05, 2, count)), rng.uniform(.02, 1.5, count),
                              rng.uniform(-8, 3, count)]),
             lambda p, u: p[0] + p[1] * np.logaddexp(-u, p[2]),
             lambda p: dict(B=np.exp(p[0] + p[1] * ln_x0), c=p[1], gamma=np.exp(p[2] - ln_x0),
                            floor=np.exp(p[0] + p[1] * p[2])))

    # M4 as ln(y-E) - alpha ln(1 - k (y-E)/alpha) = p0 + c u, where k = alpha/(E0-E): the
    # limit alpha, E0 -> infinity at fixed k, (y-E) exp(k (y-E)) = power law, stays regular
    def m4_predict(p, u):
        k, alpha = np.exp(p[3]), np.exp(p[4])
        return np.log(p[2] + alpha / k * solve_m4(p[0] + p[1] * u, alpha, alpha / k))

    def m4_report(p):
        k, alpha = np.exp(p[3]), np.exp(p[4])
        w = alpha / k
        return dict(E=p[2], E0=p[2] + w, alpha=alpha, c=p[1], k=k,
                    ln_B=p[0] - alpha * np.log(w) - p[1] * ln_x0)

    def m4(e_max):
        return Law([-30, -10, 0, np.log(1e-6), np.log(ALPHA_MIN)], [60, 0, e_max, np.log(1e3), np.log(ALPHA_MAX)],
                   np.column_stack([rng.uniform(-3, 1, count), -rng.uniform(.02, 1.5, count),
                                    ymin * rng.uniform(0, .999, count), rng.uniform(-4, 2, count),
                                    rng.uniform(-2, 4, count)]), m4_predict, m4_report)
    return {"M2": m2, "M3": m3, "M4": m4(ymin * (1 - 1e-9)), "M4_E_above_smallest_y": m4(ymax)}


def fit(law, u, ln_y):
    best, values = None, []
    for s in law.starts:
        s = np.clip(s, law.lower + 1e-9, law.upper - 1e-9)
        r = least_squares(lambda p: law.predict(p, u) - ln_y, s, bounds=(law.lower, law.upper),
                          x_scale="jac", max_nfev=300, ftol=1e-11, xtol=1e-11, gtol=1e-11)
        values.append(2 * r.cost)
        if best is None or r.cost < best.cost:
            best = r
    for _ in range(10):
        r = least_squares(lambda p: law.predict(p, u) - ln_y, best.x, jac="3-point", bounds=(law.lower, law.upper),
                          x_scale="jac", max_nfev=1000, ftol=1e-15, xtol=1e-15, gtol=1e-15)
        gain = best.cost - r.cost
        if gain > 0:
            best = r
        if gain <= 1e-14 * best.cost:
            break
    span = np.maximum(law.upper - law.lower, 1)
    near = (best.x - law.lower < 1e-7 * span) | (law.upper - best.x < 1e-7 * span)
    return best.x, 2 * best.cost, np.array(values), near


def rms(v):
    return float(np.sqrt(np.mean(v ** 2))) if len(v) else None


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--csv")
    ap.add_argument("--starts", type=int, default=100)
    ap.add_argument("--seed", type=int, default=0)
    args = ap.parse_args()
    t = pd.read_csv(args.csv or data_path("nmt-curves", "benchmark_nmt.csv"))
    results = {}
    with Clock() as clock:
        for model, g in t.groupby("Model", sort=False):
            x, y = g["Seen Examples"].to_numpy(float), g.Loss.to_numpy(float)
            train = g.Training.to_numpy() == 1
            ln_x0 = np.log(x[train]).mean()
            u, ln_y = np.log(x) - ln_x0, np.log(y)
            out = {}
            slope, intercept = np.polyfit(u[train], ln_y[train], 1)
            r = intercept + slope * u - ln_y
            out["M1"] = dict(B=digits(np.exp(intercept - slope * ln_x0), 10), c=digits(slope, 10),
                             rmse_log_fit=rms(r[train]), rmse_log_extrapolation=rms(r[~train]))
            rng = np.random.default_rng(args.seed)
            for name, law in laws(u[train], y[train], ln_x0, rng, args.starts).items():
                p, rss, values, near = fit(law, u[train], ln_y[train])
                r = law.predict(p, u) - ln_y
                out[name] = dict({k: digits(v, 10) for k, v in law.report(p).items()},
                                 rmse_log_fit=rms(r[train]), rmse_log_extrapolation=rms(r[~train]),
                                 starts_at_best_1e6=int((values <= rss * (1 + 1e-6)).sum()),
                                 parameters_at_bound=np.flatnonzero(near).tolist())
            out["rows_fit"], out["rows_extrapolation"] = int(train.sum()), int((~train).sum())
            results[model] = out
    emit({
        "script": "learning_curves", "versions": about(),
        "inputs": dict(rows=len(t), starts=args.starts, seed=args.seed,
                       bounds=dict(alpha=[ALPHA_MIN, ALPHA_MAX], E="[0, smallest fitted y)",
                                   M4_E_above_smallest_y="E up to the largest fitted y")),
        "results": dict(curves=results, seconds=clock.wall,
                        mean_rmse_log_fit={m: float(np.mean([v[m]["rmse_log_fit"] for v in results.values()])) for m in LAWS},
                        mean_rmse_log_extrapolation={m: float(np.mean([v[m]["rmse_log_extrapolation"] for v in results.values()])) for m in LAWS}),
    })


if __name__ == "__main__":
    main()
