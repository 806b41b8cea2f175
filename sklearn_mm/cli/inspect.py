"""sklearn-mm inspect: what is in a model's file."""

import json

import sklearn_mm
from sklearn_mm.cli import arguments

SUMMARY = "show what is in a model's file, without loading the model"

DESCRIPTION = """\
Show what is in a model's file: its card, with scores, classes and modalities, what
it holds of the training rows, and its parts. Nothing of the model is built, and
every part is compared with its checksum."""

EPILOG = """\
examples:
  sklearn-mm inspect pets.mm
  sklearn-mm inspect pets.mm --json | python -m json.tool
      all that the manifest says, with shapes and checksums"""


def add_arguments(parser):
    """Add what `inspect` takes to its parser."""
    arguments.add_model(parser)
    parser.add_argument("--json", action="store_true", help="print the manifest")


def run(options):
    """Read the manifest and print it."""
    path = options.model.expanduser()
    if not path.exists():
        raise FileNotFoundError(f"there is no model {str(path)!r}")
    found = sklearn_mm.inspect(path)
    if options.json:
        print(json.dumps(found))
        return
    print(found["card"].rstrip())
    print(f"\n## File\n\n{path}, format {found['format']}, all checksums fit:\n")
    for name, member in found["members"].items():
        print(f"- {name}: {member['bytes']:,} bytes")
    if found["trusted"]:
        print(f"\nIt needs to be trusted with {', '.join(found['trusted'])}.")
