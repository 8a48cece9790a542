from training.report.plot import printable, short


def test_a_long_label_is_cut() -> None:
    assert short("a" * 19) == "a" * 17 + "…"
    assert short("a" * 18) == "a" * 18


def test_what_xml_has_no_place_for_is_left_out() -> None:
    assert printable("a\nb\x00 c\ud800") == "a b c"
    assert short("one\n\ttwo") == "one two"
