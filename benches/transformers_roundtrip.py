"""Logits that transformers computes from folders written by Kleiber, against the logits that Kleiber prints.

    cargo build --release --workspace --examples
    python benches/transformers_roundtrip.py [FOLDER ...]

Run by a Python with torch and transformers. Without folders four random models are written to a scratch folder and compared; a
FOLDER is a step of a training run or any other folder that Kleiber wrote.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import torch
import transformers
from transformers import AutoModelForCausalLM

OURS = "target/release/examples/logits"


def compare(name, folder, kind=()):
    done = subprocess.run([OURS, str(folder), *kind], check=True, capture_output=True, text=True)
    ours = json.loads(done.stdout)
    model, report = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    wrong = {key: names for key, names in report.items() if names}
    if wrong:
        sys.exit(f"{folder}: transformers reports {wrong}")
    with torch.no_grad():
        theirs = model.eval()(torch.tensor([ours["tokens"]])).logits[0].double()
        exact = model.double()(torch.tensor([ours["tokens"]])).logits[0]
    mine = torch.tensor(ours["logits"], dtype=torch.float64)
    cell = lambda a, b: f"{(a - b).abs().max():.1e}"
    print(f"| {name} | {ours['model_type']} | {len(ours['tokens'])} x {mine.shape[1]} | {exact.abs().max():.1f} "
          f"| {cell(mine, theirs)} | {cell(mine, exact)} | {cell(theirs, exact)} |")


def main():
    print(f"transformers {transformers.__version__}, torch {torch.__version__}\n")
    print("| model | model_type | logits | largest | Kleiber - transformers | Kleiber - f64 | transformers - f64 |")
    print("|---|---|---|---|---|---|---|")
    for folder in sys.argv[1:]:
        compare(pathlib.Path(folder).name, folder)
    if len(sys.argv) == 1:
        with tempfile.TemporaryDirectory() as scratch:
            for kind in ("gpt2", "gpt_neox", "llama", "llama-grouped"):
                folder = pathlib.Path(scratch) / kind
                folder.mkdir()
                compare(kind, folder, [kind])


if __name__ == "__main__":
    main()
