"""Writes a tiny GPT-J of random weights as Hugging Face does, and what it says itself. Run alone: tiny_gptj.py FOLDER.

Needs requirements-convert.txt, and GPT-2's vocabulary in FOLDER/encoder.json and FOLDER/vocab.bpe.
"""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

WIDTH, LAYERS, HEADS, ROTARY = 32, 2, 2, 8
SPARE = 143  # tokens that GPT-J has beside GPT-2's 50,257
PROMPT = "The following is a conversation between a human and a helpful bot.\n\nHuman: Ça va, 日本?\nBot:"
WRITTEN_TOKENS = 24


def main() -> None:
    """Write FOLDER/hf, and FOLDER/written.json: the likeliest tokens after PROMPT, by PyTorch."""
    folder = Path(sys.argv[1])
    transformers, torch = import_module("transformers"), import_module("torch")
    tokenizer = _tokenizer(folder)
    model = _model(transformers, torch, len(tokenizer))
    model.save_pretrained(folder / "hf")
    tokenizer.save_pretrained(folder / "hf")
    asked = tokenizer(PROMPT, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        answered = model.generate(asked, max_new_tokens=WRITTEN_TOKENS, do_sample=False, pad_token_id=0)
    (folder / "written.json").write_text(json.dumps(tokenizer.decode(answered[0, asked.shape[1] :])))


def _tokenizer(folder: Path) -> Any:
    tokenizers, transformers = import_module("tokenizers"), import_module("transformers")
    made = tokenizers.Tokenizer(
        tokenizers.models.BPE.from_file(str(folder / "encoder.json"), str(folder / "vocab.bpe"))
    )
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    made.add_tokens([f"<|extratoken_{number}|>" for number in range(1, SPARE + 1)])
    ends = dict.fromkeys(("bos_token", "eos_token", "unk_token"), "<|endoftext|>")
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, **ends)


def _model(transformers: Any, torch: Any, vocabulary: int) -> Any:
    torch.manual_seed(1)
    config = transformers.GPTJConfig(
        vocab_size=vocabulary, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS, rotary_dim=ROTARY, n_positions=2048
    )
    model = transformers.GPTJForCausalLM(config).eval()
    for weights in model.parameters():
        if weights.dim() > 1:  # far from zero, so that no two tokens are nearly as likely
            torch.nn.init.normal_(weights, 0, 0.4)
    return model


if __name__ == "__main__":
    main()
