from __future__ import annotations

from graft_host.support.reporter import MAX_SKIPPED, WithoutNotes, note_skipped
from tests.support.quiet import QuietReporter


def test_the_first_few_files_are_named_and_the_others_counted() -> None:
    reporter = QuietReporter()
    files = [(f"{index}.jpg", "cut short") for index in range(1234)]
    note_skipped(files[:MAX_SKIPPED], reporter, ": elsewhere")
    assert reporter.notes == [f"skipped {index}.jpg: cut short" for index in range(MAX_SKIPPED)]
    note_skipped(files, reporter, ": elsewhere")
    assert reporter.notes[2 * MAX_SKIPPED :] == ["and 1,229 more: elsewhere"]
    note_skipped([], reporter, ": elsewhere")
    assert len(reporter.notes) == 2 * MAX_SKIPPED + 1


def test_without_notes_progress_is_still_reported() -> None:
    reporter = QuietReporter()
    silent = WithoutNotes(reporter)
    silent.note("again")
    with silent.progress("training heads", "heads") as report:
        report(1, 2)
    assert reporter.notes == []
    assert reporter.counts == [("training heads", 1, 2)]
    assert reporter.units == {"training heads": "heads"}
