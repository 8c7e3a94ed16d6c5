"""The two engines that read streams ahead in the background. Both yield the same bytes."""

import grain.python as grain

from data_pipelines.streams import FOREVER


def read(streams, step, engine="grain"):
    """Endless (step, batch) from `step` on; starting anywhere costs the same."""
    if engine == "seqio":
        from data_pipelines import tasks  # loads TensorFlow

        return tasks.read(streams, step)
    return iter(
        grain.MapDataset.range(step, FOREVER)
        .map(lambda at: (int(at), streams.batch(int(at))))
        .to_iter_dataset(grain.ReadOptions(num_threads=1, prefetch_buffer_size=4))
    )
