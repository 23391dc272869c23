"""What of a text was there before: words, and runs of words."""

import torch
from jaxtyping import Bool, Int
from torch import Tensor


def earlier_words(
    ids: Int[Tensor, "N"],
    target: Int[Tensor, "N"],
    segment: Int[Tensor, "N"],
    position: Int[Tensor, "N"],
) -> tuple[Int[Tensor, "S C"], Bool[Tensor, "N C"]]:
    """The different words of each segment, and which of them each position has read.

    What a segment begins with (BOS, or the token before it) was not said in it and is left out.

    Args:
        ids: the token read.
        target: the token that came next.
        segment: which segment a token belongs to; −1 is padding.
        position: place within its segment.

    Returns:
        Words, one row a segment, and a mask of those that were read before and are not the target.
    """
    said = ((segment >= 0) & (position > 0)).nonzero()[:, 0]
    size = int(ids.max()) + 1 if len(ids) else 1
    keys = segment[said] * size + ids[said]
    different, which = torch.unique(keys, return_inverse=True)
    first = position.new_full((len(different),), len(ids))
    first = first.scatter_reduce(0, which, position[said], "amin")
    owner, word = different // size, different % size
    rows = int(segment.max()) + 1 if len(segment) else 0
    counts = torch.bincount(owner, minlength=max(rows, 1))
    column = torch.arange(len(owner), device=ids.device) - (counts.cumsum(0) - counts)[owner]
    width = max(int(counts.max()), 1)
    words = ids.new_zeros(max(rows, 1), width)
    since = ids.new_full((max(rows, 1), width), len(ids) + 1)
    words[owner, column], since[owner, column] = word, first
    at = segment.clamp_min(0)
    earlier = (since[at] <= position[:, None]) & (words[at] != target[:, None])
    return words, earlier & (segment >= 0)[:, None]


def in_repeat(
    target: Int[Tensor, "N"], segment: Int[Tensor, "N"], length: int
) -> Bool[Tensor, "N"]:
    """Whether a token stands in a run of `length` tokens that stood in its segment before.

    Args:
        target: the tokens.
        segment: which segment a token belongs to, in order; −1 is padding.
        length: of a run.

    Returns:
        A mask.
    """
    count = len(target) - length + 1
    found = torch.zeros_like(target, dtype=torch.bool)
    if count < 1:
        return found
    runs = torch.stack([target[back : back + count] for back in range(length)], dim=1)
    whole = (segment[:count] == segment[length - 1 :]) & (segment[:count] >= 0)
    keys = torch.cat([segment[:count, None], runs], dim=1)
    _, which = torch.unique(keys, dim=0, return_inverse=True)
    at = torch.arange(count, device=target.device)
    first = at.new_full((count,), count).scatter_reduce(
        0, which, torch.where(whole, at, count), "amin"
    )
    again = whole & (first[which] < at)
    for back in range(length):
        found[back : back + count] |= again
    return found
