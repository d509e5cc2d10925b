"""Training speed and peak memory against PyTorch, in turn on the same cores.

    cargo build --release --workspace --examples
    python3 benches/training.py --python venv/bin/python [--runs 5] [--shapes 8]

Needs a Python with torch. Every run is a process of its own; the ratio is that of each pair of runs.
"""

import argparse
import json
import statistics
import subprocess

# Width, layers, heads, context, batch, vocabulary, steps.
SHAPES = [
    (128, 4, 4, 256, 16, 4096, 10),
    (384, 6, 6, 256, 8, 4096, 5),
    (64, 2, 2, 128, 16, 512, 40),
    (96, 3, 3, 64, 32, 2048, 20),
    (192, 6, 6, 512, 4, 4096, 8),
    (256, 4, 4, 256, 8, 8192, 8),
    (320, 5, 5, 128, 8, 1024, 10),
    (128, 8, 4, 1024, 2, 256, 8),
]
OURS = ["target/release/examples/throughput"]


def run(command, shape):
    done = subprocess.run([*command, *map(str, shape)], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--shapes", type=int, default=len(SHAPES))
    parser.add_argument("--python", default="python3")
    options = parser.parse_args()
    theirs = [options.python, "benches/peers/torch_training.py"]
    ratios = []
    print("| width, layers, heads, context, batch, vocabulary | PyTorch, tokens/s | Kleiber, tokens/s | ratio | peak MB |")
    print("|---|---|---|---|---|", flush=True)
    for shape in SHAPES[: options.shapes]:
        pairs = [(run(theirs, shape), run(OURS, shape)) for _ in range(options.runs)]
        speeds = [[side["tokens_per_second"] for side in column] for column in zip(*pairs)]
        ratio = [b / a for a, b in zip(*speeds)]
        ratios.append(statistics.median(ratio))
        cell = lambda v, form: f"{statistics.median(v):{form}} ({min(v):{form}}-{max(v):{form}})"
        peaks = [max(side["peak_mb"] for side in column) for column in zip(*pairs)]
        print(f"| {', '.join(map(str, shape[:-1]))} | {cell(speeds[0], ',.0f')} | {cell(speeds[1], ',.0f')} | {cell(ratio, '.2f')} "
              f"| {peaks[0]} / {peaks[1]} |", flush=True)
    print(f"geometric mean of the ratios: {statistics.geometric_mean(ratios):.2f}; torch {pairs[0][0]['torch']}")


if __name__ == "__main__":
    main()
