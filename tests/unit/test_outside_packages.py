"""Losses of the packages that their authors and others install, beside ours, on one shared batch.

ntloss is that of the authors of the number token loss; TRL has the DPO family and GKD. Neither is
needed by the library: `pip install ntloss trl`.
"""

import math
from types import SimpleNamespace

import pytest
import torch
from torch.nn.functional import logsigmoid

from likely.core.batch import Batch
from likely.core.bind import bind
from likely.core.vocabulary import Vocabulary
from likely.models.evaluate import evaluate
from likely.models.reader import Reader

WORDS = ("pad", *map(str, range(10)), "the", "a", "of")
ROWS, LENGTH = 4, 9


class Given(Reader):
    """Logits that are there already."""

    kind = "given"

    def __init__(self, logits, vocabulary):
        self.given, self.vocabulary = logits, vocabulary

    def logits(self, batch):
        return self.given

    def start(self, rows):
        raise AssertionError

    step = save = start
    parameters_count = 0


@pytest.fixture
def shared():
    """Logits, targets and which of them count."""
    rng = torch.Generator().manual_seed(5)
    logits = torch.randn(ROWS, LENGTH, len(WORDS), generator=rng, dtype=torch.float64) * 2
    target = torch.randint(len(WORDS), (ROWS, LENGTH), generator=rng)
    counts = torch.ones(ROWS, LENGTH, dtype=torch.long)
    counts[:, :2] = 0  # a prompt
    counts[1, 7:] = counts[2, 5:] = 0  # padding
    return SimpleNamespace(logits=logits.requires_grad_(), target=target, counts=counts)


def by_us(objective, shared):
    """The objective's mean and its gradient on the logits."""
    bytes_of = tuple(word.encode() for word in WORDS)
    vocabulary = Vocabulary(bytes_of, bos=0, eos=0, special=frozenset({0}))
    plain = Batch.of(shared.target, shared.target)
    batch = Batch(
        **{f: getattr(plain, f) for f in ("ids", "target", "segment", "position", "document")},
        weight=shared.counts.reshape(-1).double(),
        rows=ROWS,
    )
    flat = shared.logits.reshape(-1, len(WORDS))
    total, weight = evaluate({"x": bind(objective)}, Given(flat, vocabulary), batch).total("x")
    return total / weight, torch.autograd.grad(total / weight, shared.logits)[0]


def same(ours, theirs, logits):
    value, gradient = ours
    assert value.item() == pytest.approx(theirs.item(), abs=1e-9)
    expected = torch.autograd.grad(theirs, logits)[0]
    torch.testing.assert_close(gradient, expected, atol=1e-9, rtol=1e-9)


class Tokenizer:
    """As much of a tokenizer as ntloss asks for."""

    def __len__(self):
        return len(WORDS)

    def add_tokens(self, words):
        assert set(words) <= set(WORDS)
        return 0

    def get_vocab(self):
        return {word: i for i, word in enumerate(WORDS)}


@pytest.fixture
def ntloss():
    return pytest.importorskip("ntloss", reason="the authors' package: pip install ntloss")


def labels_of(shared):
    return shared.target.masked_fill(shared.counts == 0, -100)


def cross_entropy(shared):
    labels = labels_of(shared).reshape(-1)
    return torch.nn.functional.cross_entropy(shared.logits.reshape(-1, len(WORDS)), labels)


@pytest.mark.parametrize(
    ("variant", "name"), [("wasserstein", "NTLoss"), ("mse", "NTLossDotProduct")]
)
def test_number_token_loss_is_that_of_its_authors(ntloss, shared, variant, name):
    theirs = getattr(ntloss, name)(Tokenizer(), reweigh=False)
    distance = theirs(shared.logits, labels_of(shared))  # a mean over number tokens
    ours = by_us(f'number_token_loss(variant="{variant}", strength=0.3)', shared)
    same(ours, cross_entropy(shared) + 0.3 * distance, shared.logits)


def test_number_token_loss_differs_where_theirs_reweighs(ntloss, shared):
    # Their default, which is not in the paper (their docstring says so): the loss times the
    # probability m of all digits together, and 1.01 times the largest distance times 1 − m.
    theirs = ntloss.NTLoss(Tokenizer())
    found = theirs(shared.logits, labels_of(shared), reduction="none")
    plain = ntloss.NTLoss(Tokenizer(), reweigh=False)
    distance = plain(shared.logits, labels_of(shared), reduction="none")
    mass = shared.logits.softmax(-1)[..., 1:11].sum(-1)
    number = labels_of(shared).sub(1).clamp(-1, 10).remainder(11) < 10
    expected = (distance * mass + 1.01 * 9 * (1 - mass)) * number
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-6)
    assert (found - distance)[number].abs().min() > 0.1


