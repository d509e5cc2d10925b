"""Loss at equal tokens: the same model trained by Kleiber and by PyTorch on the default corpus.

    cargo build --release
    python benches/learning.py [--params 100k] [--tokens 1M] [--seeds 2]

Run by a Python with torch, transformers and numpy. The model is GPT-2's (learned positions, layer norm, biases, tied head), made by each side
by its own rules from its own random numbers; both read the same token store in an order of their own and are evaluated on the same
held-out tokens. The two differ by what seeds differ by, or one of them is wrong.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile

import numpy as np
import torch
import transformers

OURS = "target/release/kleiber"
HEADER = 128


def tokens_of(path):
    head = path.read_bytes()[:HEADER]
    number = lambda at, size: int.from_bytes(head[at:at + size], "little")
    width, documents, count = number(12, 4), number(24, 8), number(32, 8)
    kind = np.uint16 if width == 2 else np.uint32
    return np.memmap(path, dtype=kind, mode="r", offset=HEADER + 8 * (documents + 1), shape=(count,))


def ours(arguments, seed, runs):
    keys = ["model.positions=learned", "model.norm=layer", "model.bias=true", "model.tied=true", f"evaluate.tokens={arguments.held_out}"]
    command = [OURS, "train", "--json", "--quiet", "--runs", str(runs), "--name", f"seed-{seed}", "--seed", str(seed)]
    command += ["--params", arguments.params, "--tokens", arguments.tokens]
    command += [part for key in keys for part in ("--set", key)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def rate(train, seen, total):
    if seen < train["warmup"]:
        return train["lr"] * seen / train["warmup"]
    start = total * (1 - train["decay_share"])
    return train["lr"] * (1 if seen <= start else 1 - (seen - start) / (total - start))


def theirs(document, seed, store):
    decoder, train, total = document["decoder"], document["config"]["train"], document["tokens"]
    context, batch = decoder["context"], train["batch_tokens"] // decoder["context"]
    torch.manual_seed(seed)
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(
        vocab_size=decoder["vocab"], n_positions=context, n_embd=decoder["width"], n_layer=decoder["layers"],
        n_head=decoder["heads"], resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, attn_implementation="sdpa"))
    decayed = [p for p in model.parameters() if p.dim() == 2]
    free = [p for p in model.parameters() if p.dim() != 2]
    groups = [{"params": decayed, "weight_decay": train["weight_decay"]}, {"params": free, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=train["lr"], betas=(train["beta1"], train["beta2"]), eps=train["epsilon"], fused=True)
    tokens = tokens_of(store / "train.tokens")
    order = np.random.default_rng(seed).permutation(len(tokens) // context)

    def rows(of, indices):
        cut = np.stack([of[i * context:i * context + context + 1].astype(np.int64) for i in indices])
        return torch.from_numpy(cut[:, :-1].copy()), torch.from_numpy(cut[:, 1:].copy())

    def loss(inputs, targets):
        logits = model(inputs).logits
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())

    for step in range(document["steps"]):
        for group in optimizer.param_groups:
            group["lr"] = rate(train, (step + 0.5) * batch * context, total)
        value = loss(*rows(tokens, order[step * batch:(step + 1) * batch]))
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), train["clip"])
        optimizer.step()
    held_out = tokens_of(store / "validation.tokens")
    count = document["result"]["evaluation"]["tokens"] // context
    with torch.no_grad():
        losses = [loss(*rows(held_out, range(i, min(i + 16, count)))).item() * min(16, count - i) for i in range(0, count, 16)]
    return sum(losses) / count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--params", default="100k")
    parser.add_argument("--tokens", default="1M")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--held-out", type=int, default=1 << 17)
    arguments = parser.parse_args()
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as scratch:
        runs = pathlib.Path(scratch)
        pairs = []
        for seed in range(arguments.seeds):
            document = ours(arguments, seed, runs)
            store = next(path.parent for path in (runs / "data").rglob("train.tokens"))
            pairs.append((document["result"]["evaluation"]["loss"], theirs(document, seed, store)))
            print(f"seed {seed}: Kleiber {pairs[-1][0]:.4f}, PyTorch {pairs[-1][1]:.4f}", flush=True)
    a, b = (statistics.mean(column) for column in zip(*pairs))
    counts = document["counts"]
    print(f"{counts['params']} parameters, {document['tokens']} tokens, torch {torch.__version__}, transformers {transformers.__version__}")
    print(f"means {a:.4f} and {b:.4f} nats per token: {100 * (a / b - 1):+.2f}%")


if __name__ == "__main__":
    main()
