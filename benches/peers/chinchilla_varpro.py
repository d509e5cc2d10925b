"""Variable projection (least squares on the loss itself): the 32 x 32 grid over
(alpha, beta), non-negative least squares for (E, A, B) inside, Nelder-Mead on the
residual sum of squares from the best cell. Measures seconds and coefficients on
the full table, on the runs below 1e21 FLOP, and on a noise-free surface where the
answer is known.
"""
import argparse

import numpy as np
from scipy.optimize import minimize, nnls

from common import Clock, HOFFMANN, about, data_path, digits, emit, load_runs

SIMPLEX = dict(xatol=1e-10, fatol=1e-15, maxiter=20000, maxfev=40000)


def inner(al, be, x, y, loss):
    """Best non-negative (E, A', B') for fixed exponents and the residual sum of squares.
    x, y are centred logs, so A' and B' are the terms at the centre."""
    design = np.column_stack([np.ones_like(x), np.exp(-al * x), np.exp(-be * y)])
    coef, _ = nnls(design, loss)
    r = design @ coef - loss
    return coef, r @ r


def fit(n, d, loss, cells=32):
    ln_n, ln_d = np.log(n), np.log(d)
    cn, cd = ln_n.mean(), ln_d.mean()
    x, y = ln_n - cn, ln_d - cd
    with Clock() as grid_clock:
        axis = np.linspace(0.05, 0.95, cells)
        rss = np.array([[inner(al, be, x, y, loss)[1] for be in axis] for al in axis])
    i, j = np.unravel_index(rss.argmin(), rss.shape)
    with Clock() as clock:
        r = minimize(lambda p: inner(*p, x, y, loss)[1], [axis[i], axis[j]], method="Nelder-Mead",
                     options=SIMPLEX)
        extra = minimize(lambda p: inner(*p, x, y, loss)[1], r.x, method="Nelder-Mead", options=SIMPLEX)
    al, be = extra.x
    (e, a, b), rss_best = inner(al, be, x, y, loss)
    big_a, big_b = a * np.exp(al * cn), b * np.exp(be * cd)
    out = dict(E=e, A=big_a, B=big_b, alpha=al, beta=be, a_exponent=be / (al + be),
               A_with_N_in_millions=big_a * 1e6 ** -al, B_with_D_in_billions=big_b * 1e9 ** -be,
               rss=rss_best, rmse=np.sqrt(rss_best / len(n)))
    return {**{k: digits(v, 12) for k, v in out.items()},
            "grid_cell": [digits(axis[i], 6), digits(axis[j], 6)], "grid_rss": rss[i, j],
            "points": len(n), "simplex_evaluations": int(r.nfev), "second_run_gain": r.fun - extra.fun,
            "seconds_grid": grid_clock.wall, "seconds_simplex": clock.wall,
            "seconds": grid_clock.wall + clock.wall}


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--csv")
    ap.add_argument("--cells", type=int, default=32)
    args = ap.parse_args()
    path = args.csv or data_path("chinchilla-points", "df.csv")
    n, d, loss = load_runs(path)
    low = load_runs(path, max_c=1e21)

    h = HOFFMANN
    clean = h["E"] + h["A"] * n ** -h["alpha"] + h["B"] * d ** -h["beta"]
    noise_free = fit(n, d, clean, args.cells)
    noise_free["relative_error"] = {k: abs(noise_free[k] / h[k] - 1) for k in h}
    emit({
        "script": "chinchilla_varpro", "versions": about(),
        "inputs": dict(cells=args.cells, exponent_range=[.05, .95], residual="loss", simplex=SIMPLEX),
        "results": {"all_points": fit(n, d, loss, args.cells), "below_1e21_flop": fit(*low, args.cells),
                    "noise_free_hoffmann_surface": noise_free},
    })


if __name__ == "__main__":
    main()
