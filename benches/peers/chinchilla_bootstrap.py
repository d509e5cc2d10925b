"""Case-resampling bootstrap of the Hoffmann fit: how long B warm refits take and
which percentile intervals they give.

Every replicate draws the rows with replacement, starts at the optimum of the
full table and refits the log-Huber sum with the analytic gradient (L-BFGS-B,
same tight tolerances as the grid). A seeded handful of replicates is finished by
damped Newton afterwards, outside the clock, to show how far a warm refit stops
from its own minimum.
"""
import argparse

import numpy as np
from scipy.optimize import minimize

from chinchilla_grid import TIGHT
from common import (Clock, EPOCH_GRID, HOFFMANN, about, data_path, digits, emit, load_runs, newton,
                    objective, pack)


def derived(theta):
    """Coefficients, a = beta/(alpha+beta) and compute-optimal D/N at 5.76e23 FLOP."""
    a, b, e, al, be = np.moveaxis(theta, -1, 0)
    g = (al * np.exp(a) / (be * np.exp(b))) ** (1 / (al + be))
    share = be / (al + be)
    return {"E": np.exp(e), "A": np.exp(a), "B": np.exp(b), "alpha": al, "beta": be,
            "a_exponent": share,
            "tokens_per_parameter_at_5.76e23": (5.76e23 / 6) ** (1 - 2 * share) / g ** 2}


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--csv")
    ap.add_argument("--replicates", "-B", type=int, default=4000)
    ap.add_argument("--seed", type=int, default=0)
    ap.add_argument("--start", choices=("optimum", "hoffmann"), default="optimum")
    ap.add_argument("--method", choices=("L-BFGS-B", "BFGS"), default="L-BFGS-B")
    ap.add_argument("--check", type=int, default=200, help="replicates finished by Newton")
    args = ap.parse_args()

    n, d, loss = load_runs(args.csv or data_path("chinchilla-points", "df.csv"))
    data = np.log(n), np.log(d), np.log(loss)
    best = minimize(objective, pack(EPOCH_GRID), args=data, jac=True, method="L-BFGS-B", options=TIGHT)
    best, fbest, _ = newton(best.x, *data)
    start = best if args.start == "optimum" else pack(HOFFMANN)
    options = TIGHT if args.method == "L-BFGS-B" else dict(gtol=1e-10, maxiter=5000)

    rng = np.random.default_rng(args.seed)
    rows = rng.integers(0, len(n), size=(args.replicates, len(n)))
    out = np.empty((args.replicates, 5))
    value = np.empty(args.replicates)
    converged = evaluations = 0
    with Clock() as clock:
        for i, row in enumerate(rows):
            sample = tuple(c[row] for c in data)
            r = minimize(objective, start, args=sample, jac=True, method=args.method, options=options)
            out[i], value[i] = r.x, r.fun
            converged += bool(r.success)
            evaluations += r.nfev

    gap, shift = [], []
    for i in range(min(args.check, args.replicates)):
        sample = tuple(c[rows[i]] for c in data)
        t, f, _ = newton(out[i], *sample)
        gap.append(value[i] / f - 1)
        shift.append(np.abs(t - out[i]))

    columns, point = derived(out), derived(best)
    summary = {}
    for k, v in columns.items():
        q = np.percentile(v, [2.5, 10, 50, 90, 97.5])
        summary[k] = dict(point=digits(point[k], 12),
                          interval_95=[digits(q[0], 8), digits(q[4], 8)],
                          interval_80=[digits(q[1], 8), digits(q[3], 8)],
                          median=digits(q[2], 8), standard_deviation=digits(v.std(ddof=1), 8))
    emit({
        "script": "chinchilla_bootstrap", "versions": about(),
        "inputs": dict(points=len(n), delta=1e-3, replicates=args.replicates, seed=args.seed,
                       start=args.start, method=args.method, options=options,
                       percentile="linear interpolation", generator="numpy default_rng (PCG64)"),
        "results": dict(full_table_objective=fbest, seconds=clock.wall, cpu_seconds=clock.cpu,
                        ms_per_replicate=1e3 * clock.wall / args.replicates,
                        converged=converged, evaluations_mean=evaluations / args.replicates,
                        coefficients=summary,
                        newton_check=dict(replicates=len(gap), relative_gap_median=float(np.median(gap)),
                                          relative_gap_p95=float(np.percentile(gap, 95)),
                                          relative_gap_max=float(np.max(gap)),
                                          share_above_1e6=float(np.mean(np.array(gap) > 1e-6)),
                                          theta_shift_max=np.max(shift, axis=0).tolist())),
    })


if __name__ == "__main__":
    main()
