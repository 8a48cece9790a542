"""A tiny BERT encoder with random weights, its files, and a recipe that tunes it. Needs no TensorFlow."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from tests.training.helpers import STAGED, WORDS
from training.types import Floats

CONFIG: dict[str, Any] = {
    "model_type": "bert",
    "vocab_size": 40,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 32,
    "layer_norm_eps": 1e-12,
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    "hidden_act": "gelu",
}
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


def random_tensors(seed: int = 1, config: dict[str, Any] = CONFIG) -> dict[str, Floats]:
    """Every tensor of a BertModel, by Hugging Face's names."""
    rng = np.random.default_rng(seed)
    units, wide = config["hidden_size"], config["intermediate_size"]
    tensors: dict[str, Floats] = {}

    def add(name: str, *shape: int) -> None:
        tensors[name] = rng.normal(0, 0.5, shape).astype(np.float32)

    def add_pair(name: str, *shape: int) -> None:
        add(f"{name}.weight", *shape)
        add(f"{name}.bias", shape[0])

    add("embeddings.word_embeddings.weight", config["vocab_size"], units)
    add("embeddings.position_embeddings.weight", config["max_position_embeddings"], units)
    add("embeddings.token_type_embeddings.weight", 2, units)
    add_pair("embeddings.LayerNorm", units)
    for number in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{number}"
        for part in ("self.query", "self.key", "self.value", "output.dense"):
            add_pair(f"{layer}.attention.{part}", units, units)
        add_pair(f"{layer}.attention.output.LayerNorm", units)
        add_pair(f"{layer}.intermediate.dense", wide, units)
        add_pair(f"{layer}.output.dense", units, wide)
        add_pair(f"{layer}.output.LayerNorm", units)
    return tensors


def write_tensors(path: Path, tensors: dict[str, Any]) -> Path:
    """Write a safetensors file of float32, and of what else the arrays are; returns its path."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    content, start = b"", 0
    for name, array in tensors.items():
        data = array.tobytes()
        kind = {"float32": "F32", "int64": "I64"}[str(array.dtype)]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [start, start + len(data)]}
        content, start = content + data, start + len(data)
    encoded = json.dumps(header).encode()
    path.write_bytes(len(encoded).to_bytes(8, "little") + encoded + content)
    return path


def write_encoder(folder: Path, words: list[str]) -> Path:
    """The folder of a tiny encoder whose vocabulary is these words; returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {token: number for number, token in enumerate([*SPECIAL, *words])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.enable_padding(length=16)  # as sentence-transformers' own files pad
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {**CONFIG, "vocab_size": len(vocabulary)}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    write_tensors(folder / "model.safetensors", random_tensors(config=config))
    return folder


def teacher_recipe(encoder: Path, **changes: Any) -> dict[str, Any]:
    """A recipe's content: an encoder that is tuned on the labelled rows of `STAGED` in three epochs."""
    stage = {"name": "own", "sources": ["main.csv"], "epochs": 3, "batch_size": 16, "learning_rate": 3e-3}
    section = {"folder": str(write_encoder(encoder, [*WORDS, "a", "b"])), "max_tokens": 8}
    stages = [{**stage, "schedule": "linear", "class_balance": 0.5}]
    return {"name": "small-teacher", "data": STAGED["data"], "encoder": section, "stages": stages, **changes}
