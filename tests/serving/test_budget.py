import pytest

from serving.budget import FREE, Budget, Share
from serving.errors import Overloaded


def test_what_is_over_the_limit_is_refused_and_not_counted() -> None:
    budget = Budget(100)
    budget.take(60)
    with pytest.raises(Overloaded, match="as many other large requests") as caught:
        budget.take(41)
    assert caught.value.headers == {"Retry-After": "1", "Connection": "close"}
    budget.take(40)
    budget.give_back(100)
    assert budget.taken == 0


def test_a_share_grows_and_is_given_back() -> None:
    budget = Budget(100)
    with Share(budget) as share:
        for size, taken in ((FREE, 0), (FREE + 30, 30), (FREE + 30, 30), (FREE + 100, 100)):
            share.grow_to(size)
            assert budget.taken == taken
    assert budget.taken == 0


def test_a_usual_body_needs_none() -> None:
    budget = Budget(0)
    with Share(budget) as share:
        share.grow_to(FREE)
        with pytest.raises(Overloaded):
            share.grow_to(FREE + 1)
    assert budget.taken == 0
