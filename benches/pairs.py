"""Times two commands in turn, A B A B ..., and prints medians, spread and the ratio of each pair.

    python3 benches/pairs.py --runs 5 -- 'COMMAND A' 'COMMAND B'

Each command is one string for the shell; its output is thrown away. Alternating the two keeps a drift of
the machine's speed out of the ratio.
"""

import argparse
import os
import platform
import statistics
import subprocess
import time


def seconds(command):
    start = time.perf_counter()
    done = subprocess.run(command, shell=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if done.returncode not in (0, 2):
        raise SystemExit(f"exit code {done.returncode}: {command}")
    return time.perf_counter() - start


def row(name, values):
    print(f"{name:6} median {statistics.median(values):9.4f}  min {min(values):9.4f}  max {max(values):9.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--warmup", type=int, default=1)
    parser.add_argument("commands", nargs="+", help="one or two commands")
    options = parser.parse_args()
    commands = options.commands[:2]
    for _ in range(options.warmup):
        for command in commands:
            seconds(command)
    times = [[] for _ in commands]
    for _ in range(options.runs):
        for slot, command in zip(times, commands):
            slot.append(seconds(command))
    print(f"{platform.machine()}, {os.cpu_count()} cores, {options.runs} runs after {options.warmup} warm-up; seconds")
    for name, command, values in zip("AB", commands, times):
        print(f"{name}: {command}")
        row(name, values)
    if len(times) == 2:
        row("A/B", [a / b for a, b in zip(*times)])


if __name__ == "__main__":
    main()
