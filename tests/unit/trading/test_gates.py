from kalshi_alpha.trading.gates import ALLOW, Allow, Refuse, first_refusal, refusals, refuse

LATE = refuse("late", "it is 3 s, over 2 s", value=3, limit=2)
SILENT = refuse("silent", "nothing was said")


def test_a_refusal_carries_code_sentence_and_numbers():
    assert Refuse("late", "it is 3 s, over 2 s", {"value": 3, "limit": 2}) == LATE
    assert LATE.to_json() == {
        "code": "late",
        "reason": "it is 3 s, over 2 s",
        "evidence": {"value": 3, "limit": 2},
    }


def test_all_refusals_are_kept_in_the_order_asked():
    assert refusals([ALLOW, SILENT, ALLOW, LATE]) == (SILENT, LATE)
    assert refusals([ALLOW]) == ()


def test_the_first_refusal_ends_the_asking():
    asked = []

    def gate(name, verdict):
        asked.append(name)
        return verdict

    verdict = first_refusal(
        gate(name, answer) for name, answer in [("a", ALLOW), ("b", LATE), ("c", SILENT)]
    )
    assert verdict == LATE
    assert asked == ["a", "b"]


def test_nothing_against_it_is_allow():
    assert isinstance(first_refusal([ALLOW, ALLOW]), Allow)
    assert first_refusal([]) is ALLOW
