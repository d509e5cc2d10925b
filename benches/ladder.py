"""Ladders of several seeds: how far off predictions are.

    cargo build --release
    python3 benches/ladder.py [--seeds 5] [--preset default] [--folder ladders]

A ladder that is finished is read again, not made again. Prints a table in Markdown.
"""

import argparse
import json
import pathlib
import statistics
import subprocess


def ladder(binary, folder, preset, seed):
    command = [binary, "ladder", "--out", str(folder / f"{preset}-{seed}"), "--cache", str(folder / "cache"), "--json", "--quiet"]
    if not (folder / f"{preset}-{seed}" / "design.json").exists():
        command += ["--preset", preset, "--seed", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--preset", default="default")
    parser.add_argument("--folder", type=pathlib.Path, default="ladders")
    parser.add_argument("--binary", default="target/release/kleiber")
    options = parser.parse_args()
    options.folder.mkdir(exist_ok=True)
    print("| seed | law | predicted | measured | error | of the drop | inside | power law in compute | loss on the way | noise of seeds | minutes |")
    print("|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    errors, drops, inside, ways, powers = [], [], [], [], []
    for seed in range(options.seeds):
        found = ladder(options.binary, options.folder, options.preset, seed)
        prediction, way = found["prediction"], found["trajectory"]["mean_abs_rel_error"]
        power = found["baselines"]["power law in compute"]["relative_error"]
        errors.append(abs(found["relative_error"]))
        drops.append(found["share_of_drop"] or float("nan"))
        inside.append(found["inside_interval"])
        powers.append(abs(power))
        ways.append(way)
        print(f"| {seed} | {found['law']['name']} | {prediction['value']:.4f} ({prediction['low']:.4f}-{prediction['high']:.4f}) | {found['measured']:.4f} "
              f"| {100 * found['relative_error']:.2f}% | {100 * drops[-1]:.0f}% | {'yes' if inside[-1] else 'no'} | {100 * power:.2f}% "
              f"| {100 * way:.2f}% | {found['noise']:.3f} | {found['seconds'] / 60:.1f} |", flush=True)
    print(f"median error {100 * statistics.median(errors):.2f}%, of the drop {100 * statistics.median(drops):.0f}%, inside in {sum(inside)} of {len(inside)}; "
          f"power law in compute {100 * statistics.median(powers):.2f}%; on the way {100 * statistics.median(ways):.2f}%")


if __name__ == "__main__":
    main()
