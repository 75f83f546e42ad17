"""A batch that does not fit into memory: the run ends with the largest one that does."""

from dcgan_hub.training.largest_batch import _largest_that_fits


def test_the_largest_half_that_fits_and_can_be_divided_is_found():
    tried = []

    def fits(batch_size):
        tried.append(batch_size)
        return batch_size <= 300

    assert _largest_that_fits(fits, 4096, replicas=1) == 256
    assert tried == [2048, 1024, 512, 256], "no step that is not needed"
    assert _largest_that_fits(fits, 1200, replicas=4) == 300
    assert _largest_that_fits(fits, 4, replicas=4) is None
    assert _largest_that_fits(lambda batch_size: False, 7, replicas=1) is None
