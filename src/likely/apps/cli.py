"""The command line: `likely COMMAND`."""

import os
import sys
import time
from collections.abc import Sequence
from typing import NoReturn

from cyclopts import App, CycloptsError, Parameter

import likely
from likely.apps._console import is_first, messages
from likely.apps._words import in_words, read
from likely.apps.compare import compare_arms
from likely.apps.doctor import doctor
from likely.apps.evaluate import evaluate_model
from likely.apps.forecast import forecast
from likely.apps.generate import generate_text
from likely.apps.list import list_entries
from likely.apps.measure import measure_model
from likely.apps.mix import mix_models
from likely.apps.new import new_entry
from likely.apps.quickstart import quickstart
from likely.apps.reproduce import reproduce_claim
from likely.apps.train import train_model
from likely.apps.view import view_text
from likely.core.errors import LikelyError

app = App(
    name="likely",
    help="One instrument for everything that is a function of a language model's token "
    "probabilities. Begin with: likely quickstart",
    version=likely.__version__,
    suppress_keyboard_interrupt=False,
    default_parameter=Parameter(converter=read),
)
app.command(quickstart, name="quickstart")
app.command(train_model, name="train")
app.command(compare_arms, name="compare")
app.command(evaluate_model, name="evaluate")
app.command(measure_model, name="measure")
app.command(generate_text, name="generate")
app.command(view_text, name="view")
app.command(mix_models, name="mix")
app.command(reproduce_claim, name="reproduce")
app.command(forecast)
app.command(list_entries, name="list")
app.command(doctor, name="doctor")
app.command(new_entry, name="new")

MISTAKE, INTERRUPTED = 2, 130
_PATIENCE = 3.0


def main(tokens: Sequence[str] | None = None) -> NoReturn:
    """Run one command and leave: 0 for success, 2 for a mistake of the user, 130 for Ctrl-C.

    Errors raised on purpose are one sentence on standard error. Everything else is a bug of ours
    and shows its traceback.

    Args:
        tokens: the words after `likely`; those of the process by default.

    Raises:
        SystemExit: always.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # Read when torch is first imported. Threads that wait spin for long by default, and that costs
    # a factor of ten and more as soon as anything else runs (docs/decisions/0007).
    os.environ.setdefault("GOMP_SPINCOUNT", "5000")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    try:
        given = sys.argv[1:] if tokens is None else list(tokens)
        app(given, exit_on_error=False, print_error=False, result_action="return_value")
        sys.stdout.flush()
    except CycloptsError as problem:
        command = " ".join(["likely", *(problem.command_chain or ())])
        _say(f"{in_words(problem)} See: {command} --help")
        sys.exit(MISTAKE)
    except LikelyError as problem:
        _say(str(problem))
        stopped = "Interrupted" in (kind.__name__ for kind in type(problem).__mro__)
        sys.exit(INTERRUPTED if stopped else MISTAKE)
    except KeyboardInterrupt:
        _say("Stopped by Ctrl-C; what was finished stays on disk, and a new start builds on it.")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has gone; Python must not complain when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as problem:
        if problem.filename is None:
            raise
        _say(f"{problem.filename}: {problem.strerror}. Check the path and its permissions.")
        sys.exit(MISTAKE)
    sys.exit(0)


def _say(text: str) -> None:
    """Once, where a launcher started several processes that all fail alike.

    A launcher ends all of them as soon as one has ended, so the others let the first one speak.
    """
    if is_first():
        messages().print(text, style="red")
    else:
        time.sleep(_PATIENCE)
