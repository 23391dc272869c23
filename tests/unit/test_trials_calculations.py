"""Questions of one length: what is read of them, in which order, and how answers are written."""

import pytest
import torch

from likely.core.vocabulary import Vocabulary
from likely.data.tasks.arithmetic import arithmetic
from likely.models.transformer import transformer
from likely.train.trials._calculations import Questions, answer_log_prob, passes, questions, write

BYTES = Vocabulary.of_bytes()


def asked(count=10, **more):
    task = arithmetic(documents=count, held_out=1, digits=2, padded=True, seed=1)
    return task.train, questions(task.train, BYTES, **more)


def small():
    return transformer(BYTES, layers=1, width=16, heads=2, context=16, seed=0).eval()


def test_questions_spell_the_documents_behind_bos():
    corpus, found = asked(end=True)
    for document, prompt, answer in zip(corpus, found.prompt, found.answer, strict=True):
        assert prompt[0] == BYTES.bos
        assert answer[-1] == BYTES.eos
        assert BYTES.decode([*prompt, *answer]) == document.text
    assert asked()[1].answer.shape == (10, 3)
    batch = found.batch
    assert batch.target[batch.weight > 0].view(10, -1).equal(found.answer)


def test_each_pass_reads_every_question_once_in_another_order():
    _, found = asked()
    batches, again = passes(found, 4, seed=3), passes(found, 4, seed=3)
    read = torch.cat([batches(step).ids.view(4, -1) for step in range(5)])
    assert torch.equal(read, torch.cat([again(step).ids.view(4, -1) for step in range(5)]))
    first, second = (sorted(map(tuple, part.tolist())) for part in (read[:10], read[10:]))
    assert first == second
    assert len(set(first)) == 10
    assert not torch.equal(read[:10], read[10:])


def test_log_prob_is_that_of_the_tokens_one_by_one():
    _, found = asked()
    model = small()
    got = answer_log_prob(model, found)
    for row in (0, 7):
        ids, total = found.prompt[row : row + 1], 0.0
        for token in found.answer[row]:
            logits, _ = model.step(model.start(1), ids)
            total += float(logits.log_softmax(-1)[0, token].detach())
            ids = torch.cat([ids, token[None, None]], dim=1)
        assert float(got[row]) == pytest.approx(total, abs=1e-4)


def test_answers_are_the_likeliest_or_drawn_and_leave_out_what_they_should():
    _, found = asked()
    model = small()
    greedy = write(model, found.prompt, 3)
    first = model.step(model.start(10), found.prompt)[0].argmax(-1)
    assert torch.equal(greedy[:, 0], first)
    banned = int(first[0])
    assert not (write(model, found.prompt, 3, never=banned) == banned).any()
    drawn = [write(model, found.prompt, 3, torch.Generator().manual_seed(s)) for s in (1, 1, 2)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_samples_follow_the_model():
    """Of one prompt many times: frequencies of the first token against its probabilities."""
    _, found = asked(1)
    model = small()
    prompt = found.prompt.repeat(5000, 1)
    drawn = write(model, prompt, 1, torch.Generator().manual_seed(0))[:, 0]
    wanted = model.step(model.start(1), found.prompt)[0].softmax(-1)[0].detach()
    got = torch.bincount(drawn, minlength=257) / 5000
    assert float((got - wanted).abs().max()) < 0.02


def test_some_of_them():
    _, found = asked()
    part = found[slice(2, 5)]
    assert isinstance(part, Questions)
    assert len(part) == 3
    assert torch.equal(part.prompt, found.prompt[2:5])