@pytest.fixture(scope="module")
def preferences(tmp_path_factory):
    """TRL's trainer on one batch of pairs: model and reference in float64, its loss by beta."""
    pytest.importorskip("trl", reason="the DPO family of TRL: pip install trl")
    from tests.unit.test_train_patch_trl import dpo

    trainer, _ = dpo(tmp_path_factory.mktemp("dpo"), per_device_train_batch_size=4)
    model, reference = trainer.model.double().eval(), trainer.ref_model.double().eval()
    noise = torch.Generator().manual_seed(3)
    with torch.no_grad():  # the reference of a trained model is another one
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=noise).to(parameter))
    batch = next(iter(trainer.get_train_dataloader()))
    return SimpleNamespace(trainer=trainer, model=model, reference=reference, batch=batch)


def pairs_by_us(objective, preferences):
    """Our loss on whole logits of the same model, and its gradient on the weights."""
    batch, model = preferences.batch, preferences.model
    given = {name: batch[name] for name in ("input_ids", "attention_mask")}
    target, counts = batch["input_ids"][:, 1:], batch["completion_mask"][:, 1:]
    logits = model(**given).logits[:, :-1]
    with torch.no_grad():
        known = preferences.reference(**given).logits[:, :-1].log_softmax(-1)
    known = known.gather(-1, target[..., None]).reshape(-1)
    half = torch.arange(len(target) // 2)
    plain = Batch.of(target, target)
    ours = Batch(
        **{f: getattr(plain, f) for f in ("ids", "target", "segment", "position", "document")},
        weight=counts.reshape(-1).double(),
        rows=len(target),
        pair=torch.stack((half, half + len(half)), dim=1),
        columns={"reference_log_prob": known},
    )
    flat = logits.reshape(-1, logits.shape[-1])
    found = evaluate({"x": bind(objective)}, Given(flat, None), ours)
    total, weight = found.total("x")
    margin = found.stats["log_prob"].view(counts.shape), known.view(counts.shape), counts
    return total / weight, margin


def weights_of(model):
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def agree(ours, theirs, model, tolerance=1e-9):
    assert ours.item() == pytest.approx(theirs.item(), abs=tolerance)
    found, expected = (
        torch.autograd.grad(x, weights_of(model), retain_graph=True) for x in (ours, theirs)
    )
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=tolerance, rtol=1e-5)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("beta", [0.1, 0.5])
@pytest.mark.parametrize("ours", ["dpop(beta={}, penalty=0)", "r_dpo(beta={}, alpha=0)"])
def test_dpo_is_that_of_trl(preferences, ours, beta):
    preferences.trainer.beta = beta
    theirs = preferences.trainer.compute_loss(preferences.model, preferences.batch)
    value, _ = pairs_by_us(ours.format(beta), preferences)
    assert abs(theirs.item() - math.log(2)) > 1e-3
    # TRL's head computes log-probabilities in float32 whatever the model is.
    agree(value, theirs, preferences.model, 1e-6)


def test_lengths_and_penalties_come_on_top(preferences):
    # TRL has neither DPOP nor R-DPO: beside its margins, the two terms by hand.
    value, (ours, known, counts) = pairs_by_us("r_dpo(beta=0.1, alpha=0.01)", preferences)
    chosen, rejected = ((ours - known) * counts).sum(1).chunk(2)
    length = counts.sum(1)
    longer = length[: len(chosen)] - length[len(chosen) :]
    agree(
        value,
        -logsigmoid(0.1 * (chosen - rejected) + 0.01 * longer).mean(),
        preferences.model,
    )  # fmt: skip
    value, (ours, known, counts) = pairs_by_us("dpop(beta=0.1, penalty=5)", preferences)
    chosen, rejected = ((ours - known) * counts).sum(1).chunk(2)
    lost = 5 * (-chosen).clamp(min=0)
    assert (lost > 0).any()
    agree(value, -logsigmoid(0.1 * (chosen - rejected - lost)).mean(), preferences.model)


def test_gkd_has_no_square_of_the_temperature():
    reason = "the GKD loss of TRL: pip install trl"
    gkd = pytest.importorskip("trl.experimental.gkd.gkd_trainer", reason=reason)
    z = torch.tensor([[[2.0, 1, 0, -1], [0.5, -0.5, 1.5, 0]]]).double()
    t = torch.tensor([[[1.5, 1, -0.5, -1], [0, 1, 0.5, -1]]]).double()

    def theirs(beta, temperature=1.0):
        loss = gkd.GKDTrainer.generalized_jsd_loss
        return float(loss(z, t, beta=beta, temperature=temperature, reduction="sum"))

    # docs/deviations.md says these: no T², and a jump at both ends.
    assert theirs(0.5, 2.0) == pytest.approx(0.033499, abs=1e-6)
    assert theirs(0.0) == pytest.approx(0.599557, abs=1e-6)
    assert theirs(1e-3) < 1e-3
    assert math.isclose(theirs(1.0), 0.424372, abs_tol=1e-6)
