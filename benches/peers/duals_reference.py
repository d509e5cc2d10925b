"""Literal reference numbers for unit tests: the value of every law at a few fixed
points and its partial derivative in every coefficient and input, in 60-digit
arithmetic, printed with 17 significant digits. No data is read.
"""
import argparse

import mpmath as mp

from common import about, emit

mp.mp.dps = 60
R = mp.mpf


def m1(B, c, x):
    return B * x ** c


def m2(E, B, c, x):
    return E + B * x ** c


def m3(B, gamma, c, x):
    return B * (1 / x + gamma) ** c


def m4(E, E0, alpha, B, c, x):
    """(y - E)/(E0 - y)^alpha = B x^c, bisected in ln((y-E)/(E0-y)), then Newton."""
    t, w = mp.log(B) + c * mp.log(x), E0 - E
    f = lambda s: mp.log(w / (1 + mp.exp(-s))) - alpha * mp.log(w / (1 + mp.exp(s))) - t
    lo, hi = R(-500), R(500)
    for _ in range(60):
        mid = (lo + hi) / 2
        lo, hi = (mid, hi) if f(mid) < 0 else (lo, mid)
    s = mp.findroot(f, (lo + hi) / 2)
    return E + w / (1 + mp.exp(-s))


def shifted(E, B, g, c, x):
    return E + B * (1 + g * x) ** -c


def bnsl(a, b, c0, *rest):
    *breaks, x = rest
    y = b * x ** -c0
    for c, d, f in zip(breaks[0::3], breaks[1::3], breaks[2::3]):
        y *= (1 + (x / d) ** (1 / f)) ** (-c * f)
    return a + y


def kaplan_joint(Nc, Dc, alpha_N, alpha_D, N, D):
    return ((Nc / N) ** (alpha_N / alpha_D) + Dc / D) ** alpha_D


def chinchilla(E, A, B, alpha, beta, N, D):
    return E + A * N ** -alpha + B * D ** -beta


def data_constrained(E, A, B, alpha, rd_star, rn_star, N, D, U):
    g = (A / B) ** (1 / (2 * alpha))
    un = min(N, g * g * U)
    rn, rd = N / un - 1, D / U - 1
    n = un * (1 + rn_star * (1 - mp.exp(-rn / rn_star)))
    d = U * (1 + rd_star * (1 - mp.exp(-rd / rd_star)))
    return E + A * n ** -alpha + B * d ** -alpha


def overtrain(E, a, b, eta, C, M):
    return E + (a * M ** eta + b * M ** -eta) * C ** -eta


def error_law(eps, k, gamma, loss):
    return eps - k * mp.exp(-gamma * loss)


def huber_term(a, b, e, alpha, beta, N, D, loss):
    """One run's term of the Hoffmann objective at delta = 1e-3."""
    r = mp.log(mp.exp(a - alpha * mp.log(N)) + mp.exp(b - beta * mp.log(D)) + mp.exp(e)) - mp.log(loss)
    dl = R("1e-3")
    return r * r / 2 if abs(r) <= dl else dl * (abs(r) - dl / 2)


def plan(E, A, B, alpha, beta, C):
    """Compute-optimal N, D and loss under C = 6 N D."""
    g = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    a = beta / (alpha + beta)
    n, d = g * (C / 6) ** a, (C / 6) ** (1 - a) / g
    k = A * g ** -alpha + B * g ** beta
    return dict(G=g, a=a, b=1 - a, N=n, D=d, D_over_N=d / n, loss=E + k * (C / 6) ** (-alpha * beta / (alpha + beta)))


