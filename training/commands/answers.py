"""`answers`: what a teacher says of a recipe's texts, as a file that stages learn from."""

import time
from collections.abc import Sequence
from pathlib import Path

from training.console import Display, duration
from training.recipe.recipe import Recipe
from training.teacher.answers import texts_of, write_answers
from training.teacher.finetuning import Teacher


def answers(
    recipe: Recipe, paths: Sequence[Path], folder: Path, out: Path, display: Display, sources: Sequence[str] = ()
) -> None:
    """Write what a teacher says of the texts that a recipe learns from.

    Args:
        recipe: The recipe.
        paths: Its data files.
        folder: The teacher's.
        out: The file of answers; one of the same teacher is added to.
        display: Is told of each step.
        sources: Only texts of these; none: of all.

    Raises:
        DataError: A file or the teacher cannot be used.
    """
    teacher = Teacher.read(folder)
    texts, start = texts_of(recipe, paths, sources), time.monotonic()

    def on_chunk(done: int, total: int) -> None:
        remaining = (time.monotonic() - start) / done * (total - done)
        display.console.print(f"{done:,} of {total:,} texts, {duration(remaining)} left", highlight=False)

    file = write_answers(teacher, texts, out, on_chunk)
    display.next_step(f"Answers: {len(file.hashes):,} in {out}. Next: name it in a stage's teacher_files.")
