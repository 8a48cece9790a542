from serving.tally import Tally


def test_the_first_is_said_at_once_and_the_rest_once_a_second() -> None:
    tally = Tally()
    assert [tally.add(now) for now in (0.0, 0.1, 0.9, 1.0, 1.1, 9.0)] == [1, 0, 0, 3, 0, 2]
