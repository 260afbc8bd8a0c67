from contextlib import nullcontext

from mgit.verify.progress import bar, silent


def test_a_bar_begins_only_where_there_is_something_to_do():
    begun = []

    def progress(*arguments):
        begun.append(arguments)
        return nullcontext()

    with bar(progress, "t", 0, "u") as nothing:
        nothing.advance(1)
    assert begun == []
    with bar(progress, "t", 3, "u"):
        assert begun == [("t", 3, "u")]


def test_nobody_sees_a_silent_bar():
    with silent("t", 1, "u") as shown:
        assert shown.advance(1) is None
