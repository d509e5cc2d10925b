"""Training speed of a small decoder in PyTorch, f32: WIDTH LAYERS HEADS CONTEXT BATCH VOCAB STEPS; prints one JSON line.

The model is that of `crates/models/examples/throughput.rs`: learned positions, RMS norms before attention and feed-forward
layers, GELU in its tanh form, no biases, an untied head; attention by scaled_dot_product_attention, fused AdamW.
"""

import json
import resource
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.RMSNorm(width, eps=1e-5) for _ in range(2))
        self.packed = nn.Linear(width, 3 * width, bias=False)
        self.output = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)

    def forward(self, x):
        batch, context, width = x.shape
        packed = self.packed(self.norms[0](x)).view(batch, context, 3, self.heads, width // self.heads)
        q, k, v = packed.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(x.shape)
        x = x + self.output(mixed)
        return x + self.down(F.gelu(self.up(self.norms[1](x)), approximate="tanh"))


class Decoder(nn.Module):
    def __init__(self, width, layers, heads, context, vocab):
        super().__init__()
        self.embedding = nn.Embedding(vocab, width)
        self.positions = nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.RMSNorm(width, eps=1e-5)
        self.head = nn.Linear(width, vocab, bias=False)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, tokens):
        x = self.embedding(tokens) + self.positions.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def main():
    width, layers, heads, context, batch, vocab, steps = map(int, sys.argv[1:8])
    torch.set_num_threads(2)
    torch.manual_seed(0)
    model = Decoder(width, layers, heads, context, vocab)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    seconds, losses, warm = [], [], 3
    for step in range(steps + warm):
        stream = [torch.randint(0, vocab, (batch, 1))]
        for _ in range(context):
            stream.append((stream[-1] * 3 + 7) % vocab)
        stream = torch.cat(stream, 1)
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(stream[:, :-1]).view(-1, vocab), stream[:, 1:].reshape(-1))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if step >= warm:
            seconds.append(time.perf_counter() - start)
    median = statistics.median(seconds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"tokens_per_second": round(batch * context / median), "median": median, "loss": [losses[0], losses[-1]],
                      "peak_mb": round(peak), "torch": torch.__version__}))


if __name__ == "__main__":
    main()
