"""Texts that break naive slicing, for property tests."""

from hypothesis import strategies as st

EMOJI = ["😀", "👍🏽", "👨‍👩‍👧‍👦", "👩🏿‍💻", "🏳️‍🌈", "🇩🇪", "🇫", "❤️", "☺", "#️⃣", "1⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🅰", "ℹ️", "©", "🫨", "🏽"]
MARKS = ["e\u0301", "\u0301", "q\u0323\u0307", "\u200d", "\u200b", "\ufe0f", "\u20e3", "\u0600", "\u0903", "\u200c"]
SCRIPTS = ["שלום", "مرحبا", "\u202eabc\u202c", "\u200f", "क्षमा", "ภาษาไทย", "한국어", "각", "我喜欢", "ひらがな", "ｶﾞ"]
TWEETED = [
    "@bob",
    "#WorstShowEver",
    "http://t.co/aB1?x=2",
    "t.co/x",
    "don't",
    "well-known",
    "8:15",
    "RT",
    "&amp;",
    "&lt;3",
    "&#39;",
    "soooo",
]
SIGNS = [":)", ":-D", ":'(", "</3", "<3", "!!!", "...", "@", "#", "(", "^_^", "/", "-", "'", "_"]
GAPS = [" ", "  ", "\n", "\r\n", "\t", "\x00", "\x7f", "\u00a0", "\u2003", "\u2028", "\u0085", ""]

ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
PIECES = st.sampled_from([*EMOJI, *MARKS, *SCRIPTS, *TWEETED, *SIGNS, *GAPS, "good", "bad"]) | ANY
TEXTS = st.lists(PIECES, max_size=12).map("".join)
LONG_TEXTS = st.builds(lambda text, times: (text * times)[:10_000], TEXTS.filter(bool), st.integers(100, 10_000))
