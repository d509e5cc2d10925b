"""Over-training law from five cheap runs per training set: coefficients, the loss
predicted for the large or long runs, and the 17-task error chained from it.

Loss law  L = p N^x + q 6^(x/2) (M N)^x + E  with x < 0 and M = D/N, equal to
L = E + (a M^eta + b M^-eta) C^-eta with C = 6 N D, eta = -x/2. Fitted from 128
Levenberg-Marquardt starts, checked by an exact one-dimensional search over x.
Error law  Err = eps - k exp(-gamma L)  on the same runs plus the 1.4B run at M=20.
"""
import argparse
import itertools
import warnings

import numpy as np
import pandas as pd
from scipy.optimize import brentq, curve_fit

from common import Clock, about, data_path, digits, emit

SMALL, MID, BIG = "d=96_l=8_h=4", "open_lm_1b", "open_lm_7b"
LADDER = [SMALL, "d=512_l=8_h=4", "d=576_l=24_h=8", "d=1024_l=24_h=8"]
TASKS = ["bigbench_operators", "bigbench_dyck_languages", "bigbench_novel_concepts",
         "bigbench_cs_algorithms", "bigbench_qa_wikidata", "pubmed_qa_labeled", "hellaswag_zeroshot",
         "hellaswag", "boolq", "arc_easy", "coqa", "lambada_openai", "winograd", "commonsense_qa",
         "copa", "squad", "piqa"]
FACTOR = "q multiplies 6^(x/2); B of the tied law is q 6^(x/2)"


def loss_law(nm, p, q, x, e):
    n, m = nm
    return p * n ** x + q * 6 ** (x / 2) * (m * n) ** x + e


def error_law(loss, k, gamma, eps):
    return eps - k * np.exp(-gamma * loss)


def fit_loss(n, m, loss):
    best, tried, ok, at = None, 0, 0, []
    for p0 in itertools.product((1e2, 3e2, 1e3, 3e3), (1e2, 3e2, 1e3, 3e3), (-.1, -.3), (0, 1, 2, 10)):
        tried += 1
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                p, _ = curve_fit(loss_law, (n, m), loss, p0=p0, maxfev=10000)
        except RuntimeError:
            continue
        ok += 1
        rss = np.sum((loss_law((n, m), *p) - loss) ** 2)
        at.append(rss)
        if best is None or rss < best[1]:
            best = p, rss
    at = np.array(at)
    return best[0], best[1], dict(starts=tried, converged=ok,
                                  at_best_1e6=int((at <= best[1] * (1 + 1e-6)).sum()))


def project(columns, slopes, y, axis):
    """Least squares of y on columns(x) (linear coefficients free) with x searched on the
    axis, then the zero of the projected derivative 2 r . (coef * slopes(x))."""
    def solve(x):
        design = columns(x)
        coef = np.linalg.lstsq(design, y, rcond=None)[0]
        r = design @ coef - y
        return coef, r, r @ r

    def derivative(x):
        coef, r, _ = solve(x)
        return 2 * r @ (slopes(x) @ coef)

    i = int(np.argmin([solve(x)[2] for x in axis]))
    x = brentq(derivative, axis[i - 1], axis[i + 1], xtol=1e-15, rtol=1e-14)
    coef, _, rss = solve(x)
    return x, coef, rss


def fit_loss_exact(n, m, loss):
    d = n * m
    cn, cd = np.log(n).mean(), np.log(d).mean()
    u, v = np.log(n) - cn, np.log(d) - cd
    one, zero = np.ones_like(n), np.zeros_like(n)
    x, (p, q, e), rss = project(
        lambda x: np.column_stack([np.exp(x * u), np.exp(x * v), one]),
        lambda x: np.column_stack([u * np.exp(x * u), v * np.exp(x * v), zero]),
        loss, np.linspace(-.6, -.02, 581))
    big_a, big_b, eta = p * np.exp(-x * cn), q * np.exp(-x * cd), -x / 2
    out = dict(E=e, x=x, A=big_a, B=big_b, eta=eta, a=big_a * 6 ** eta, b=big_b * 6 ** eta,
               optimal_multiplier=(big_b / big_a) ** (1 / (2 * eta)))
    return {**{k: digits(w, 12) for k, w in out.items()}, "rss": rss}


def fit_error_exact(loss, error):
    one, zero = np.ones_like(loss), np.zeros_like(loss)
    gamma, (eps, minus_k), rss = project(
        lambda g: np.column_stack([one, np.exp(-g * loss)]),
        lambda g: np.column_stack([zero, -loss * np.exp(-g * loss)]),
        error, np.geomspace(.01, 10, 601))
    return dict(eps=digits(eps, 12), k=digits(-minus_k, 12), gamma=digits(gamma, 12), rss=rss)


