"""What a model is, as a short hash: two models share it only if they say the same."""

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from likely.models.reader import Reader


def fingerprint(reader: Reader) -> str:
    """A short hash of a model's weights, their names and their types.

    Args:
        reader: any model; one without weights is hashed as the files it is saved as.

    Returns:
        Hexadecimal digits.
    """
    digest = hashlib.sha256(f"{reader.kind} {reader.vocabulary.fingerprint}".encode())
    if isinstance(reader, torch.nn.Module):
        for name, tensor in sorted(reader.state_dict().items()):
            digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
            data = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
            digest.update(data.numpy().data)
        return digest.hexdigest()[:16]
    with TemporaryDirectory() as folder:
        reader.save(Path(folder) / "model")
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                digest.update(path.relative_to(folder).as_posix().encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
