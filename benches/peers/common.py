"""Shared pieces of the reference scripts: data folder, run metadata, and the
log-Huber objective of the additive law L(N,D) = E + A N^-alpha + B D^-beta.

Parameters are packed as theta = (a, b, e, alpha, beta) with a = ln A,
b = ln B, e = ln E everywhere.
"""
import datetime
import json
import os
import platform
import sys
import time

import numpy as np
import pandas as pd
import scipy

HOFFMANN = dict(E=1.69337368, A=406.401018, B=410.722827, alpha=0.33917084, beta=0.2849083)
EPOCH_GRID = dict(E=1.81724, A=477.84, B=2143.9, alpha=0.34731, beta=0.36718)


def data_path(*parts):
    root = os.environ.get("KLEIBER_DATA")
    if not root:
        sys.exit("set KLEIBER_DATA to the folder that holds the data sets")
    return os.path.join(root, *parts)


def about():
    """Versions and machine size; nothing that identifies the machine."""
    cpu = ""
    try:
        with open("/proc/cpuinfo") as f:
            cpu = next(l.split(":", 1)[1].strip() for l in f if l.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "pandas": pd.__version__,
        "cpu_count": os.cpu_count(),
        "cpu_model": cpu,
        "threads": {k: os.environ.get(k) for k in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")},
        "date": datetime.date.today().isoformat(),
    }


def emit(doc):
    """The one JSON document of a script."""
    def plain(x):
        if isinstance(x, (np.floating, np.integer, np.bool_)):
            return x.item()
        if isinstance(x, np.ndarray):
            return x.tolist()
        raise TypeError(type(x))

    def finite(x):  # JSON has no NaN or infinity
        if isinstance(x, dict):
            return {k: finite(v) for k, v in x.items()}
        if isinstance(x, (list, tuple)):
            return [finite(v) for v in x]
        if isinstance(x, np.ndarray):
            return finite(x.tolist())
        if isinstance(x, (float, np.floating)) and not np.isfinite(x):
            return None
        return x

    json.dump(finite(doc), sys.stdout, indent=1, default=plain, allow_nan=False)
    print()


class Clock:
    """Wall and CPU seconds of a with-block (the machine may be shared)."""
    def __enter__(self):
        self.w, self.c = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_):
        self.wall = time.perf_counter() - self.w
        self.cpu = time.process_time() - self.c


def load_runs(path, max_c=None):
    t = pd.read_csv(path).astype(float)
    if max_c:
        t = t[t.C < max_c]
    return t.N.to_numpy(), t.D.to_numpy(), t.loss.to_numpy()


def digits(x, n=15):
    """Round to n significant digits, as a number."""
    return float(f"{x:.{n - 1}e}")


# ---- log-Huber objective ----------------------------------------------------

def softmax3(theta, ln_n, ln_d):
    a, b, e, al, be = theta
    z0, z1 = a - al * ln_n, b - be * ln_d
    m = np.maximum(np.maximum(z0, z1), e)
    w0, w1, w2 = np.exp(z0 - m), np.exp(z1 - m), np.exp(e - m)
    s = w0 + w1 + w2
    return m + np.log(s), w0 / s, w1 / s, w2 / s


def objective(theta, ln_n, ln_d, ln_l, delta=1e-3, weight=1.0):
    """Sum over runs of weight * Huber_delta(LSE - ln L), and its gradient."""
    lse, p0, p1, p2 = softmax3(theta, ln_n, ln_d)
    r = lse - ln_l
    slope = np.clip(r, -delta, delta)
    value = np.sum(weight * slope * (r - 0.5 * slope))  # r^2/2 inside, delta(|r|-delta/2) outside
    s = weight * slope
    g0, g1 = s * p0, s * p1
    grad = np.array([g0.sum(), g1.sum(), (s * p2).sum(), -(g0 @ ln_n), -(g1 @ ln_d)])
    return value, grad


def hessian(theta, ln_n, ln_d, ln_l, delta=1e-3, weight=1.0):
    lse, *p = softmax3(theta, ln_n, ln_d)
    r = lse - ln_l
    p = np.array(p)                                     # 3 x n
    n = len(r)
    z = np.zeros((3, 5, n))                             # d(exponent k)/d(theta)
    z[0, 0] = z[1, 1] = z[2, 2] = 1.0
    z[0, 3], z[1, 4] = -ln_n, -ln_d
    j = np.einsum("kn,kpn->pn", p, z)
    curv = np.einsum("kn,kpn,kqn->pqn", p, z, z) - j[:, None] * j[None]
    inside = (np.abs(r) <= delta) * weight
    return (j * inside) @ j.T + curv @ (np.clip(r, -delta, delta) * weight)


