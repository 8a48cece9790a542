"""A tiny encoder with a classifier, as if it had been tuned, whose answers differ from text to text."""

from pathlib import Path

import numpy as np

from tests.training.helpers import WORDS
from tests.training.teacher.helpers import write_encoder
from training.data.teacher_file import TeacherInfo
from training.teacher.encoder import build_classifier, read_config
from training.teacher.finetuning import Teacher
from training.teacher.texts import read_tokenizer

MAX_TOKENS = 12


def random_teacher(folder: Path, info: TeacherInfo) -> Teacher:
    """One with such labels; its encoder is written into the folder."""
    write_encoder(folder, [*WORDS, "http"])
    config, rng = read_config(folder), np.random.default_rng(3)
    network = build_classifier(config, len(info.labels))
    # No bias is 0 and no scale is 1, so that each of them counts.
    network.set_weights([rng.normal(weight, 0.2) for weight in network.get_weights()])
    return Teacher(info, config, read_tokenizer(folder, MAX_TOKENS), network)
