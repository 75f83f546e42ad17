"""The order of images: each once an epoch, and the same from wherever a run goes on."""

import numpy as np

from dcgan_hub.training.feed import Batches, epoch_order, training_dataset

IMAGES = np.arange(11, dtype=np.uint8).reshape(11, 1, 1, 1) * np.ones((1, 2, 2, 1), np.uint8)


def shown(steps, seed=4):
    batches = Batches(IMAGES, 3, seed)
    return [batches(step)[:, 0, 0, 0].tolist() for step in steps]


def test_each_image_is_shown_at_most_once_an_epoch():
    epoch = [image for batch in shown(range(3)) for image in batch]
    assert len(epoch) == len(set(epoch)) == 9


def test_epochs_and_seeds_differ():
    orders = [epoch_order(50, seed, epoch).tolist() for seed, epoch in ((0, 0), (0, 1), (1, 0))]
    assert len({tuple(order) for order in orders}) == 3
    assert all(sorted(order) == list(range(50)) for order in orders)


def test_a_batch_holds_the_images_of_its_place_in_the_order():
    order = np.random.RandomState([4, 2]).permutation(11)  # of the third pass over the images
    assert shown([7]) == [sorted(order[3:6].tolist())]


def test_going_on_at_any_step_continues_the_same_order():
    whole = shown(range(10))
    for step in range(10):
        assert shown(range(step, 10)) == whole[step:]


def test_the_dataset_gives_the_same_batches():
    dataset = training_dataset(IMAGES, 3, seed=4, step=2)
    batches = [batch.numpy()[:, 0, 0, 0].tolist() for batch in dataset.take(5)]
    assert batches == shown(range(2, 7))
    assert dataset.element_spec.shape == (3, 2, 2, 1)
