"""The order of images: each once an epoch, and the same from wherever a run goes on."""

import itertools

import numpy as np

from dcgan_hub.training.feed import batches_from, epoch_order, training_dataset

IMAGES = np.arange(11, dtype=np.uint8).reshape(11, 1, 1, 1) * np.ones((1, 2, 2, 1), np.uint8)


def shown(batches, count):
    return [batch[:, 0, 0, 0].tolist() for batch in itertools.islice(batches, count)]


def test_each_image_is_shown_at_most_once_an_epoch():
    epoch = [image for batch in shown(batches_from(IMAGES, 3, seed=1, step=0), 3) for image in batch]
    assert len(epoch) == len(set(epoch)) == 9


def test_epochs_and_seeds_differ():
    orders = [epoch_order(50, seed, epoch).tolist() for seed, epoch in ((0, 0), (0, 1), (1, 0))]
    assert len({tuple(order) for order in orders}) == 3
    assert all(sorted(order) == list(range(50)) for order in orders)


def test_going_on_at_any_step_continues_the_same_order():
    whole = shown(batches_from(IMAGES, 3, seed=4, step=0), 10)
    for step in range(10):
        assert shown(batches_from(IMAGES, 3, seed=4, step=step), 10 - step) == whole[step:]


def test_the_dataset_gives_the_same_batches():
    dataset = training_dataset(IMAGES, 3, seed=4, step=2)
    batches = [batch.numpy()[:, 0, 0, 0].tolist() for batch in dataset.take(5)]
    assert batches == shown(batches_from(IMAGES, 3, seed=4, step=2), 5)
    assert dataset.element_spec.shape == (3, 2, 2, 1)
