"""The figures of BENCHMARKS.md: Kleiber against SciPy doing the same fit on the same cores, in turn.

    KLEIBER_DATA=... python3 benches/fits.py [--runs 3] [--python venv/bin/python]

Needs a release build and a Python with numpy, scipy, pandas and mpmath. SciPy is timed from inside its
script, so that starting Python, importing and polishing do not count against it; Kleiber is timed as a
whole process, with starting, reading and printing. Each pair runs one after the other, and the ratio is
that of each pair.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import time

KLEIBER = "target/release/kleiber"
PEERS = "benches/peers"


def peer(python, script, *arguments):
    """Seconds that the fit itself took inside the peer's script."""
    environment = dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    done = subprocess.run([python, f"{PEERS}/{script}", *arguments], check=True, capture_output=True, env=environment)
    results = json.loads(done.stdout)["results"]
    for key in ("grid", "all_points"):
        results = results.get(key, results)
    return results["seconds"]


def kleiber(*arguments):
    """Seconds of the whole process."""
    start = time.perf_counter()
    subprocess.run([KLEIBER, *arguments], check=True, capture_output=True)
    return time.perf_counter() - start


def show(name, values):
    print(f"  {name:28} median {statistics.median(values):9.4f}  min {min(values):9.4f}  max {max(values):9.4f}", flush=True)


def pair(title, runs, theirs, ours):
    print(title)
    times = [(theirs(), ours()) for _ in range(runs)]
    show("SciPy, s", [a for a, _ in times])
    show("Kleiber, s", [b for _, b in times])
    show("ratio", [a / b for a, b in times])


def alone(title, runs, ours):
    print(title)
    show("Kleiber, s", [ours() for _ in range(runs)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--python", default="python3")
    options = parser.parse_args()
    runs, python = options.runs, options.python
    table = os.path.join(os.environ["KLEIBER_DATA"], "chinchilla-points", "df.csv")
    million = "target/million.csv"
    if not os.path.exists(million):
        subprocess.run(
            ["cargo", "run", "--release", "-p", "kleiber-laws", "--example", "sample_table", "--", million, "1000000"], check=True
        )
    print(f"{platform.machine()}, {os.cpu_count()} cores; SciPy {subprocess.run([python, '-c', 'import scipy; print(scipy.__version__)'], capture_output=True, text=True).stdout.strip()}")
    fit = ("fit", table, "--law", "chinchilla", "--json")
    cores = str(os.cpu_count())
    kleiber(*fit)
    pair(f"4,500-start grid, 234 rows; SciPy on {cores} processes", runs,
         lambda: peer(python, "chinchilla_grid.py", "--jobs", cores), lambda: kleiber(*fit, "--method", "grid", "--bootstrap", "0"))
    pair("4,500-start grid, 234 rows; SciPy in one process, Kleiber on one thread", runs,
         lambda: peer(python, "chinchilla_grid.py"),
         lambda: kleiber(*fit, "--method", "grid", "--bootstrap", "0", "--threads", "1"))
    pair("4,000 warm bootstraps; SciPy in one process, Kleiber on one thread", runs,
         lambda: peer(python, "chinchilla_bootstrap.py", "-B", "4000"), lambda: kleiber(*fit, "--bootstrap", "4000", "--threads", "1"))
    pair("variable projection, squares", max(runs, 7),
         lambda: peer(python, "chinchilla_varpro.py"), lambda: kleiber(*fit, "--objective", "mse", "--bootstrap", "0"))
    alone("4,000 warm bootstraps, all threads", max(runs, 7), lambda: kleiber(*fit, "--bootstrap", "4000"))
    alone("variable projection, log-Huber", 15, lambda: kleiber(*fit, "--bootstrap", "0"))
    alone("kleiber fit --help", 15, lambda: kleiber("fit", "--help"))
    alone("1,000,000 rows, CSV, intervals", runs, lambda: kleiber("fit", million, "--json"))


if __name__ == "__main__":
    main()
