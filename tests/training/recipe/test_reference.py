from training.recipe.reference import knob_table


def test_every_knob_has_its_meaning_and_range() -> None:
    rows = [line.split(" | ") for line in knob_table().splitlines()[2:]]
    knobs = {row[0].strip("| `"): row for row in rows}
    assert len(knobs) > 45
    assert all(len(row) == 4 and len(row[3]) > 8 for row in rows)
    assert knobs["fit.epochs"][1:3] == ["integer 1 to 1000", "`10`"]
    assert knobs["network.dropout"][1] == "number 0 to 1 (not itself)"
    assert knobs["tokenizer.model"][1] == "`word`, `bpe`"
    assert knobs["network.lstm"][1] == "list of integer 1 to 1024"
    assert knobs["name"][2] == "required"
    assert knobs["extends"][3].startswith("name or path of a recipe")
