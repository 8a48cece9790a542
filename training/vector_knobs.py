"""`[vectors]`: where the embedding starts from, instead of from chance."""

from pydantic import Field

from training.fields import Name, Table


class VectorKnobs(Table):
    """`[vectors]`: word vectors that were trained elsewhere, for the words of the vocabulary that have one."""

    file: Name = Field(description="path of a text file of vectors: GloVe, word2vec or fastText, also .gz")
    words: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="how many of its first words join the vocabulary though no text has them, beside "
        "tokenizer.vocabulary; where case is kept, those in lower case also with a capital",
    )
    about: str = Field("", description="what they were trained on, for the report")
    terms: str = Field("", description="under what terms they are used, for the report")