def newton(theta, ln_n, ln_d, ln_l, delta=1e-3, weight=1.0, steps=200):
    """Damped Newton on centred logs; used only to finish an already good point."""
    cn, cd = ln_n.mean(), ln_d.mean()
    x, y = ln_n - cn, ln_d - cd
    t = np.array(theta, float)
    t[0] -= t[3] * cn
    t[1] -= t[4] * cd
    f, g = objective(t, x, y, ln_l, delta, weight)
    lam = 1e-6
    for _ in range(steps):
        h = hessian(t, x, y, ln_l, delta, weight)
        scale = np.trace(np.abs(h)) / 5
        improved = False
        while lam < 1e8:
            try:
                step = np.linalg.solve(h + lam * scale * np.eye(5), -g)
            except np.linalg.LinAlgError:
                lam *= 10
                continue
            f2, g2 = objective(t + step, x, y, ln_l, delta, weight)
            flat = f2 <= f * (1 + 1e-13) and np.abs(g2).max() < np.abs(g).max()
            if f2 < f * (1 - 1e-13) or flat:
                t, f, g, lam, improved = t + step, f2, g2, max(lam / 10, 1e-15), True
                break
            lam *= 10
        if not improved:
            break
    t[0] += t[3] * cn
    t[1] += t[4] * cd
    return t, f, np.abs(g).max()


def exact(theta, ln_n, ln_d, ln_l, delta=1e-3, digits_=50, steps=12):
    """Newton in 50-digit arithmetic from a point next to a minimum.

    Returns the coefficients as 17-digit strings, the objective, the largest
    gradient entry, and how close any residual is to the Huber corner (the step
    is only valid while no residual changes side, which is checked).
    """
    import mpmath as mp
    mp.mp.dps = digits_
    x, y, l = ([mp.mpf(float(v)) for v in c] for c in (ln_n, ln_d, ln_l))
    t = mp.matrix([mp.mpf(float(v)) for v in theta])
    dl = mp.mpf(repr(delta))

    def pieces(t):
        f, g, h = mp.mpf(0), mp.matrix(5, 1), mp.matrix(5, 5)
        sides, corner = [], mp.inf
        for u, v, w in zip(x, y, l):
            zs = (((0, mp.mpf(1)), (3, -u)), ((1, mp.mpf(1)), (4, -v)), ((2, mp.mpf(1)),))
            ex = [mp.exp(sum(c * t[i] for i, c in z)) for z in zs]
            tot = sum(ex)
            p = [q / tot for q in ex]
            r = mp.log(tot) - w
            side = 0 if abs(r) <= dl else (1 if r > 0 else -1)
            sides.append(side)
            corner = min(corner, abs(abs(r) - dl))
            s = r if side == 0 else side * dl
            f += s * (r - s / 2)
            j = [mp.mpf(0)] * 5
            for q, z in zip(p, zs):
                for i, c in z:
                    j[i] += q * c
            for i in range(5):
                g[i] += s * j[i]
                for k in range(5):
                    h[i, k] += (j[i] * j[k] if side == 0 else 0) - s * j[i] * j[k]
            for q, z in zip(p, zs):
                for i, c in z:
                    for k, c2 in z:
                        h[i, k] += s * q * c * c2
        return f, g, h, sides, corner

    start = None
    for _ in range(steps):
        f, g, h, sides, corner = pieces(t)
        start = start or sides
        gmax = max(abs(v) for v in g)
        if gmax < mp.mpf(10) ** (-digits_ + 12):
            break
        t = t - mp.lu_solve(h, g)
    eig = mp.eigsy(h, eigvals_only=True)
    a, b, e, al, be = t
    s17 = lambda v: mp.nstr(v, 17)
    return {"E": s17(mp.exp(e)), "A": s17(mp.exp(a)), "B": s17(mp.exp(b)), "alpha": s17(al),
            "beta": s17(be), "a_exponent": s17(be / (al + be)), "sum_objective": s17(f),
            "max_abs_gradient": mp.nstr(gmax, 3), "smallest_hessian_eigenvalue": mp.nstr(eig[0], 5),
            "hessian_condition_number": mp.nstr(eig[4] / eig[0], 5),
            "residuals_kept_their_side": sides == start, "nearest_to_corner": mp.nstr(corner, 3),
            "residuals_inside": sides.count(0)}


def pack(c):
    return np.array([np.log(c["A"]), np.log(c["B"]), np.log(c["E"]), c["alpha"], c["beta"]])


def unpack(theta, n=12):
    a, b, e, al, be = theta
    return {"E": digits(np.exp(e), n), "A": digits(np.exp(a), n), "B": digits(np.exp(b), n),
            "alpha": digits(al, n), "beta": digits(be, n), "a_exponent": digits(be / (al + be), n)}
