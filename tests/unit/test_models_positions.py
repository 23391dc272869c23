"""Position codes of the transformer: segments, caches, folders, and what each of them can see."""

import pytest
import torch

from likely.core.batch import Batch
from likely.core.errors import BadInput, ShapeError
from likely.core.vocabulary import Vocabulary
from likely.decode._generate import generate
from likely.models._positions import sinusoids
from likely.models.load import load
from likely.models.pretrained import open_pretrained
from likely.models.transformer import transformer

BYTES = Vocabulary.of_bytes()
CODES = ("learned", "sinusoidal", "none")
SIZES = {"layers": 2, "width": 16, "heads": 2, "context": 16}


def tiny(positions, **more):
    return transformer(BYTES, **{**SIZES, **more}, positions=positions).eval()


def tokens(rows=2, length=12, seed=0):
    return torch.randint(256, (rows, length), generator=torch.Generator().manual_seed(seed))


def states(model, ids):
    with torch.no_grad():
        return model.hidden(Batch.of(ids, ids))[0].view(*ids.shape, -1)


@pytest.mark.parametrize("positions", CODES)
def test_step_by_step_says_what_reading_at_once_says(positions):
    model, ids = tiny(positions), tokens()
    with torch.no_grad():
        whole = model.logits(Batch.of(ids, ids)).view(2, 12, -1)
        state = model.start(2)
        for t, width in ((0, 1), (1, 1), (2, 5), (7, 1)):
            logits, state = model.step(state, ids[:, t : t + width])
            torch.testing.assert_close(logits, whole[:, t + width - 1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("positions", CODES)
def test_places_start_again_in_every_segment_and_nobody_looks_across(positions):
    model, ids = tiny(positions), tokens(1, 12)[0]
    segment = torch.tensor([0] * 5 + [1] * 5 + [-1] * 2)
    position = torch.tensor([*range(5), *range(5), 0, 1])
    batch = Batch(ids, ids, segment, position, torch.ones(12), segment)
    with torch.no_grad():
        packed = model.hidden(batch)[0]
    alone = states(model, ids[None, 5:10])[0]
    torch.testing.assert_close(packed[5:10], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("positions", ["rotary", *CODES])
def test_one_letter_again_and_again_shows_who_knows_the_place(positions):
    """Attention over equal values is the same everywhere, so only added codes can differ."""
    same = states(tiny(positions), torch.full((1, 8), 97))[0]
    moved = (same - same[:1]).abs().max() > 1e-3
    assert bool(moved) == (positions in ("learned", "sinusoidal"))


def test_without_codes_order_matters_only_by_what_came_before():
    model, ids = tiny("none", layers=1), tokens(1, 8)
    swapped = ids[:, [1, 0, *range(2, 8)]]
    there = states(model, swapped)[0, 2:]
    torch.testing.assert_close(states(model, ids)[0, 2:], there, rtol=1e-4, atol=1e-5)
    turned = tiny("rotary", layers=1)
    assert not torch.allclose(states(turned, ids)[0, 2:], states(turned, swapped)[0, 2:], atol=1e-4)


@pytest.mark.parametrize("tie", [False, True])
@pytest.mark.parametrize("positions", CODES)
def test_folders_reload(positions, tie, tmp_path):
    model, ids = tiny(positions, tie=tie), tokens()
    if positions == "learned":
        with torch.no_grad():
            model.model.model.positions.weight.mul_(3)  # not what its seed would give again
    model.save(tmp_path / "m")
    for again in (load(tmp_path / "m"), open_pretrained(str(tmp_path / "m"))):
        assert torch.equal(states(model, ids), states(again, ids))
        assert again.parameters_count == model.parameters_count
        assert again.model.config.positions == positions


def test_such_a_folder_is_never_taken_for_a_llama(tmp_path):
    from transformers import LlamaForCausalLM

    tiny("learned").save(tmp_path / "m")
    assert '"model_type": "likely_positions"' in (tmp_path / "m" / "config.json").read_text()
    (tmp_path / "m" / "model.safetensors").unlink()
    with pytest.raises(BadInput):
        load(tmp_path / "m")
    tiny("rotary").save(tmp_path / "r")
    assert type(load(tmp_path / "r").model) is LlamaForCausalLM


def test_only_the_code_differs_between_models_of_one_seed():
    rotary = tiny("rotary", seed=3).state_dict()
    for positions in CODES:
        model = tiny(positions, seed=3)
        own = model.state_dict()
        assert all(torch.equal(own[name], rotary[name]) for name in rotary)
        extra = 16 * 16 if positions == "learned" else 0
        assert model.parameters_count - tiny("rotary").parameters_count == extra
    learned = tiny("learned", width=64, heads=2, context=64, initial=0.05).model.model.positions
    assert learned.weight.std().item() == pytest.approx(0.05, rel=0.05)


def test_initial_scales_what_was_drawn():
    one, two = (tiny("rotary", initial=scale).state_dict() for scale in (0.02, 0.04))
    for name in one:
        want = one[name] if "norm" in name else 2 * one[name]
        torch.testing.assert_close(two[name], want)
    usual = tiny("rotary").state_dict()["model.lm_head.weight"]
    assert usual.std().item() == pytest.approx(32**-0.5, rel=0.1)


def test_sinusoids_by_hand_and_their_shifts_are_turns():
    code = sinusoids(torch.arange(9)[None], 6)[0]
    assert code[0].tolist() == [0, 0, 0, 1, 1, 1]
    assert code[3, 1].item() == pytest.approx(torch.tensor(3 * 10_000 ** (-1 / 3)).sin().item())
    near = code @ code.T
    torch.testing.assert_close(near.diagonal(2), near[0, 2].expand(7), rtol=1e-5, atol=1e-5)
    assert sinusoids(torch.arange(3)[None], 5).shape == (1, 3, 5)


def test_learned_places_end_and_writing_goes_on():
    model = tiny("learned")
    with pytest.raises(ShapeError, match="learned 16 positions, and was given 17"):
        states(model, tokens(1, 17))
    rng = torch.Generator().manual_seed(0)
    assert generate(model, ["ab"], max_new_tokens=40, rng=rng)


@pytest.mark.parametrize("positions", CODES)
def test_gradients_reach_everything(positions):
    model, ids = tiny(positions), tokens()
    model.logits(Batch.of(ids, ids)).logsumexp(-1).sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())