HOFFMANN = dict(E="1.69337368", A="406.401018", B="410.722827", alpha="0.33917084", beta="0.2849083")
ROUNDED = dict(E="1.69", A="406.4", B="410.7", alpha="0.34", beta="0.28")
EPOCH = dict(E="1.81724", A="477.84", B="2143.9", alpha="0.34731", beta="0.36718")
CASES = [
    ("m1", m1, dict(B="6.9", c="-0.163"), [dict(x="1e6"), dict(x="3.2e7")]),
    ("m2", m2, dict(E="0.297", B="306", c="-0.47"), [dict(x="1e6"), dict(x="5.12e8")]),
    ("m3", m3, dict(B="30.9", gamma="4.6e-8", c="0.2686"), [dict(x="1e6"), dict(x="5.12e8")]),
    ("m4", m4, dict(E="0.297", E0="1.94", alpha="6.3", B="8e4", c="-0.955"), [dict(x="1e6"), dict(x="2.56e8")]),
    ("m4_alpha_below_one", m4, dict(E="0.3", E0="2", alpha="0.5", B="100", c="-0.4"), [dict(x="10"), dict(x="1e6")]),
    ("shifted", shifted, dict(E="0.3", B="1.2", g="1e-6", c="0.5"), [dict(x="0"), dict(x="1e6"), dict(x="1e9")]),
    ("bnsl_1", bnsl, dict(a="0.1", b="2", c0="0.1", c1="0.4", d1="1e4", f1="0.3"),
     [dict(x="100"), dict(x="1e4"), dict(x="1e7")]),
    ("bnsl_2", bnsl, dict(a="0.05", b="3", c0="0.05", c1="0.5", d1="1e3", f1="0.2", c2="-0.3", d2="1e6", f2="0.5"),
     [dict(x="10"), dict(x="5e4"), dict(x="1e8")]),
    ("kaplan_joint", kaplan_joint, dict(Nc="6.4e13", Dc="1.8e13", alpha_N="0.076", alpha_D="0.103"),
     [dict(N="1e8", D="2e9"), dict(N="1.5e9", D="2.2e10"), dict(N="1.75e11", D="3e11")]),
    ("chinchilla_hoffmann", chinchilla, HOFFMANN, [dict(N="1e8", D="2e9"), dict(N="7e10", D="1.4e12")]),
    ("chinchilla_hoffmann_rounded", chinchilla, ROUNDED,
     [dict(N="1e8", D="2e9"), dict(N="7e10", D="1.4e12")]),
    ("chinchilla_epoch", chinchilla, EPOCH, [dict(N="1e8", D="2e9"), dict(N="7e10", D="1.4e12")]),
    ("data_constrained", data_constrained,
     dict(E="1.869", A="520.8", B="1487.7", alpha="0.3527", rd_star="15.39", rn_star="5.31"),
     [dict(N="1e8", D="4e9", U="4e9"), dict(N="2.8e9", D="4e10", U="4e9"), dict(N="8.7e9", D="1.78e11", U="1.3e10"),
      dict(N="8.7e9", D="1.78e11", U="1e8")]),
    ("overtrain", overtrain, dict(E="1.837", a="212.2", b="366.7", eta="0.1364"),
     [dict(C="1e18", M="20"), dict(C="8e21", M="640")]),
    ("error_law", error_law, dict(eps="0.857", k="2.206", gamma="0.7146"), [dict(loss="2.5"), dict(loss="4")]),
    ("huber_term", huber_term, dict(a="6", b="6", e="0.5", alpha="0.34", beta="0.28"),
     [dict(N="1e9", D="2e10", loss="2.5"), dict(N="1e9", D="2e10", loss="2.527"), dict(N="1e9", D="2e10", loss="2.54")]),
    ("step_law_lr", lambda k, p, q, N, D: k * N ** p * D ** q, dict(k="1.79", p="-0.713", q="0.307"), [dict(N="1e9", D="1e11")]),
    ("step_law_batch_tokens", lambda k, q, D: k * D ** q, dict(k="0.58", q="0.571"), [dict(D="1e11")]),
    ("deepseek_lr", lambda k, p, C: k * C ** p, dict(k="0.3118", p="-0.125"), [dict(C="1e21")]),
    ("deepseek_batch", lambda k, p, C: k * C ** p, dict(k="0.2920", p="0.3271"), [dict(C="1e21")]),
    ("minicpm_batch", lambda k, p, loss: k * loss ** -p, dict(k="1.21e9", p="6.24"), [dict(loss="2.5")]),
]


def s17(v):
    return mp.nstr(v, 17) if abs(v) > R("1e-40") else "0.0"   # below: difference noise


def evaluate(f, params, inputs):
    names = list(params) + list(inputs)
    at = [R(v) for v in list(params.values()) + list(inputs.values())]
    partial = {}
    for i, name in enumerate(names):
        h = max(abs(at[i]), R(1)) * R("1e-18") if at[i] == 0 else abs(at[i]) * R("1e-14")
        move = lambda k: f(*(v + k * h if j == i else v for j, v in enumerate(at)))
        if at[i] == 0 and name == "x":      # one-sided domain: third-order forward difference
            g = (-11 * move(0) + 18 * move(1) - 9 * move(2) + 2 * move(3)) / (6 * h)
        else:                               # fourth-order central difference, error ~ 1e-56
            g = (move(-2) - 8 * move(-1) + 8 * move(1) - move(2)) / (12 * h)
        partial[name] = s17(g)
    return dict(inputs=inputs, value=s17(f(*at)), partials=partial)


def main():
    argparse.ArgumentParser(description=__doc__).parse_args()
    doc = {}
    for name, f, params, points in CASES:
        doc[name] = dict(coefficients=params, points=[evaluate(f, params, p) for p in points])
    plans = {}
    for name, c in (("hoffmann", HOFFMANN), ("hoffmann_rounded", ROUNDED), ("epoch", EPOCH),
                    ("epoch_refit", dict(E="1.8172", A="482.01", B="2085.43", alpha="0.3478", beta="0.3658"))):
        for C in ("1e21", "5.76e23"):
            p = plan(*(R(v) for v in c.values()), R(C))
            direct = chinchilla(*(R(v) for v in c.values()), p["N"], p["D"])
            plans[f"{name}_{C}"] = dict({k: s17(v) for k, v in p.items()}, loss_at_N_D=s17(direct))
    emit({"script": "duals_reference", "versions": dict(about(), mpmath=mp.__version__),
          "inputs": dict(digits=60, difference="fourth-order central, relative step 1e-14"),
          "results": dict(laws=doc, compute_optimal=plans)})


if __name__ == "__main__":
    main()
