from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap

import pytest

from graft_device.text import printable
from tests.support.host_data import python_environment

FRAME = """
import os, signal, sys, typer, warnings
from graft_device import console, errors

app = typer.Typer(cls=console.EdgeGroup, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

@app.callback()
def root(debug: bool = typer.Option(False, "--debug")):
    pass

@app.command()
def go(words: list[str] = typer.Argument(None)):
    {body}

console.run(app)
"""


def run(body: str, *args: str, closed: str = "") -> subprocess.CompletedProcess[str]:
    """Runs a command line whose only command does this, with some standard streams closed by the shell."""
    program = FRAME.replace("{body}", textwrap.indent(textwrap.dedent(body), "    ").strip())
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-c", program, "go", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("statement", "status", "words"),
    [
        ("raise errors.GraftError('mend it')", 1, "mend it"),
        ("raise errors.GateError('too low')", 3, "too low"),
        ("raise errors.DatasetError('two\\nlines\\x1b[31m')", 1, r"two lines\x1b[31m"),
        ("raise errors.ModelError", 1, "ModelError"),
        ("open('/nowhere/at all')", 1, "no such file or directory: /nowhere/at all"),
        ("raise OSError('plain')", 1, "plain"),
        ("raise MemoryError", 1, "out of memory: close other programs, or use fewer --threads"),
        ("{}['key\\n2']", 1, r"unexpected KeyError: 'key\n2'; --debug shows where"),
        ("assert False", 1, "unexpected AssertionError: AssertionError; --debug shows where"),
    ],
)
def test_errors_are_one_line(statement: str, status: int, words: str) -> None:
    done = run(f"print('before')\n{statement}")
    assert (done.returncode, done.stdout, done.stderr) == (status, "before\n", f"error: {words}\n")


@pytest.mark.parametrize("statement", ["raise errors.GraftError('mend it')", "open('/nowhere')", "1 / 0"])
def test_debug_shows_the_traceback(statement: str) -> None:
    done = run(statement, "--debug")
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback")
    assert "in go\n" in done.stderr


def test_debug_keeps_the_exit_status() -> None:
    done = run("raise errors.GateError('too few')", "--debug")
    assert done.returncode == 3
    assert done.stderr.startswith("Traceback")
    assert done.stderr.endswith("GateError: too few\n")


def test_success_and_status_of_the_commands_own() -> None:
    assert run("pass").returncode == 0
    assert run("raise typer.Exit(7)").returncode == 7
    assert run("sys.exit(5)").returncode == 5


def test_usage_errors_stay_typers() -> None:
    done = run("raise typer.BadParameter('not so')")
    assert done.returncode == 2
    assert "not so" in done.stderr
    assert "unexpected" not in done.stderr


def test_debug_is_understood_anywhere_before_a_double_dash() -> None:
    body = "print(words)"
    assert run(body, "a", "--debug", "b").stdout == "['a', 'b']\n"
    assert run(body, "--", "a", "--debug").stdout == "['a', '--debug']\n"


def test_ctrl_c_is_one_line_and_status_130() -> None:
    done = run("os.kill(os.getpid(), signal.SIGINT)")
    assert (done.returncode, done.stderr) == (130, "interrupted; what was finished is kept\n")


EACH_LINE = """
import json, os, signal, sys, tempfile, typer
from graft_device import console
from tests.support.interrupting import Moments

app = typer.Typer(cls=console.EdgeGroup, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
app.callback()(lambda: None)
app.command("go")(lambda: print("done", flush=True))
sys.argv = ["program", "go"]

def forked(place):
    moments = Moments(place, lambda: os.kill(os.getpid(), signal.SIGINT), (console.__file__,), changes=False)
    moments.count = -10_000  # counted from the first line that is under the console's control
    def prepare():
        moments.count = 0
    with tempfile.TemporaryFile() as errors:
        process = os.fork()
        if not process:
            os.dup2(errors.fileno(), 2)
            status = 0
            try:
                with moments:
                    console.run(app, prepare)
            except SystemExit as end:
                status = end.code
            finally:  # nothing may get out of the fork
                os._exit(status if moments.count >= place else 99)
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        errors.seek(0)
        return status, errors.read().decode()

place, ends = 1, []
while (end := forked(place))[0] != 99:
    ends.append(end)
    place += 1
print(json.dumps(ends))
"""
"""Ctrl-C before each line of the console's code in turn, in a fork for each."""


def test_ctrl_c_at_any_line_is_one_line_and_status_130() -> None:
    """At the very end, when nothing is left to finish, the signal ends the process as if it had no handler."""
    command = [sys.executable, "-c", EACH_LINE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=python_environment())
    assert done.returncode == 0, done.stderr
    ends = json.loads(done.stdout.splitlines()[-1])
    answered = [status == 130 for status, _ in ends]
    assert answered == sorted(answered, reverse=True)
    assert sum(answered) > 20
    for place, (status, errors) in enumerate(ends, 1):
        assert (status, errors.strip()) in (
            (130, "interrupted; what was finished is kept"),
            (-signal.SIGINT, ""),
        ), place


def test_a_second_ctrl_c_changes_nothing() -> None:
    body = """
    echo, calls = typer.echo, []
    def interrupted(*args, **options):
        calls.append(1)
        if len(calls) == 1:
            os.kill(os.getpid(), signal.SIGINT)
        echo(*args, **options)
    typer.echo = interrupted
    os.kill(os.getpid(), signal.SIGINT)
    """
    done = run(body)
    assert done.returncode == 130
    assert done.stderr.strip() == "interrupted; what was finished is kept"


def test_notes_of_native_code_are_hidden_and_its_errors_are_not() -> None:
    body = """
    os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\\n")
    os.write(2, b"ERROR: node 3 failed\\nINFO: more\\nlast words without a line end")
    """
    assert run(body).stderr == "ERROR: node 3 failed\nlast words without a line end"
    assert "INFO: Created" in run(body, "--debug").stderr


@pytest.mark.parametrize("closed", ["<&-", "2>&-", "<&- 2>&-"])
def test_closed_streams_do_not_get_mixed_up_with_the_filter(closed: str) -> None:
    body = "os.write(2, b'ERROR: native'); console.say('lost'); os.fstat(0); print(sys.stderr.fileno() > 2)"
    done = run(body, closed=closed)
    assert (done.returncode, done.stdout) == (0, "True\n")
    assert ("lost" in done.stderr) == ("2>" not in closed)


def test_what_python_says_itself_is_shown() -> None:
    assert run("console.say('INFO: from Python')").stderr == "INFO: from Python\n"
    assert run("warnings.warn('from a library')").stderr == ""
    assert "from a library" in run("warnings.warn('from a library')", "--debug").stderr


def test_names_that_the_terminal_cannot_show() -> None:
    done = run("print('caf\\udce9'); console.say('caf\\udce9')")
    assert (done.returncode, done.stdout, done.stderr) == (0, "caf\\udce9\n", "caf\\udce9\n")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain name.jpg", "plain name.jpg"),
        ("Füße 猫 🔩", "Füße 猫 🔩"),
        ("two\nlines", r"two\nlines"),
        ("bell\x07 Füße", r"bell\x07 F\xfc\xdfe"),
        ("caf\udce9", r"caf\udce9"),
        (12, "12"),
    ],
)
def test_printable(name: object, shown: str) -> None:
    assert printable(name) == shown
