import sys

from serving.switching import switch_often


def test_a_turn_is_shorter_than_a_batch() -> None:
    before = sys.getswitchinterval()
    try:
        switch_often()
        assert 0 < sys.getswitchinterval() < 0.001
    finally:
        sys.setswitchinterval(before)
