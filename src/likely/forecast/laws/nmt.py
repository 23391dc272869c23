"""Loss of a translation model by the sizes of its encoder and its decoder."""

from typing import Annotated

import numpy as np
from annotated_types import Gt

from likely.forecast.columns import Column, Exponent, Positive

Size = Annotated[float, Gt(0)]
LAWS = {"falls_in_encoder_params", "falls_in_decoder_params", "above_E", "rescales"}
STARTS = {
    "encoder_exponent": np.linspace(0.02, 1.0, 14),
    "decoder_exponent": np.linspace(0.02, 1.0, 14),
}


def nmt(
    encoder_params: Column,
    decoder_params: Column,
    *,
    E: Positive,
    A: Positive,
    encoder_exponent: Exponent,
    decoder_exponent: Exponent,
    encoder_reference: Size = 1e8,
    decoder_reference: Size = 1e8,
) -> Column:
    r"""What an encoder and a decoder lose together, for one language pair and plenty of data.

    $$ L(N_e, N_d) = A \left(\frac{\bar N_e}{N_e}\right)^{p_e}
       \left(\frac{\bar N_d}{N_d}\right)^{p_d} + E $$

    The two reference sizes say at which sizes A is the reducible loss; another choice changes A
    alone. `optimal_share` gives the best split.

    Args:
        encoder_params: N_e; count as the authors do, without embeddings and softmax.
        decoder_params: N_d, counted alike.
        E: loss that no size removes.
        A: what the reference sizes could still remove.
        encoder_exponent: p_e.
        decoder_exponent: p_d.
        encoder_reference: N̄_e.
        decoder_reference: N̄_d.

    Returns:
        Loss in the unit of E, one a run, `[R]`.

    Example:
        >>> fitted = {"E": 1.0, "A": 0.5, "encoder_exponent": 0.2, "decoder_exponent": 0.3}
        >>> nmt(np.array([1e8, 32e8]), 1e8, **fitted).round(3).tolist()
        [1.5, 1.25]

    References:
        Ghorbani et al., Scaling Laws for Neural Machine Translation, 2021, eq. 2.
        arXiv:2109.07740
    """
    logarithms = transform(
        encoder_params,
        decoder_params,
        encoder_reference=encoder_reference,
        decoder_reference=decoder_reference,
    )
    return predict(
        *logarithms,
        E=E,
        A=A,
        encoder_exponent=encoder_exponent,
        decoder_exponent=decoder_exponent,
    )


def transform(
    encoder_params: Column,
    decoder_params: Column,
    *,
    encoder_reference: Size = 1e8,
    decoder_reference: Size = 1e8,
) -> tuple[Column, Column]:
    """What the law is computed from: how much larger than the references, in logarithms.

    Args:
        encoder_params: N_e.
        decoder_params: N_d.
        encoder_reference: N̄_e.
        decoder_reference: N̄_d.

    Returns:
        Logarithms of N_e / N̄_e and N_d / N̄_d.
    """
    return np.log(encoder_params) - np.log(encoder_reference), np.log(decoder_params) - np.log(
        decoder_reference
    )


def predict(
    encoder: Column,
    decoder: Column,
    *,
    E: Positive,
    A: Positive,
    encoder_exponent: Exponent,
    decoder_exponent: Exponent,
) -> Column:
    """The law on these logarithms.

    Args:
        encoder: logarithm of N_e over its reference.
        decoder: logarithm of N_d over its reference.
        E: loss that stays.
        A: what the reference sizes could still remove.
        encoder_exponent: p_e.
        decoder_exponent: p_d.

    Returns:
        The loss.
    """
    return E + A * np.exp(-encoder_exponent * encoder - decoder_exponent * decoder)


def linear(
    encoder: Column, decoder: Column, *, encoder_exponent: Exponent, decoder_exponent: Exponent
) -> dict[str, Column]:
    """What E and A are multiplied with.

    Args:
        encoder: logarithm of N_e over its reference.
        decoder: logarithm of N_d over its reference.
        encoder_exponent: p_e.
        decoder_exponent: p_d.

    Returns:
        Coefficient → its factor.
    """
    return {"E": 1.0, "A": np.exp(-encoder_exponent * encoder - decoder_exponent * decoder)}


def value_and_jacobian(
    encoder: Column,
    decoder: Column,
    *,
    E: Positive,
    A: Positive,
    encoder_exponent: Exponent,
    decoder_exponent: Exponent,
) -> tuple[Column, dict[str, Column]]:
    """The law, and its derivative by every coefficient.

    Args:
        encoder: logarithm of N_e over its reference.
        decoder: logarithm of N_d over its reference.
        E: loss that stays.
        A: what the reference sizes could still remove.
        encoder_exponent: p_e.
        decoder_exponent: p_d.

    Returns:
        The loss, and coefficient → derivative.
    """
    power = np.exp(-encoder_exponent * encoder - decoder_exponent * decoder)
    return E + A * power, {
        "E": 1.0,
        "A": power,
        "encoder_exponent": -encoder * A * power,
        "decoder_exponent": -decoder * A * power,
    }


def optimal_share(*, encoder_exponent: Exponent, decoder_exponent: Exponent) -> Column:
    r"""The encoder's share of all parameters at which the loss is lowest, at any total.

    $$ \frac{N_e}{N_e + N_d} = \frac{p_e}{p_e + p_d} $$

    Args:
        encoder_exponent: p_e.
        decoder_exponent: p_d.

    Returns:
        The share, between 0 and 1.

    Example:
        >>> optimal_share(encoder_exponent=0.2, decoder_exponent=0.3)
        0.4

    References:
        Ghorbani et al., Scaling Laws for Neural Machine Translation, 2021. arXiv:2109.07740
    """
    return encoder_exponent / (encoder_exponent + decoder_exponent)
