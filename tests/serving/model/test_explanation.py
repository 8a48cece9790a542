import shutil
import unicodedata
from pathlib import Path

import pytest
import regex
from hypothesis import HealthCheck, example, given, settings

from serving.adopt.preprocessing import PadSequences, preprocessing
from serving.adopt.tokenizers import KerasTokenizer
from serving.model.explanation import MAX_CHARS, MAX_STEPS, Occlusion, cut_words, is_punctuation
from serving.model.predictor import Predictor, text_input
from serving.model.tokenizer import Encoder
from serving.model.types import Prediction
from tests.bundles import TEXTS, TINY, UNMASKED, adopt, cut_to, edit_tokenizer
from tests.serving.generated import LONG_TEXTS
from tests.serving.generated import TEXTS as ANY_TEXTS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \t\n\x00\u2003", []),
        ("WORST SHOW EVER!!!", ["WORST", "SHOW", "EVER", "!!!"]),
        ("don't, can’t: a well-known 'word'", ["don't", ",", "can’t", ":", "a", "well-known", "'", "word", "'"]),
        ("#WorstShowEver @bob: ...@al #1", ["#WorstShowEver", "@bob", ":", "...", "@al", "#1"]),
        ("see http://t.co/aB?x=1) or t.co/x", ["see", "http://t.co/aB?x=1)", "or", "t.co/x"]),
        ("(great :)) :-D :'( <3 </3 ^_^", ["(", "great", ":))", ":-D", ":'(", "<3", "</3", "^_^"]),
        ("at 8:15, 3.5% 2pm", ["at", "8:15", ",", "3.5", "%", "2pm"]),
        ("love😀you", ["love", "😀", "you"]),
        ("😂😂😂👍👍🏽", ["😂😂😂", "👍", "👍🏽"]),
        ("👨‍👩‍👧‍👦🏳️‍🌈🇩🇪🇫🇷", ["👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "🇫🇷"]),
        ("cafe\u0301 q\u0323\u0307!", ["cafe\u0301", "q\u0323\u0307", "!"]),
        ("שלום! مرحبا", ["שלום", "!", "مرحبا"]),
        ("我喜欢 ひらがな", ["我", "喜", "欢", "ひらがな"]),
        ("a\x00b", ["a", "b"]),
        ("love &lt;3 you&lt;3", ["love", "&lt;3", "you", "&lt;3"]),
        ("R&amp;B &lt;/3 R&B", ["R", "&amp;", "B", "&lt;/3", "R", "&", "B"]),
        ("&quot;don&#39;t&quot; &amp;&amp; can&apos;t", ["&quot;", "don&#39;t", "&quot;", "&amp;&amp;", "can&apos;t"]),
        ("&gt;:( &hearts; &#x2764;", ["&gt;:(", "&hearts;", "&#x2764;"]),
        ("&lt; b &; &a", ["&lt;", "b", "&;", "&", "a"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert [word.word for word in cut_words(text)] == words


PUNCTUATION = ["!!!", ",", "...", "?!", "…", "“", "(", "-", "—", "~", "*", "&amp;", "&quot;", "&nbsp;"]
EMOTICONS = [":)", ":-(", "(:", "=/", "^_^", "-_-", "</3", "&gt;:(", "&lt;3"]


@pytest.mark.parametrize("word", PUNCTUATION)
def test_punctuation_alone(word: str) -> None:
    assert [cut.word for cut in cut_words(word)] == [word]
    assert is_punctuation(word)


@pytest.mark.parametrize("word", [*EMOTICONS, "😀", "♥", "&hearts;", "no", "7", "我", "$5"])
def test_more_than_punctuation(word: str) -> None:
    assert not is_punctuation(word)


def check(text: str) -> None:
    end = 0
    gaps = []
    for word in cut_words(text):
        assert word.start >= end
        assert word.end > word.start
        assert text[word.start : word.end] == word.word
        gaps.append(text[end : word.start])
        end = word.end
    left_out = "".join(gaps) + text[end:]
    assert all(character.isspace() or unicodedata.category(character) == "Cc" for character in left_out)


def check_whole_characters(text: str) -> None:
    """By another library's extended grapheme clusters, without the characters that only its newer Unicode has."""
    text = "".join(character for character in text if unicodedata.category(character) != "Cn")
    breaks = {0} | {cluster.end() for cluster in regex.finditer(r"\X", text)}
    for word in cut_words(text):
        # A mark on a space is a word, and the space is none.
        assert word.start in breaks or text[word.start - 1].isspace(), ascii(text)
        assert word.end in breaks, ascii(text)


@settings(max_examples=2_000, deadline=None)
@given(text=ANY_TEXTS)
@example("\U00020000\u0600\u0915\u094d\u0937\u092e\u093e")  # an ideograph, and a number sign that begins a word
def test_offsets_cut_the_text_at_whole_words(text: str) -> None:
    check(text)
    check_whole_characters(text)


@pytest.mark.soak
@settings(max_examples=50_000, deadline=None)
@given(text=ANY_TEXTS)
def test_offsets_cut_very_many_texts_at_whole_words(text: str) -> None:
    check(text)
    check_whole_characters(text)


@settings(max_examples=25, deadline=None)
@given(text=LONG_TEXTS)
def test_offsets_in_long_texts(text: str) -> None:
    check(text)


@pytest.mark.parametrize(
    "unit",
    ["a", "a.", "@a ", "😀", "👍", "<", "a-", "(:", ":o", "1.", "\u0301", "😀\u200d", "@#", "&", "&a", "&#", "a&#3"],
)
def test_no_text_takes_long(unit: str) -> None:
    """Each would take minutes, were the time to grow with the square of a text's length or faster."""
    text = unit * (400_000 // len(unit))
    assert "".join(word.word for word in cut_words(text)) == text.replace(" ", "")


READ = 8


@pytest.fixture(scope="module")
def predictor(pristine_bundle: Path) -> Predictor:
    return Predictor.load(pristine_bundle)


@pytest.fixture(scope="module", params=["by batch", "to a length", "on the left"])
def cutting(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    """Predictors that read so many tokens, with each way to pad."""
    by_batch = request.param == "by batch"
    bundle = shutil.copytree(TINY if by_batch else UNMASKED, tmp_path_factory.mktemp("bundles") / "cutting")
    edit_tokenizer(bundle, cut_to(READ))
    if request.param == "to a length":
        edit_tokenizer(bundle, lambda content: content["padding"].update(direction="Right"))
    return Predictor.load(bundle)


def weights(prediction: Prediction) -> dict[str, float | None]:
    assert prediction.explanation is not None
    return {word.word: word.weight for word in prediction.explanation}


@pytest.mark.parametrize("text", [*TEXTS, "love", "great 😀 show :) #HappyDays", "WORST show\never"])
def test_a_weight_is_what_the_answer_loses_without_the_word(predictor: Predictor, text: str) -> None:
    explained = predictor.explain(text)
    assert explained.explanation
    for word in explained.explanation:
        (occluded,) = predictor.predict([text[: word.start] + " " + text[word.end :]])
        expected = explained.probability - occluded.probabilities[explained.label]
        assert word.weight == pytest.approx(expected, abs=1e-6)


def test_the_answer_is_the_one_without_an_explanation(predictor: Predictor) -> None:
    for text in [*TEXTS, "show " * 100]:
        explained, (plain,) = predictor.explain(text), predictor.predict([text])
        assert (explained.label, explained.truncated) == (plain.label, plain.truncated)
        assert explained.probabilities == pytest.approx(plain.probabilities, abs=1e-6)
        assert plain.explanation is None


def test_an_entity_weighs_as_the_character_that_it_stands_for(predictor: Predictor) -> None:
    entity, character = weights(predictor.explain("love &lt;3 this")), weights(predictor.explain("love <3 this"))
    assert entity["&lt;3"] == pytest.approx(character["<3"], abs=1e-6)


def test_some_word_counts(predictor: Predictor) -> None:
    assert any(abs(weight or 0) > 0.01 for weight in weights(predictor.explain(TEXTS[0])).values())


def test_what_the_network_does_not_notice_weighs_nothing(predictor: Predictor) -> None:
    """Handles side by side are read as one, so either may go; and it is not computed."""
    text = "@bob @al I love this"
    by_word = weights(predictor.explain(text))
    assert (by_word["@bob"], by_word["@al"]) == (0, 0)
    assert by_word["love"] != 0
    assert len(Occlusion(text, text_input(predictor).encoder).encoded) == 1 + 3


def test_what_is_beyond_the_cut_is_not_tried_and_does_not_move_up(cutting: Predictor) -> None:
    head = "the train leaves at nine I hate this"
    text = f"{head} {'show love great worst ' * 20}"
    explained = cutting.explain(text)
    assert explained.truncated
    assert explained.explanation is not None
    assert [word.word for word in explained.explanation if word.weight is not None] == head.split()
    for word in explained.explanation[:READ]:
        (occluded,) = cutting.predict([head[: word.start] + " " + head[word.end :]])
        expected = explained.probability - occluded.probabilities[explained.label]
        assert word.weight == pytest.approx(expected, abs=1e-6)


def test_a_word_that_is_read_in_part_moves_up_no_further(bundle: Path) -> None:
    """It is in the answer, so it has a weight; the words before it are weighed without it."""
    edit_tokenizer(bundle, cut_to(4))
    predictor = Predictor.load(bundle)
    text = "I love this #WorstShowEver worst"
    assert text_input(predictor).encoder.tokens(text) == ["i", "love", "this", "<hashtag>"]
    explained = predictor.explain(text)
    head, none, one = predictor.predict(["I love this", "  love this", "I   this"])
    label = explained.label
    by_word = weights(explained)
    assert by_word["I"] == pytest.approx(head.probabilities[label] - none.probabilities[label], abs=1e-6)
    assert by_word["love"] == pytest.approx(head.probabilities[label] - one.probabilities[label], abs=1e-6)
    assert by_word["#WorstShowEver"] == pytest.approx(explained.probability - head.probabilities[label], abs=1e-6)
    assert by_word["worst"] is None


@pytest.fixture(scope="module", params=["pre", "post"])
def cutting_as_keras(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    """Reads the first or the last four known words of a text, and leaves out unknown ones."""
    words = KerasTokenizer("word index", {word: number for number, word in enumerate("a b c d e f g h".split(), 2)})  # noqa: SIM905
    bundle = Path(shutil.copytree(UNMASKED, tmp_path_factory.mktemp("bundles") / "adopted"))
    sequences = PadSequences(4, truncating=request.param)
    tokenizer, rules = preprocessing(words, sequences, rows=50, masked=False)
    # The network takes eight steps.
    adopt(bundle, tokenizer.replace('"Fixed": 4', '"Fixed": 8'), rules)
    return Predictor.load(bundle)


@pytest.mark.parametrize(
    ("text", "of_the_first", "of_the_last"),
    [
        ("a b c d", "a b c d", "a b c d"),
        ("a b zz c d e f", "a b zz c d", "c d e f"),
        ("a b zz! c d e zz f zz", "a b zz ! c d", "c d e zz f zz"),
        ("zz @a b c d e f g h", "zz @a b c d", "e f g h"),
    ],
)
def test_what_is_cut_off_at_either_side_has_no_weight(
    cutting_as_keras: Predictor, text: str, of_the_first: str, of_the_last: str
) -> None:
    explained = cutting_as_keras.explain(text)
    assert explained.explanation is not None
    assert all(text[word.start : word.end] == word.word for word in explained.explanation)
    read = " ".join(word.word for word in explained.explanation if word.weight is not None)
    assert read == (of_the_last if text_input(cutting_as_keras).encoder.cuts_left else of_the_first)
    for word in explained.explanation:
        assert word.weight != 0 or word.word in ("zz", "!")


def test_weights_are_the_same_when_what_is_cut_off_was_never_there(cutting_as_keras: Predictor) -> None:
    text = "a zz b c d e f" if text_input(cutting_as_keras).encoder.cuts_left else "c d e zz f g h"
    part = "c d e f" if text_input(cutting_as_keras).encoder.cuts_left else "c d e zz f"
    whole, alone = (weights(cutting_as_keras.explain(each)) for each in (text, part))
    assert {word: weight for word, weight in whole.items() if weight is not None} == pytest.approx(alone)


def test_a_word_that_is_read_in_part_at_either_side(cutting_as_keras: Predictor) -> None:
    explained = cutting_as_keras.explain("a-b-c d-e-f")
    first, last = explained.explanation or ()
    in_part, other = (first, last) if text_input(cutting_as_keras).encoder.cuts_left else (last, first)
    (without_it,) = cutting_as_keras.predict([other.word])
    assert in_part.weight == pytest.approx(explained.probability - without_it.probabilities[explained.label])
    assert other.weight not in (None, 0)


def test_weights_are_of_the_label_of_the_whole_text(predictor: Predictor) -> None:
    words, flips = ["love", "worst", "hate", "great", "train", "show", "awful", "lovely"], 0
    for text in (f"{one} {other}" for one in words for other in words):
        explained = predictor.explain(text)
        for word in explained.explanation or ():
            (occluded,) = predictor.predict([f"{text[: word.start]} {text[word.end :]}"])
            flips += occluded.label != explained.label
            expected = explained.probability - occluded.probabilities[explained.label]
            assert word.weight == pytest.approx(expected, abs=1e-6)
    assert flips > 0, "or else any label's weights would do"


def test_the_neighbours_of_a_word_stay_apart(predictor: Predictor) -> None:
    explained = predictor.explain("love!hate")
    apart, joined = (one.probabilities[explained.label] for one in predictor.predict(["love hate", "lovehate"]))
    assert abs(apart - joined) > 1e-3
    assert weights(explained)["!"] == pytest.approx(explained.probability - apart, abs=1e-6)


@pytest.mark.parametrize("head", [0, 1, 2, 5, 6, 7, 8, 9, 30])
def test_the_cut_is_found_among_words_that_are_not_tokens(cutting: Predictor, head: int) -> None:
    """Handles in a row are one token together, so that words and tokens do not run in step."""
    text = "@bob " * head + "show love great worst hate this it is train nine"
    read = sum(word.weight is not None for word in cutting.explain(text).explanation or ())
    assert read == head + READ - (head > 0)


@pytest.mark.parametrize("text", ["\u200b", "\x00a", "!", "😀", "\u0301"])
def test_hardly_a_text(predictor: Predictor, text: str) -> None:
    explanation = predictor.explain(text).explanation
    assert explanation is not None
    assert [word.word for word in explanation] == [word.word for word in cut_words(text)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=LONG_TEXTS)
def test_the_work_is_bounded(pristine_bundle: Path, text: str) -> None:
    occlusion = Occlusion(text, Encoder.read(pristine_bundle / "tokenizer.json"))
    assert sum(len(item.ids) for item in occlusion.encoded[1:]) <= MAX_STEPS


def test_the_work_on_a_text_of_many_tokens_is_bounded(bundle: Path) -> None:
    edit_tokenizer(bundle, cut_to(512))
    variants = Occlusion("a b " * 100, Encoder.read(bundle / "tokenizer.json")).encoded[1:]
    assert 1 < len(variants) < 200
    assert sum(len(item.ids) for item in variants) <= MAX_STEPS


@pytest.mark.parametrize("text", ["@bob " * 2000, "a" * 10_000, "a " * 5000, "!" * 9999 + " a"])
def test_the_encoding_is_bounded(pristine_bundle: Path, text: str) -> None:
    encoder = Encoder.read(pristine_bundle / "tokenizer.json")
    seen: list[str] = []

    class Watched(Encoder):
        def encode(self, texts):  # type: ignore[no-untyped-def]
            seen.extend(texts)
            return encoder.encode(texts)

    Occlusion(text, Watched((pristine_bundle / "tokenizer.json").read_text("utf-8")))
    # The text itself, the search for its cut, and the variants.
    assert sum(map(len, seen)) <= 2 * len(text) + MAX_CHARS


@settings(max_examples=300, deadline=None)
@given(text=ANY_TEXTS)
def test_any_text_is_explained(predictor: Predictor, text: str) -> None:
    explanation = predictor.explain(text).explanation
    assert explanation is not None
    assert all(text[word.start : word.end] == word.word for word in explanation)
    assert all(word.weight is None or -1 <= word.weight <= 1 for word in explanation)


@settings(max_examples=15, deadline=None)
@given(text=LONG_TEXTS)
def test_any_long_text_is_explained(predictor: Predictor, text: str) -> None:
    explanation = predictor.explain(text).explanation
    assert explanation is not None
    assert all(text[word.start : word.end] == word.word for word in explanation)
