"""Start of a training from a bundle: its network, tokenizer and labels, and how little of them is forgotten.

Three things hold what the network knew. It teaches itself on the texts that it learns from, as in Learning without
Forgetting: Li and Hoiem 2016 (https://arxiv.org/abs/1606.09282). The weights that come out are the mean of the old and
the new ones, as in WiSE-FT: Wortsman et al. 2022 (https://arxiv.org/abs/2109.01903). And what a few chosen rows cannot
tell, such as how sure an answer may be, stays as it was.
"""

from dataclasses import dataclass
from pathlib import Path

from serving.errors import BundleError
from serving.model.bundle import Bundle
from serving.model.metadata import Metadata
from training.errors import DataError, RecipeError
from training.evaluation.leakage import bundle_recipe
from training.fit.checkpoint import Arrays
from training.model.backend import keras
from training.model.network import Pooling1D
from training.recipe.recipe import Recipe

WHERE = "start.bundle"


@dataclass(frozen=True)
class Start:
    """A bundle of texts that a training goes on from.

    Attributes:
        bundle: Its files, which are whole.
        weight: Share of each weight that stays.
    """

    bundle: Bundle
    weight: float

    @classmethod
    def of(cls, recipe: Recipe) -> "Start | None":
        """The bundle that a recipe starts from, if it starts from one.

        Raises:
            RecipeError: It names none.
            DataError: It cannot be read, or is none that training can go on from.
        """
        if recipe.start is None:
            return None
        if not recipe.start.bundle:
            raise RecipeError(f"{WHERE}: {recipe.name} goes on from a bundle; accepted: --start FOLDER")
        try:
            bundle = Bundle.read(Path(recipe.start.bundle))
        except BundleError as error:
            raise DataError(f"{WHERE}: {error}") from error
        if bundle.metadata.inputs != "text":
            raise DataError(f"{WHERE}: {bundle.folder} reads fields; accepted: a bundle that reads texts")
        return cls(bundle, recipe.start.weight)

    @property
    def metadata(self) -> Metadata:
        """What the bundle says of itself."""
        return self.bundle.metadata

    @property
    def input_file(self) -> str:
        """The content of its tokenizer's file."""
        return self.bundle.input_file.read_text(encoding="utf-8")

    @property
    def note(self) -> str:
        """A sentence on what is the bundle's."""
        name = f"{self.metadata.name} {self.metadata.model_version}"
        return (
            f"The training goes on from {name} in {self.bundle.folder}: the labels, tokenizer, network and calibration "
            "are that bundle's; the recipe's [tokenizer], [network] and [vectors] are not used."
        )

    def complete(self, recipe: Recipe) -> Recipe:
        """The recipe with the bundle's labels, tokenizer and network, and with the bundle as a teacher of each stage.

        Raises:
            DataError: The recipe has other labels, or is of fields; or the bundle was adopted.
        """
        old, labels = bundle_recipe(self.metadata, WHERE), self.metadata.labels
        if recipe.inputs != "text" or recipe.data.labels not in ([], labels):
            found = f"labels {recipe.data.labels}" if recipe.inputs == "text" else "fields"
            raise DataError(f"{WHERE}: the recipe has {found}; accepted: texts, with the bundle's labels, {labels}")
        folder = str(self.bundle.folder)
        stages = [
            stage.model_copy(update={"teachers": list(dict.fromkeys([*stage.teachers, folder]))})
            for stage in recipe.schedule
        ]
        update = {
            "known_answers": recipe.known_answers or old.known_answers,
            "data": recipe.data.model_copy(update={"labels": labels}),
            "tokenizer": old.tokenizer.model_copy(update={"sources": []}),  # which are of that recipe's files
            "network": old.network,
            "vectors": None,
            "stages": stages,
        }
        return recipe.model_copy(update=update)

    def network(self) -> keras.Model:
        """Its network, uncompiled and as calibrated as it is served."""
        objects = {"Pooling1D": Pooling1D}  # the only layer that training builds and Keras does not know
        return keras.models.load_model(self.bundle.network, custom_objects=objects, compile=False)

    def hold(self, network: keras.Model) -> None:
        """Put each weight of a network that was trained from this one back by the share that stays."""
        old: Arrays = self.network().get_weights()
        new: Arrays = network.get_weights()
        network.set_weights([self.weight * a + (1 - self.weight) * b for a, b in zip(old, new, strict=True)])
