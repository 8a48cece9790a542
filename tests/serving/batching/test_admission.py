import pytest

from serving.batching.admission import Admission
from serving.errors import Overloaded


def test_what_does_not_fit_is_refused_and_not_counted() -> None:
    admission = Admission(3)
    admission.admit(2)
    with pytest.raises(Overloaded, match="2 texts wait or are in work and 2 more were sent; at most 3") as caught:
        admission.admit(2)
    assert caught.value.headers == {"Retry-After": "1"}
    assert admission.load == 2
    admission.admit(1)
    admission.release(3)
    assert admission.load == 0


def test_on_release_is_told_the_load() -> None:
    loads: list[int] = []
    admission = Admission(9, on_release=loads.append)
    admission.admit(5)
    admission.admit(4)
    admission.release(4)
    admission.release(5)
    assert loads == [5, 0]
