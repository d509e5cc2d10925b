"""A ladder on letters of known entropy: is the irreducible loss E found within its interval?

    cargo build --release
    python3 benches/ladder_entropy.py [--seeds 3] [--folder entropy]

The text is a Markov chain (`kleiber data synth bigram`) in long documents, so that their ends weigh nothing.
"""

import argparse
import json
import pathlib
import subprocess

CHAIN = ["--set", "symbols=32", "--set", "length=262144"]


def run(binary, arguments):
    done = subprocess.run([binary, *arguments], capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(arguments)}: {done.stderr}")
    return done.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folder", type=pathlib.Path, default="entropy")
    parser.add_argument("--binary", default="target/release/kleiber")
    options = parser.parse_args()
    options.folder.mkdir(exist_ok=True)
    corpus = options.folder / "letters.jsonl"
    if not corpus.exists():
        run(options.binary, ["data", "synth", "bigram", *CHAIN, "--count", "40", "--out", str(corpus)])
    truth = json.loads(run(options.binary, ["data", "synth", "bigram", *CHAIN, "--list", "--json"]))["tasks"][0]["entropy"]
    print(f"entropy {truth:.4f} nats per letter")
    print("| seed | law | E | inside | predicted | measured | error |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for seed in range(options.seeds):
        out = options.folder / f"ladder-{seed}"
        asked = [] if (out / "design.json").exists() else [
            "--preset", "quick", "--seed", str(seed), "--corpus", str(corpus), "--set", "data.tokenizer=bytes",
            "--set", "model.params=100k", "--set", "train.tokens=2M",
        ]
        found = json.loads(run(options.binary, ["ladder", "--out", str(out), *asked, "--json", "--quiet"]))
        fit = json.loads((out / "law.json").read_text())
        limit = fit["coefficients"].get("E", {"value": float("nan"), "low": float("nan"), "high": float("nan")})
        low, high = (limit["low"] or 0.0), (limit["high"] or float("inf"))
        prediction = found["prediction"]
        print(f"| {seed} | {found['law']['name']} | {limit['value']:.4f} ({low:.4f}-{high:.4f}) | {'yes' if low <= truth <= high else 'no'} "
              f"| {prediction['value']:.4f} ({prediction['low']:.4f}-{prediction['high']:.4f}) | {found['measured']:.4f} | {100 * found['relative_error']:.2f}% |", flush=True)


if __name__ == "__main__":
    main()
