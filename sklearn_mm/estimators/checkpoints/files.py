"""The file of a checkpoint: written whole, read without running anything."""

import contextlib
import hashlib
import json
from pathlib import Path

from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from sklearn_mm._whole_files import write_whole
from sklearn_mm.estimators.checkpoints.frozen import digest_tensor

FORMAT = "sklearn_mm checkpoint 1"


class CheckpointFile:
    """The state of one fit, in a folder where other fits may have theirs.

    Parameters
    ----------
    folder : str or Path
        Is made if it is not there.
    key : str
        Of the fit: other rows or parameters have another.

    Raises
    ------
    NotADirectoryError
        If there is a file of this name.
    """

    def __init__(self, folder, key):
        self.folder = Path(folder).expanduser()
        if self.folder.exists() and not self.folder.is_dir():
            raise NotADirectoryError(
                f"checkpoint must be a folder, found the file {str(self.folder)!r}"
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        self.path = self.folder / f"fit-{key}.safetensors"
        self._lock = FileLock(self.path.with_suffix(".lock"))

    def acquire(self):
        """Keep other fits out: True, or False if one of the same key is under way."""
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        # What a process that was killed had begun to write.
        for unfinished in self.folder.glob(f".{self.path.name}.*"):
            unfinished.unlink(missing_ok=True)
        return True

    def release(self):
        """Let others in."""
        self._lock.release()
        with contextlib.suppress(OSError):
            Path(self._lock.lock_file).unlink(missing_ok=True)

    def remove(self):
        """Forget the state."""
        self.path.unlink(missing_ok=True)

    def write(self, state, tensors):
        """Write a state in the place of the one before.

        Parameters
        ----------
        state : dict
            For JSON.
        tensors : dict of str to Tensor
            By their digests.
        """
        text = json.dumps(state)
        about = {"format": FORMAT, "state": text, "digest": _digest(text)}
        content = save(tensors, about)
        with write_whole(self.path) as file:
            file.write(content)

    def read(self):
        """Read the state, and compare it with its digests.

        Returns
        -------
        state : dict, or None
            None if there is no file.
        tensors : dict of str to Tensor

        Raises
        ------
        ValueError
            If the file is damaged, or of another version.
        """
        if not self.path.exists():
            return None, {}
        about = _read_about(self.path)
        try:
            with safe_open(self.path, framework="pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise _damaged(self.path, error) from error
        for name, tensor in tensors.items():
            if digest_tensor(tensor) != name:
                raise _damaged(self.path, "a tensor is not what was written")
        return json.loads(about["state"]), tensors

    def others(self):
        """Read what other fits there are, the latest first: list of dict, or None.

        None stands for one that cannot be read.
        """
        paths = [p for p in self.folder.glob("fit-*.safetensors") if p != self.path]
        found = []
        for path in sorted(paths, key=_time_of, reverse=True):
            try:
                found.append(json.loads(_read_about(path)["state"])["fit"])
            except (ValueError, OSError):
                found.append(None)
        return found


def _time_of(path):
    try:
        return path.stat().st_mtime
    except OSError:  # another process has finished
        return 0.0


def _read_about(path):
    """Read the header of a file, compared with its digest."""
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
    except SafetensorError as error:
        raise _damaged(path, error) from error
    if about.get("format") != FORMAT:
        raise _damaged(path, f"its format is {about.get('format')!r}, not {FORMAT!r}")
    if _digest(about.get("state", "")) != about.get("digest"):
        raise _damaged(path, "its header is not what was written")
    return about


def _digest(text):
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass")).hexdigest()


def _damaged(path, why):
    return ValueError(
        f"the checkpoint {str(path)!r} cannot be used: {why}. Delete it to train from "
        "the start."
    )