def main():
    ap = argparse.ArgumentParser(description=__doc__)
    ap.add_argument("--csv")
    ap.add_argument("--eval", default="loss_c4_val")
    args = ap.parse_args()
    t = pd.read_csv(args.csv or data_path("over-training", "testbed_104_models.csv"))
    t["m"] = 20 * t.chinchilla_multiplier
    t["error"] = 1 - t[["acc_" + k for k in TASKS]].mean(axis=1)

    results = {}
    for train in sorted(t.train_dataset.unique()):
        s = t[t.train_dataset == train]
        five = s[(s.model.isin(LADDER) & (s.m == 20)) | ((s.model == SMALL) & (s.m == 320))]
        six = pd.concat([five, s[(s.model == MID) & (s.m == 20)]])
        n, m, loss = (five[k].to_numpy(float) for k in ("N", "m", args.eval))
        with Clock() as clock:
            coef, rss, counts = fit_loss(n, m, loss)
        p, q, x, e = coef
        eta = -x / 2
        a, b = p * 6 ** eta, q * 6 ** (x / 2) * 6 ** eta
        law = dict(E=digits(e, 12), x=digits(x, 12), p=digits(p, 12), q=digits(q, 12), rss=rss,
                   eta=digits(eta, 12), a=digits(a, 12), b=digits(b, 12),
                   A=digits(p, 12), B=digits(q * 6 ** (x / 2), 12), alpha=digits(-x, 12),
                   optimal_multiplier=digits((b / a) ** (1 / (2 * eta)), 8), **counts,
                   seconds=clock.wall, runs=five.name.tolist(),
                   run_multipliers=five.m.tolist(), exact_search=fit_loss_exact(n, m, loss))

        chain = lambda r: loss_law((r.N.to_numpy(float), r.m.to_numpy(float)), *coef)
        # the error law sees measured losses; a start with gamma = 1 is curve_fit's default
        err_runs = dict(runs=six.name.tolist())
        (k, gamma, eps), _ = curve_fit(error_law, six[args.eval].to_numpy(), six.error.to_numpy(),
                                       maxfev=10000)
        r = error_law(six[args.eval].to_numpy(), k, gamma, eps) - six.error.to_numpy()
        err_runs.update(k=digits(k, 10), gamma=digits(gamma, 10), eps=digits(eps, 10), rss=r @ r,
                        exact_search=fit_error_exact(six[args.eval].to_numpy(), six.error.to_numpy()))

        targets = s[((s.model == MID) & (s.m > 20)) | (s.model == BIG)]
        rows = []
        for (_, run), pred in zip(targets.iterrows(), chain(targets)):
            err_chain = error_law(pred, k, gamma, eps)
            err_true_loss = error_law(run[args.eval], k, gamma, eps)
            rel = lambda got, want: digits(100 * abs(got / want - 1), 6)
            rows.append(dict(run=run["name"], N=int(run.N), M=run.m, loss=run[args.eval],
                             predicted_loss=digits(pred, 10), loss_error_percent=rel(pred, run[args.eval]),
                             error=digits(run.error, 10), predicted_error=digits(err_chain, 10),
                             error_error_percent=rel(err_chain, run.error),
                             predicted_error_from_true_loss=digits(err_true_loss, 10),
                             error_error_percent_from_true_loss=rel(err_true_loss, run.error)))

        rest = s[~s.name.isin(five.name)]
        rel = 100 * np.abs(chain(rest) / rest[args.eval] - 1)
        others = dict(runs=len(rest), mean_percent=digits(rel.mean(), 6), max_percent=digits(rel.max(), 6),
                      worst_run=rest.name.iloc[int(rel.argmax())])
        for low in (10, 20):
            keep = rest.m >= low
            others[f"mean_percent_m_at_least_{low}"] = digits(rel[keep].mean(), 6)
            others[f"max_percent_m_at_least_{low}"] = digits(rel[keep].max(), 6)
            others[f"runs_m_at_least_{low}"] = int(keep.sum())
        flop = 6 * five.N.astype(float) * five.D
        results[train] = dict(loss_law=law, error_law=err_runs, targets=rows, all_other_runs=others,
                              fit_flop=float(flop.sum()),
                              error_fit_flop=float((6 * six.N.astype(float) * six.D).sum()),
                              target_flop=[float(6 * float(v.N) * v.D) for _, v in targets.iterrows()])
    emit({
        "script": "overtraining", "versions": about(),
        "inputs": dict(eval=args.eval, tasks=["acc_" + k for k in TASKS],
                       average="1 - unweighted mean of the 17 accuracies", parametrisation=FACTOR,
                       multiplier="M = 20 * chinchilla_multiplier = D/N, N total parameters"),
        "results": results,
    })


if __name__ == "__main__":
    main()
