"""EMO: how far the predicted words lie from the one that came, measured by their embeddings."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from likely.core.bind import Source
from likely.core.errors import Unsupported
from likely.core.stats import Statistic

LAWS = frozenset({"separable"})
KNOBS = {"anchor": ("likelihood", "transport")}


def wants(source: Source, **_: object) -> dict[str, Statistic]:
    """The expected cosine between a predicted word's row of the head and the target's.

    Args:
        source: its head gives the embeddings; no gradient flows into them as costs.

    Returns:
        The wish `similarity`.

    Raises:
        Unsupported: the model has no head.
    """
    if source.head is None:
        raise Unsupported(
            "The objective 'emo' measures distances between the rows of a model's head, and this "
            "model has none. Choose a feed-forward model or a transformer."
        )
    rows = normalize(source.head.weight.detach(), dim=-1)
    wish = Statistic("expect_lowrank", rows={"a": rows[source.batch.target]}, settings={"b": rows})
    return {"similarity": wish}


def emo(
    log_prob: Float[Tensor, "N"],
    similarity: Float[Tensor, "N"],
    *,
    anchor: Literal["likelihood", "transport"] = "likelihood",
    official: bool = False,
) -> Float[Tensor, "N"]:
    r"""Cross-entropy plus an upper bound on the earth mover distance, at equal size.

    $$ T = \mathbb{E}_p[1 - \cos(e_v, e_y)], \qquad
       \mathcal{L} = \tfrac12 \left( -\log p_y + \mathrm{sg}\!\left[\tfrac{-\log p_y}{T}\right] T
       \right) $$
    With `anchor="transport"`: $T + \mathrm{sg}[T / {-\log p_y}] (-\log p_y)$. Ratios and
    embeddings carry no gradient. `official=True` adds the detached p_y to T as the authors' code
    does (the target's own probability is taken out of the sum, so T is too large by p_y);
    the default is the paper's T.

    Cost: separable, with two more products of the size of the head's.
    Status: verified (values and gradients printed by the authors' code).
    Detached: the ratio of the two terms, and the embeddings as costs.
    Denominator: tokens.

    Args:
        log_prob: log p of the target, nats.
        similarity: E_p[cos(e_v, e_y)].
        anchor: which of the two terms sets the size of the loss.
        official: the T of the authors' code instead of the paper's.

    Returns:
        One loss a token, in nats for `anchor="likelihood"`.

    Example:
        >>> import torch
        >>> emo(torch.tensor([-1.0]), torch.tensor([0.5]))
        tensor([1.])

    References:
        Ren et al., EMO: Earth Mover Distance Optimization for Auto-Regressive Language Modeling,
        2024, eq. 9 and 10. arXiv:2310.04691.
    """
    transport = 1 - similarity
    if official:
        transport = transport + log_prob.detach().exp()
    return _combine(-log_prob, transport, anchor)


def _combine(surprise: Tensor, transport: Tensor, anchor: str) -> Tensor:
    tiny = 1e-10
    if anchor == "likelihood":
        return 0.5 * (surprise + (surprise / (transport + tiny)).detach() * transport)
    return transport + (transport / (surprise + tiny)).detach() * surprise


def dense(
    z: Tensor,
    y: Tensor,
    embedding: Tensor,
    *,
    anchor: str = "likelihood",
    official: bool = False,
) -> Tensor:
    """The same, from the logits and the head's rows."""
    e = normalize(embedding.detach(), dim=-1)
    p, log_p = z.softmax(-1), z.log_softmax(-1).gather(-1, y[:, None])[:, 0]
    transport = (p * (1 - e[y] @ e.T)).sum(-1)
    if official:
        transport = transport + log_p.detach().exp()
    return _combine(-log_p, transport, anchor)
