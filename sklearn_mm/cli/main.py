"""sklearn-mm: from a table to a model and its predictions."""

import argparse
import os
import sys
import traceback

import sklearn_mm
from sklearn_mm.cli import doctor, evaluate, fit, inspect, predict, report
from sklearn_mm.cli.saying import CallError, describe, notes_on_stderr

# Exit codes; argparse ends with CALL, too.
GOOD, DATA, CALL, INTERRUPTED = 0, 1, 2, 130

VERBS = (fit, predict, evaluate, report, inspect, doctor)

EPILOG = """\
from a table to a model:
  sklearn-mm fit pets.csv --target species --output pets.mm
  sklearn-mm evaluate pets.mm more_pets.csv --target species
  sklearn-mm predict pets.mm new_pets.csv --output predictions.csv

A table is a CSV, TSV or Parquet file with a row for each sample. Cells may be
numbers, categories, dates, texts, and paths of images and sound files; relative
paths begin at the folder of the table. Empty cells are missing.

Results go to stdout, progress and warnings to stderr. It ends with 0 if all went
well, 1 if a file or the data is at fault, 2 if the call is. Rows are counted
from 0, the first below the header.

`sklearn-mm VERB --help` explains a verb, with examples."""


def main(arguments=None, program="sklearn-mm"):
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, default=None
        None are those of the process.
    program : str, default="sklearn-mm"
        What it is called in messages.

    Returns
    -------
    int
        0 if all went well, 1 if a file or the data is at fault, 2 if the call is, 130
        after Ctrl-C.
    """
    try:
        options = make_parser(program).parse_args(arguments)
    except SystemExit as end:
        return end.code or GOOD
    try:
        with notes_on_stderr(program):
            options.run(options)
        sys.stdout.flush()
        return GOOD
    except BrokenPipeError:  # such as into `head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return GOOD
    except KeyboardInterrupt:
        print(f"{program}: interrupted, nothing was written", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if options.traceback:
            traceback.print_exc()
        print(f"{program}: error: {describe(error)}", file=sys.stderr)
        return CALL if isinstance(error, CallError) else DATA


def make_parser(program="sklearn-mm"):
    """Build the parser of all verbs: argparse.ArgumentParser."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog=program,
        formatter_class=shape,
        description="Multimodal learning: images, sound, texts and numbers of a table.",
        epilog=EPILOG,
    )
    parser.add_argument(
        "--version", action="version", version=f"sklearn-mm {sklearn_mm.__version__}"
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True, title="verbs")
    for verb in VERBS:
        name = verb.__name__.rpartition(".")[2]
        each = verbs.add_parser(
            name,
            help=verb.SUMMARY,
            description=verb.DESCRIPTION,
            epilog=verb.EPILOG,
            formatter_class=shape,
        )
        verb.add_arguments(each)
        each.add_argument(
            "--traceback",
            action="store_true",
            help="show where in the code an error arose",
        )
        each.set_defaults(run=verb.run)
    return parser
