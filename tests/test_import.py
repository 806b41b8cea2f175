"""What `import sklearn_mm` costs."""

import subprocess
import sys

import sklearn_mm


def test_importing_the_package_loads_neither_torch_nor_librosa():
    code = (
        "import sys, sklearn_mm\n"
        "heavy = {'torch', 'librosa', 'skorch', 'tokenizers', 'matplotlib', 'pandas',\n"
        "         'transformers', 'sentence_transformers', 'onnxruntime'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout.strip() == "[]", run.stderr


def test_every_public_name_can_be_loaded():
    assert all(getattr(sklearn_mm, name) is not None for name in sklearn_mm.__all__)
