"""Counters: named, labelled, safe from several threads."""

import threading

from service.counting import Counted


def test_counts_are_kept_by_name_and_labels() -> None:
    counted = Counted()
    counted.add("late")
    counted.add("dead_letters", 2, source="liuyuan", reason="unknown_point")
    counted.add("dead_letters", reason="malformed_json", source="liuyuan")

    assert counted.count("dead_letters") == 3
    assert counted.count("dead_letters", reason="unknown_point") == 2
    assert counted.snapshot() == {
        "dead_letters{reason=malformed_json,source=liuyuan}": 1,
        "dead_letters{reason=unknown_point,source=liuyuan}": 2,
        "late": 1,
    }


def test_no_count_is_lost_between_threads() -> None:
    counted = Counted()

    def add() -> None:
        for _ in range(20_000):
            counted.add("late")

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert counted.count("late") == 80_000
