"""A stand-in for Keras's Tokenizer that pickles under its name."""

import sys
import types

import pytest

PACKAGE, MODULE = "keras_preprocessing", "keras_preprocessing.text"  # where Keras 2.2 to 2.5 had it


@pytest.fixture
def keras_tokenizer(monkeypatch: pytest.MonkeyPatch) -> type:
    """A class that `pickle.dumps` writes as Keras's own."""
    tokenizer = type("Tokenizer", (), {"__module__": MODULE})
    module = types.ModuleType(MODULE)
    module.__dict__["Tokenizer"] = tokenizer
    monkeypatch.setitem(sys.modules, PACKAGE, types.ModuleType(PACKAGE))
    monkeypatch.setitem(sys.modules, MODULE, module)
    return tokenizer
