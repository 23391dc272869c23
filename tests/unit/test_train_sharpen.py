import numpy as np
import pytest
import torch

from likely.core.batch import Batch
from likely.core.errors import BadSetting
from likely.core.vocabulary import Vocabulary
from likely.models.feed_forward import feed_forward
from likely.models.transformer import transformer
from likely.train import _rollouts
from likely.train.sharpen import Answer, Draws, best_of, coverage

FOUR = Vocabulary((b"a", b"b", b"c", b""), bos=3, eos=3, special=frozenset({3}))
PROMPTS = [(0, 1), (2,), (1, 1), (0, 2, 1)]


@pytest.fixture(scope="module")
def reader():
    model = transformer(FOUR, layers=1, width=16, heads=2, context=64)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3.0)  # Far from uniform.
    return model.eval()


def draw(reader, **more):
    given = {"count": 5, "rng": np.random.default_rng(1), "max_new_tokens": 8, **more}
    return best_of(reader, PROMPTS, **given)


def test_log_prob_is_that_of_a_whole_read(reader):
    for draws in draw(reader):
        for answer in draws.answers:
            targets = [*draws.prompt, *answer.ids, *([3] if answer.ended else [])]
            ids = torch.tensor([[3, *targets[:-1]]])
            stats = reader.read(Batch.of(ids, torch.tensor([targets])), ("log_prob",))
            expected = float(stats["log_prob"][len(draws.prompt) :].detach().double().sum())
            assert answer.log_prob == pytest.approx(expected, abs=1e-5)
            assert answer.ended or len(answer.ids) == 8


def test_answers_depend_on_the_generator_and_not_on_their_neighbours(reader, monkeypatch):
    first = draw(reader)
    assert draw(reader) == first
    assert draw(reader, rng=np.random.default_rng(2)) != first
    monkeypatch.setattr(_rollouts, "ROWS", 3)  # Less than the answers to one prompt.
    apart = draw(reader)
    assert [[a.ids for a in d.answers] for d in apart] == [
        [a.ids for a in d.answers] for d in first
    ]


def test_texts_are_prompts_too():
    small = feed_forward(Vocabulary.of_bytes(), context=2, embedding=4, width=8)
    given = {"count": 2, "max_new_tokens": 3}
    text = best_of(small, ["hi"], rng=np.random.default_rng(0), **given)
    assert text == best_of(small, [(104, 105)], rng=np.random.default_rng(0), **given)


def test_draws_follow_the_probabilities():
    logits = torch.tensor([[0.0, 1.0, -1.0, 2.0]]).expand(200_000, 4)
    chance = torch.from_numpy(np.random.default_rng(0).random(200_000))
    token, log_prob = _rollouts.drawn(logits, chance)
    expected = logits[0].double().softmax(-1)
    seen = torch.bincount(token, minlength=4) / 200_000
    assert torch.allclose(seen.double(), expected, atol=4e-3)
    assert torch.equal(log_prob, logits[0].double().log_softmax(-1)[token])


def test_the_ends_of_the_interval_never_draw_what_cannot_come():
    logits = torch.tensor([[-torch.inf, 0.0, 0.0, -torch.inf]]).expand(2, 4)
    token, _ = _rollouts.drawn(logits, torch.tensor([0.0, 1 - 2.0**-53], dtype=torch.float64))
    assert token.tolist() == [1, 2]


def test_a_cut_answer_never_beats_one_that_ended():
    whole, cut = Answer((1, 2), -5.0, True), Answer((1,), -1.0, False)
    assert Draws((), (cut, whole)).best is whole
    assert Draws((), (cut,)).best is cut
    assert Draws((0, 0), (cut, whole)).tokens == 2 * 3 + 1 + 3


def test_coverage_is_told():
    def of(*log_probs, ended=True):
        return Draws((0,), tuple(Answer((1,), value, ended) for value in log_probs))

    good = coverage([of(-1.0, -1.2), of(-0.5, -3.0)])
    assert good.covered == 0.5
    assert good.gain == pytest.approx((0.1 + 1.25) / 2)
    assert good.warning == ""
    assert "Coverage is missing: for only 0%" in coverage([of(-9.0, -12.0)]).warning
    assert "0.000 nats likelier than a single one" in coverage([of(-0.1, -0.1)]).warning
    cut = coverage([of(-1.0, -1.2), of(-1.0, ended=False)])
    assert "50% of the prompts have no answer that ended" in cut.warning


def test_settings_are_checked(reader):
    with pytest.raises(BadSetting, match="count=0"):
        draw(reader, count=0)
