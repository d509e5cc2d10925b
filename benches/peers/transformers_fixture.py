"""Tiny random GPT-2, GPT-NeoX and Llama models saved by transformers, with their logits, for the tests of kleiber-models.

    python benches/peers/transformers_fixture.py crates/models/tests/fixtures

Needs torch and transformers. Every parameter is random (also biases, and gains around 1), large enough that logits differ from
zero. Each folder holds what save_pretrained writes, and logits.json: versions, tokens, logits after each token in f32.
"""

import json
import pathlib
import shutil
import sys

import torch
import transformers
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel, GPTNeoXConfig, GPTNeoXForCausalLM, LlamaConfig, LlamaForCausalLM

VOCAB, CONTEXT, WIDTH, LAYERS, HEADS = 53, 24, 32, 2, 4


def models():
    yield "gpt2", GPT2LMHeadModel(GPT2Config(vocab_size=VOCAB, n_positions=CONTEXT, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS,
                                             eos_token_id=7, bos_token_id=7)), {}
    yield "gpt_neox", GPTNeoXForCausalLM(GPTNeoXConfig(
        vocab_size=VOCAB, max_position_embeddings=CONTEXT, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        intermediate_size=48, hidden_act="gelu_new", use_parallel_residual=False, eos_token_id=7,
        rope_parameters={"rope_type": "default", "rope_theta": 5000.0, "partial_rotary_factor": 0.5})), {}
    yield "llama", LlamaForCausalLM(LlamaConfig(
        vocab_size=VOCAB, max_position_embeddings=CONTEXT, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        num_key_value_heads=2, intermediate_size=40, eos_token_id=[7, 9],
        rope_parameters={"rope_type": "default", "rope_theta": 50000.0})), {}
    # Tied, with biases, in half precision and in several files.
    yield "llama_bf16", LlamaForCausalLM(LlamaConfig(
        vocab_size=VOCAB, max_position_embeddings=CONTEXT, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        num_key_value_heads=1, intermediate_size=40, tie_word_embeddings=True, attention_bias=True, mlp_bias=True)).to(
            torch.bfloat16), {"max_shard_size": "10KB"}
    yield "gpt2_f16", GPT2LMHeadModel(GPT2Config(
        vocab_size=VOCAB, n_positions=CONTEXT, n_embd=WIDTH, n_layer=1, n_head=2, n_inner=24, tie_word_embeddings=False)).to(
            torch.float16), {}


def main():
    root = pathlib.Path(sys.argv[1])
    for name, model, options in models():
        torch.manual_seed(sum(map(ord, name)))
        with torch.no_grad():
            for key, parameter in model.named_parameters():
                gain = "norm" in key and key.endswith("weight") or ".ln_" in key and key.endswith("weight")
                parameter.copy_(torch.randn(parameter.shape) * 0.25 + (1.0 if gain else 0.0))
        folder = root / name
        shutil.rmtree(folder, ignore_errors=True)
        model.save_pretrained(folder, **options)
        (folder / "generation_config.json").unlink(missing_ok=True)
        tokens = [int(t) for t in torch.randint(0, VOCAB, (CONTEXT,))]
        # Half precision is how numbers are stored; both sides compute in single precision.
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        with torch.no_grad():
            logits = model(torch.tensor([tokens])).logits[0]
        document = {"torch": torch.__version__, "transformers": transformers.__version__, "tokens": tokens,
                    "logits": [[float(f"{x:.8g}") for x in row] for row in logits.tolist()]}
        (folder / "logits.json").write_text(json.dumps(document) + "\n")
        sizes = {f.name: f.stat().st_size for f in sorted(folder.iterdir())}
        print(name, f"largest logit {logits.abs().max():.3f}", sizes)


if __name__ == "__main__":
    main()
