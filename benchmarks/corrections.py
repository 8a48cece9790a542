"""What corrections teach: python -m benchmarks.corrections FOLDER [--base DIR] [--seeds 1 2 3].

FOLDER holds the sets of data/README.md. A base is trained on them by `benchmarks/corrections.toml`, without four
domains, unless it is there already. Then users of each domain are simulated: of one half of its texts, in the order of
a seed, they correct what the base has wrong, until there are `--rows` or no more; with `--mixed` they label so many
texts, whether it is wrong or right. `fit corrections --start` makes the next model of these. Both answer the other half
of the domain, the base's own test and held-out rows, and the other domains.

Prints how the macro recall of each set changed by what was taught: the mean over the seeds, and where it was taught
also the least. Below stand calibration errors before and after.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean

import numpy as np
import pandas as pd
from rich.console import Console

from serving.model.predictor import Predictor
from training.commands.fit import fit
from training.console import Display
from training.data.cleaning import text_key
from training.data.dataset import load_dataset
from training.data.found_fields import load_rows
from training.evaluation.evaluate import served_probabilities
from training.evaluation.metrics import expected_calibration_error, macro_recall
from training.evaluation.tables import Table, as_markdown
from training.recipe.data import DataConfig, Source
from training.recipe.recipe import find_recipe, read_recipe
from training.types import Probabilities

BASE = Path(__file__).with_suffix(".toml")
FILES = ("semeval_2013_2016.csv.gz", "labelled_tweets.csv.gz", "emoticon_tweets.csv.gz")
DEBATE = Source(file="gop_debate.csv", label="sentiment")
DOMAINS = {name: Source(file=FILES[1], where={"source": [name]}) for name in ("airline", "selfdrive", "vaccine")}
DOMAINS["debate"] = DEBATE

Sets = Mapping[str, pd.DataFrame]  # of rows with `row` and `label`
Answers = Mapping[str, Probabilities]  # of the same rows


def main() -> None:
    """Train what is missing, teach each domain once a seed, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--base", type=Path, default=Path("build/corrections-base"), help="bundle to correct")
    parser.add_argument("--recipe", type=Path, default=Path("corrections"))
    parser.add_argument("--domains", nargs="+", choices=DOMAINS, default=list(DOMAINS))
    parser.add_argument("--rows", type=int, default=500, help="corrections")
    parser.add_argument("--mixed", action="store_true", help="rows that the base has right are labelled too")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--most", type=int, default=3000, help="rows of a set that are measured")
    options = parser.parse_args()
    if not options.base.exists():
        fit(read_recipe(BASE), [options.folder / name for name in FILES], options.base, progress(), baselines=False)
    base = Predictor.load(options.base)
    pools, sets = read_sets(options.folder, options.most)
    before, changes = answers(base, sets), {}
    for domain in options.domains:
        pool = pools[domain]
        wrong = served_probabilities(base, pool.row.tolist()).argmax(1) != pool.label.to_numpy()
        candidates = pool if options.mixed else pool[wrong]
        count = min(options.rows, len(candidates))
        changes[domain] = [
            taught(candidates.sample(count, random_state=seed), options.base, options.recipe, sets, seed)
            for seed in options.seeds
        ]
    sys.stdout.write(f"{recall_table(sets, before, changes)}\n\n{calibration_table(sets, before, changes)}\n")


def progress() -> Display:
    """Progress, beside the tables."""
    return Display(Console(stderr=True))


def read_sets(folder: Path, most: int) -> tuple[Sets, Sets]:
    """The half of each domain that users read, and what is measured: the other halves, and sets that the base knows."""
    _, dataset = load_rows(read_recipe(BASE), [folder / name for name in FILES])
    sets = {"semeval": dataset.test}
    sets |= {str(group): rows for group, rows in dataset.held_out.groupby("group")}
    pools = {}
    for domain, source in DOMAINS.items():
        data = DataConfig(labels=dataset.labels, validation=0.01, test=0.5, sources=[source])
        halves = load_dataset([folder / source.file], data, seed=1)
        pools[domain], sets[domain] = (
            half[~half.row.map(text_key).isin(dataset.keys)] for half in (halves.train, halves.test)
        )
    return pools, {name: rows.sample(min(most, len(rows)), random_state=1) for name, rows in sets.items()}


def taught(corrections: pd.DataFrame, base: Path, recipe: Path, sets: Sets, seed: int) -> Answers:
    """The answers of the model that these corrections make of the base."""
    labels = np.array(Predictor.load(base).metadata.labels)
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "corrections.csv", Path(folder) / "next"
        named = pd.DataFrame({"text": corrections.row, "label": labels[corrections.label.to_numpy()]})
        named.to_csv(path, index=False)
        fit(read_recipe(find_recipe(recipe), seed=seed, start=base), [path], out, progress(), baselines=False)
        return answers(Predictor.load(out), sets)


def answers(predictor: Predictor, sets: Sets) -> Answers:
    """What a bundle answers to every set."""
    return {name: served_probabilities(predictor, rows.row.tolist()) for name, rows in sets.items()}


def recall_table(sets: Sets, before: Answers, changes: Mapping[str, Sequence[Answers]]) -> str:
    """Macro recall of each set by the base, and how much more it is by what was taught."""
    rows = []
    for name, frame in sets.items():
        truth = frame.label.to_numpy()
        old = macro_recall(truth, before[name].argmax(1))
        cells = []
        for domain, runs in changes.items():
            gains = [macro_recall(truth, run[name].argmax(1)) - old for run in runs]
            cells.append(f"{mean(gains):+.3f}{f', least {min(gains):+.3f}' if name == domain else ''}")
        rows.append([name, f"{len(frame):,}", f"{old:.3f}", *cells])
    return as_markdown(Table("", ("set", "rows", "base", *(f"{domain} taught" for domain in changes)), rows))


def calibration_table(sets: Sets, before: Answers, changes: Mapping[str, Sequence[Answers]]) -> str:
    """The expected calibration error of the taught domain and of SemEval, before and after."""
    rows = []
    for domain, runs in changes.items():
        cells = [domain]
        for name in (domain, "semeval"):
            truth = sets[name].label.to_numpy()
            errors = [expected_calibration_error(truth, run[name]) for run in runs]
            cells += [f"{expected_calibration_error(truth, before[name]):.3f}", f"{mean(errors):.3f}"]
        rows.append(cells)
    return as_markdown(Table("", ("taught", "its error before", "after", "semeval's before", "after"), rows))


if __name__ == "__main__":
    main()
