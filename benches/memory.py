"""Estimated against measured peak memory of training runs, shape by shape.

    cargo build --release
    python3 benches/memory.py

Each shape trains for four steps on a little text in a process of its own; `measured` is the peak that the system reports for it.
"""

import json
import pathlib
import subprocess
import tempfile

KLEIBER = pathlib.Path("target/release/kleiber").resolve()
# Layers, width, tokens of a step, feed-forward layer, context.
SHAPES = [
    (1, 32, 256, "gelu", 32),
    (2, 128, 4096, "gelu", 256),
    (4, 128, 4096, "gelu", 256),
    (8, 128, 4096, "gelu", 256),
    (4, 256, 2048, "swiglu", 256),
    (6, 384, 2048, "gelu", 256),
    (2, 64, 16384, "gelu", 128),
    (4, 128, 4096, "gelu", 1024),
    (2, 512, 512, "gelu", 256),
]


def main():
    print("| layers | width | tokens of a step | mlp | context | parameters | estimated MiB | measured MiB | ratio |\n|" + "---|" * 9)
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        (folder / "texts").mkdir()
        for number in range(12):
            lines = (f"{i} times {number} is {i * number}\n" for i in range(400))
            (folder / "texts" / f"{number}.txt").write_text("".join(lines))
        for layers, width, tokens, mlp, context in SHAPES:
            keys = ["data.tokenizer=bytes", f"model.layers={layers}", f"model.width={width}", f"model.context={context}",
                    f"train.batch_tokens={tokens}", f"model.mlp={mlp}", "evaluate.tokens=2048"]
            command = [KLEIBER, "train", "--source", "texts", "--quiet", "--json", "--force", "--name", "shape", "--tokens", str(4 * tokens)]
            command += [part for key in keys for part in ("--set", key)]
            done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
            run = json.loads(done.stdout)
            estimated, measured = run["memory_total"] / 2**20, run["peak_memory"] / 2**20
            print(f"| {layers} | {width} | {tokens} | {mlp} | {context} | {run['counts']['params_total']} "
                  f"| {estimated:.0f} | {measured:.0f} | {estimated / measured:.2f} |", flush=True)


if __name__ == "__main__":
    main()
