import torch

from sklearn_mm.nn.skill import Skill


def rows(*losses):
    """Give two modalities the same losses, the second one in no row."""
    losses = torch.tensor(losses)
    return torch.stack([losses, torch.zeros_like(losses)])


def test_in_training_skill_comes_near_the_share_of_the_priors_loss_that_is_saved():
    skill = Skill(2)
    for _ in range(200):
        skill.follow(rows(0.5, 0.7), rows(0.8, 0.8))
    # A modality that no row has keeps what it had.
    torch.testing.assert_close(
        skill.alone, torch.tensor([0.25, 0.0]), atol=1e-4, rtol=0
    )


def test_on_held_out_rows_it_is_that_of_all_batches_of_the_epoch():
    skill = Skill(2)
    skill.add(rows(0.1), rows(0.5), torch.tensor([0.2]), torch.tensor([0.5]))
    skill.add(rows(0.5), rows(0.5), torch.tensor([0.0]), torch.tensor([0.5]))
    assert skill.alone[0] == 0.0
    skill.settle()
    torch.testing.assert_close(skill.alone, torch.tensor([0.4, 0.0]))
    torch.testing.assert_close(skill.together, torch.tensor(0.8))


def test_each_epoch_is_judged_by_itself():
    skill = Skill(2)
    for loss in (0.1, 0.4):
        skill.add(rows(loss), rows(0.5), torch.tensor([loss]), torch.tensor([0.5]))
        skill.settle()
    torch.testing.assert_close(skill.together, torch.tensor(0.2))


def test_without_held_out_rows_nothing_changes():
    skill = Skill(2)
    skill.follow(rows(0.5), rows(0.8))
    before = skill.alone.clone()
    skill.settle()
    torch.testing.assert_close(skill.alone, before)
