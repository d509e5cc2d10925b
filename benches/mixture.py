"""Kleiber against LightGBM and NumPy: boosted trees on 512 runs of 17 domains, then the best of a million mixtures.

    KLEIBER_DATA=... python3 benches/mixture.py [--runs 5] [--python venv/bin/python]

Needs `cargo build --release -p kleiber-laws --example mixture` and a Python with lightgbm, numpy and scipy. Both sides read the
same files, fit one target with 300 trees of rate 0.01 (31 leaves, 20 rows per leaf), draw a million mixtures from the Dirichlet
distribution around the mean run, predict them and average the best 100; all on the same cores, one side after the other. Only fitting
and searching are timed, from inside each program: starting, importing and reading count against neither.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time

TREES, CANDIDATES, KEEP = 300, 1_000_000, 100
EXAMPLE = os.path.join(os.environ.get("CARGO_TARGET_DIR", "target"), "release", "examples", "mixture")


def files(kind, size):
    folder = os.path.join(os.environ["KLEIBER_DATA"], "regmix")
    return [os.path.join(folder, f"{kind}_{what}_{size}.csv") for what in ("mixture", "pile_loss")]


def peer(cores):
    """Runs in the Python with the packages: prints seconds and results as JSON."""
    import lightgbm
    import numpy
    from scipy.stats import spearmanr

    def read(kind, size):
        mixtures, losses = (numpy.genfromtxt(path, delimiter=",", names=True) for path in files(kind, size))
        table = lambda t: numpy.array([[row[name] for name in t.dtype.names[1:]] for row in t])
        column = next(i for i, name in enumerate(losses.dtype.names[1:]) if "pile_cc" in name)
        return table(mixtures), table(losses)[:, column]

    x, y = read("train", "1m")
    settings = {"objective": "regression", "learning_rate": 0.01, "num_leaves": 31, "num_threads": cores, "verbose": -1, "seed": 0}
    start = time.perf_counter()
    model = lightgbm.train(settings, lightgbm.Dataset(x, y), TREES)
    fit = time.perf_counter() - start
    start = time.perf_counter()
    candidates = numpy.random.default_rng(0).dirichlet(x.mean(axis=0) / x.mean(axis=0).sum(), CANDIDATES)
    drawn = time.perf_counter() - start
    predicted = model.predict(candidates, num_threads=cores)
    best = candidates[numpy.argpartition(predicted, KEEP)[:KEEP]].mean(axis=0)
    search = time.perf_counter() - start
    unseen, measured = read("test", "1m")
    rho = float(spearmanr(model.predict(unseen), measured)[0])
    versions = {"lightgbm": lightgbm.__version__, "numpy": numpy.__version__, "python": platform.python_version()}
    shares = {"pile_cc": float(best[11]), "ubuntu_irc": float(best[12])}
    print(json.dumps({"fit_s": fit, "draw_s": drawn, "search_s": search, "rho": rho, "shares": shares, "versions": versions}))


def result(command):
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def show(name, values):
    print(f"  {name:26} median {statistics.median(values):8.3f}  min {min(values):8.3f}  max {max(values):8.3f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--peer", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        return peer(options.peer)
    cores = len(os.sched_getaffinity(0))
    theirs, ours = [], []
    for _ in range(options.runs):
        theirs.append(result([options.python, __file__, "--peer", str(cores)]))
        ours.append(result([EXAMPLE, *files("train", "1m"), "pile_cc", str(TREES), str(CANDIDATES)]))
    print(f"{platform.machine()}, {cores} cores; {theirs[0]['versions']}")
    total = lambda r: r["fit_s"] + r["search_s"]
    for name, side in (("LightGBM + NumPy", theirs), ("Kleiber", ours)):
        print(name)
        show("fit, s", [r["fit_s"] for r in side])
        show("search, s", [r["search_s"] for r in side])
        show("fit and search, s", [total(r) for r in side])
        shares = side[0]["shares"]
        print(f"  best mixture               pile_cc {shares['pile_cc']:.3f}, ubuntu_irc {shares['ubuntu_irc']:.3f}")
    show("ratio", [total(a) / total(b) for a, b in zip(theirs, ours)])


if __name__ == "__main__":
    main()
