"""Dataset: a pipeline of a source and transformations, as the program sees it.

A Dataset holds a *stage* (``graphc.api.data.stage``). How a source is written::

    class Lines(Stage):
        kind, method = "TextLineDatasetV2", "TextLineDataset"   # as repr shows it; as messages call it

        def __init__(self, names):
            super().__init__(TensorSpec((), dt.string))         # the element_spec: a structure of specs
            self.names = names

        def open(self, run):                                    # a new iteration: a Flow
            return OfRows(rows(self.names))                     # an iterator of tuples, one component per leaf

        def size(self):                                         # optional: how many elements, INFINITE or UNKNOWN
            return UNKNOWN

    class TextLineDataset(Dataset):
        def __init__(self, filenames, ...):
            super().__init__(Lines(filenames))

Components are NumPy arrays (rank 0 for scalars, dtype object with bytes for strings), sparse or ragged tensors. A Flow
of one's own gives blocks of many elements at once (``Block(count, [array with a row per element, ...])``), at most as
many as ``pull(most)`` asks for. ``run.closed`` is an Event that is set when the iterator is dropped; then ``close`` of
a flow is called. A transformation takes its stage's ``inputs`` and opens them: ``self.inputs[0].open(run)``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphc.api.autograph import converted
from graphc.api.data.batching import Batch, PaddedBatch, RaggedBatch, Rebatch, SparseBatch, Unbatch
from graphc.api.data.buckets import bucketed
from graphc.api.data.caching import Cache
from graphc.api.data.element import DatasetSpec, builder, leaves, number_of, pack, value_of
from graphc.api.data.generator import generated
from graphc.api.data.iterator import Iterator, NumpyIterator
from graphc.api.data.joining import Interleave, chosen, cycle_of, sampled
from graphc.api.data.mapping import Filter, Map, Reducing, Scan
from graphc.api.data.options import Options
from graphc.api.data.resampling import Resampled
from graphc.api.data.selecting import Concatenate, Repeat, Shard, Skip, Take, Zip, enumerated
from graphc.api.data.shuffling import Shuffle
from graphc.api.data.sources import Names, RandomNumbers
from graphc.api.data.special import IgnoreErrors, Unique, WithOptions
from graphc.api.data.stage import INFINITE, UNKNOWN, Run, Stage
from graphc.api.data.storing import FileCache, Saved, save
from graphc.api.data.tensors import Numbers, OneTensor, Slices, is_symbolic
from graphc.api.data.taken import Components, unrolled
from graphc.api.data.threads import AUTOTUNE, Prefetch
from graphc.api.data.tracing import is_tracing, promised, stands_in
from graphc.api.data.traced_reduce import reduced
from graphc.api.data.windows import Grouped, Window
from graphc.api.eager import EAGER
from graphc.api.recorder import RECORDERS
from graphc.errors import DtypeError, InvalidArgumentError, UsageError, explain
from graphc.ir import dtype as dt


class Dataset:
    """A sequence of elements, each a structure of tensors: tuples, named tuples and dictionaries.

    Made by ``from_tensor_slices`` and its likes, and from other datasets by methods. Iterating it runs it anew.
    """

    def __init__(self, stage: Stage):
        self.stage = stage

    @property
    def element_spec(self):
        """The TensorSpecs of an element, in its structure."""
        return self.stage.element_spec

    def __iter__(self) -> Iterator:
        if RECORDERS.top is not None and RECORDERS.top.captures:
            raise unrolled("a Dataset")
        return self.opened()

    def opened(self) -> Iterator:
        """A new iterator, whatever is being traced."""
        return Iterator(self.stage, Run(self.options()))

    def is_known(self) -> bool:
        """Whether it has elements, or stands in for a dataset where functions are traced for their types."""
        return is_tracing() or not stands_in(self.stage)

    def as_numpy_iterator(self) -> NumpyIterator:
        """An iterator of elements as NumPy arrays."""
        return NumpyIterator(self.opened())

    def __repr__(self):
        return f"<{self.stage.kind} element_spec={self.element_spec!r}>"

    def __len__(self) -> int:
        """The number of elements.

        Raises:
            TypeError: there is no end, or it is not known.
        """
        count = self.stage.size()
        if count == INFINITE:
            raise TypeError(explain("The dataset is infinite."))
        if count == UNKNOWN:
            raise TypeError(explain("The dataset length is unknown."))
        return count

    def __bool__(self) -> bool:
        return True

    def cardinality(self):
        """The number of elements as an int64 scalar; INFINITE_CARDINALITY (-1) or UNKNOWN_CARDINALITY (-2)."""
        return EAGER.convert(np.int64(self.stage.size()))

    # ------------------------------------------------------------------------------------------- sources

    @staticmethod
    def from_tensors(tensors, name=None) -> "Dataset":
        """One element: the structure of tensors itself."""
        return Dataset(OneTensor(tensors))

    @staticmethod
    def from_tensor_slices(tensors, name=None) -> "Dataset":
        """The rows of a structure of tensors of one leading size.

        Raises:
            ShapeError: they have different numbers of rows, or none.
        """
        return Dataset(Slices(tensors))

    @staticmethod
    def from_generator(generator, output_types=None, output_shapes=None, args=None, output_signature=None,
                       name=None) -> "Dataset":  # fmt: skip
        """What ``generator(*args)`` yields, one at a time and not before it is asked for.

        Args:
            output_signature: the structure of TensorSpecs that each element fits.
            output_types, output_shapes: the same as structures of dtypes and shapes.
            args: tensors that the generator is given as arrays.

        Raises:
            UsageError: the arguments do not fit together.
            InvalidArgumentError, ShapeError, DtypeError: while iterating, an element does not fit.
        """
        return Dataset(generated(generator, output_types, output_shapes, args, output_signature))

    @staticmethod
    def range(*args, **kwargs) -> "Dataset":
        """Numbers: of ``stop``, ``start, stop`` or ``start, stop, step``; ``output_type`` is their dtype."""
        kind = kwargs.pop("output_type", dt.i64)
        kwargs.pop("name", None)
        if kwargs or not 1 <= len(args) <= 3:
            raise UsageError(
                explain(f"range: takes stop, start and stop, or start, stop and step, got {args} {kwargs}")
            )
        numbers = [number_of("range", "each argument", a) for a in args]
        start, stop, step = (0, numbers[0], 1) if len(args) == 1 else (*numbers, 1)[:3]
        return _made(Numbers(start, stop, step, dt.as_dtype(kind)), *args)

    @staticmethod
    def counter(start=0, step=1, dtype=dt.i64, name=None) -> "Dataset":
        """Numbers from ``start`` on without end."""
        numbers = Numbers(
            number_of("counter", "start", start), None, number_of("counter", "step", step), dt.as_dtype(dtype)
        )
        numbers.kind, numbers.method = "_ScanDataset", "counter"
        return _made(numbers, start, step)

    @staticmethod
    def random(seed=None, rerandomize_each_iteration=None, name=None) -> "Dataset":
        """Random int64 numbers in [0, 2**32) without end."""
        return Dataset(RandomNumbers(seed, rerandomize_each_iteration))

    @staticmethod
    def list_files(file_pattern, shuffle=None, seed=None, name=None) -> "Dataset":
        """The names of files that match patterns; in random order unless ``shuffle`` is False.

        Raises:
            InvalidArgumentError: there are none.
        """
        names = Names(file_pattern)
        return Dataset(Shuffle(names, max(names.size(), 1), seed, True) if shuffle is None or shuffle else names)

    @staticmethod
    def zip(*args, datasets=None, name=None) -> "Dataset":
        """The elements of several datasets side by side: ``zip(a, b)`` or a nested structure ``zip((a, {"b": b}))``.

        Raises:
            DtypeError: something in it is no dataset.
        """
        if args and datasets is not None:
            raise UsageError(explain("zip: give datasets either by position or as datasets"))
        structure = datasets if datasets is not None else args[0] if len(args) == 1 else args
        if isinstance(structure, list):
            raise DtypeError(explain("zip: datasets must be a tuple or dictionary, not a list"))
        stages = [stage_of("zip", d) for d in leaves(structure)]
        return Dataset(Zip(stages, pack(structure, iter([s.element_spec for s in stages])) if stages else ()))

    @staticmethod
    def choose_from_datasets(datasets, choice_dataset, stop_on_empty_dataset=True) -> "Dataset":
        """The next element of the dataset whose number ``choice_dataset`` gives."""
        stages = [stage_of("choose_from_datasets", d) for d in datasets]
        return Dataset(chosen(stages, stage_of("choose_from_datasets", choice_dataset), bool(stop_on_empty_dataset)))

    @staticmethod
    def sample_from_datasets(datasets, weights=None, seed=None, stop_on_empty_dataset=False,
                             rerandomize_each_iteration=None) -> "Dataset":  # fmt: skip
        """Elements of datasets drawn by their ``weights`` (all alike for None)."""
        stages = [stage_of("sample_from_datasets", d) for d in datasets]
        given = weights.stage if isinstance(weights, Dataset) else None if weights is None else value_of(weights)
        again = rerandomize_each_iteration is None or bool(rerandomize_each_iteration)
        return Dataset(sampled(stages, given, seed, bool(stop_on_empty_dataset), again))

    # ------------------------------------------------------------------------------------------ functions

    def map(self, map_func, num_parallel_calls=None, deterministic=None, synchronous=None,
            use_unbounded_threadpool=False, name=None) -> "Dataset":  # fmt: skip
        """``map_func`` of every element; a tuple is several arguments.

        It is called once with stand-ins. What depends on nothing but the element is compiled and runs over many
        elements at once; else it is called for each element in order, by ``num_parallel_calls`` threads if given.

        Args:
            deterministic: whether answers keep the order of the elements (True by default).
        """
        workers = None if num_parallel_calls is None else number_of("map", "num_parallel_calls", num_parallel_calls)
        if workers is not None and workers < 1 and workers != AUTOTUNE:
            raise InvalidArgumentError(explain(f"map: num_parallel_calls must be positive or AUTOTUNE, got {workers}"))
        return Dataset(Map(self.stage, _function(map_func), workers, self._in_order(deterministic)))

    def _in_order(self, deterministic) -> bool:
        return deterministic is not False and (deterministic or self.options().deterministic is not False)

    def flat_map(self, map_func, name=None) -> "Dataset":
        """The elements of the datasets that ``map_func`` makes of the elements, one after the other."""
        return Dataset(Interleave(self.stage, _function(map_func), 1, 1, "flat_map"))

    def interleave(self, map_func, cycle_length=None, block_length=None, num_parallel_calls=None, deterministic=None,
                   name=None) -> "Dataset":  # fmt: skip
        """``block_length`` elements in turn of ``cycle_length`` of the datasets that ``map_func`` makes of elements.

        Args:
            cycle_length: the number of processors if None.
            num_parallel_calls: if given, threads read these datasets ahead; the order stays the same.
        """
        cycle = cycle_of(None if cycle_length is None else number_of("interleave", "cycle_length", cycle_length))
        block = 1 if block_length is None else number_of("interleave", "block_length", block_length, 1)
        return Dataset(Interleave(self.stage, _function(map_func), cycle, block, "interleave", num_parallel_calls))

    def filter(self, predicate, name=None) -> "Dataset":
        """The elements for which ``predicate`` is true."""
        return Dataset(Filter(self.stage, _function(predicate)))

    def take_while(self, predicate, name=None) -> "Dataset":
        """The elements before the first for which ``predicate`` is false."""
        return Dataset(Filter(self.stage, _function(predicate), True))

    def scan(self, initial_state, scan_func, name=None) -> "Dataset":
        """``state, output = scan_func(state, element)`` for every element: the outputs."""
        return Dataset(Scan(self.stage, initial_state, _function(scan_func)))

    def reduce(self, initial_state, reduce_func, name=None):
        """The last of ``state = reduce_func(state, element)`` over all elements."""
        found = Reducing(self.stage, initial_state, _function(reduce_func))
        if is_tracing():
            if stands_in(found):
                return promised(found.state.spec)
        elif RECORDERS.top is not None and RECORDERS.top.captures:
            return reduced(RECORDERS.top, self, initial_state, _function(reduce_func))
        return builder(found.state.spec)(found.result(Run(self.options())))

    def apply(self, transformation_func) -> "Dataset":
        """What a function from a dataset to a dataset makes of this one."""
        found = transformation_func(self)
        if not isinstance(found, Dataset):
            raise DtypeError(explain(f"apply: transformation_func must answer with a Dataset, not {found!r}"))
        return found

    # ------------------------------------------------------------------------------------------- batches

    def batch(
        self, batch_size, drop_remainder=False, num_parallel_calls=None, deterministic=None, name=None
    ) -> "Dataset":
        """``batch_size`` elements at a time on a new leading axis; the last batch may be smaller.

        Raises:
            InvalidArgumentError: while iterating, elements of a batch have different shapes.
        """
        kind = None if num_parallel_calls is None or num_parallel_calls == 1 else "_ParallelBatchDataset"
        return _made(Batch(self.stage, batch_size, drop_remainder, kind), batch_size)

    def ragged_batch(self, batch_size, drop_remainder=False, row_splits_dtype=dt.i64, name=None) -> "Dataset":
        """Batches of elements of any sizes as ragged tensors."""
        return Dataset(RaggedBatch(self.stage, batch_size, drop_remainder, row_splits_dtype))

    def sparse_batch(self, batch_size, row_shape, name=None) -> "Dataset":
        """Batches of elements of any sizes up to ``row_shape`` as sparse tensors."""
        return Dataset(SparseBatch(self.stage, batch_size, row_shape))

    def padded_batch(
        self, batch_size, padded_shapes=None, padding_values=None, drop_remainder=False, name=None
    ) -> "Dataset":
        """Batches of elements padded to one shape.

        Args:
            padded_shapes: the structure of shapes; None for a size is the largest in the batch.
            padding_values: one value or a structure of them; 0 and empty strings by default.
        """
        return Dataset(PaddedBatch(self.stage, batch_size, padded_shapes, padding_values, drop_remainder))

    def unbatch(self, name=None) -> "Dataset":
        """The rows of the elements."""
        return Dataset(Unbatch(self.stage))

    def rebatch(self, batch_size, drop_remainder=False, name=None) -> "Dataset":
        """The rows of the elements in batches of another size, or of several sizes in turn."""
        return Dataset(Rebatch(self.stage, batch_size, drop_remainder))

    def window(self, size, shift=None, stride=1, drop_remainder=False, name=None) -> "Dataset":
        """Datasets of ``size`` elements, of every ``stride``-th, each ``shift`` (``size`` if None) behind the last."""
        return _made(Window(self.stage, size, shift, stride, drop_remainder), size, shift, stride)

    def group_by_window(self, key_func, reduce_func, window_size=None, window_size_func=None, name=None) -> "Dataset":
        """``reduce_func(key, dataset)`` of ``window_size`` elements of one key at a time."""
        if (window_size is None) == (window_size_func is None):
            raise UsageError(explain("group_by_window: give either window_size or window_size_func"))
        fixed = None if window_size is None else number_of("group_by_window", "window_size", window_size, 1)
        width = (lambda key: fixed) if fixed is not None else lambda key: window_size_func(EAGER.convert(np.int64(key)))
        functions = _function(key_func), _function(reduce_func)
        return Dataset(Grouped(self.stage, "group_by_window", *functions, width, "key_func"))

    def bucket_by_sequence_length(self, element_length_func, bucket_boundaries, bucket_batch_sizes, padded_shapes=None,
                                  padding_values=None, pad_to_bucket_boundary=False, no_padding=False,
                                  drop_remainder=False, name=None) -> "Dataset":  # fmt: skip
        """Batches of elements of similar lengths, padded.

        Args:
            element_length_func: the length of an element.
            bucket_boundaries: ascending upper limits of lengths; bucket_batch_sizes: one more than that.
            pad_to_bucket_boundary: pad to the limit of the bucket, less 1, in place of the longest in the batch.
            no_padding: batch without padding.
        """

        def batched(dataset, size, shapes, is_known):
            drops = drop_remainder and is_known  # otherwise the number of rows is open
            return (
                dataset.batch(size, drops) if no_padding else dataset.padded_batch(size, shapes, padding_values, drops)
            )

        if no_padding and pad_to_bucket_boundary:
            raise UsageError(
                explain("bucket_by_sequence_length: no_padding and pad_to_bucket_boundary exclude each other")
            )
        return Dataset(bucketed(self.stage, _function(element_length_func), bucket_boundaries, bucket_batch_sizes,
                                batched, padded_shapes, bool(pad_to_bucket_boundary)))  # fmt: skip

    # -------------------------------------------------------------------------------------- which elements

    def shuffle(self, buffer_size, seed=None, reshuffle_each_iteration=True, name=None) -> "Dataset":
        """Elements in random order: each is drawn from a buffer of the next ``buffer_size`` ones.

        Args:
            seed: with it, or after ``tf.random.set_seed``, the order is the same in every run of the program.
            reshuffle_each_iteration: whether every iteration has another order.
        """
        again = reshuffle_each_iteration is None or bool(reshuffle_each_iteration)
        return Dataset(Shuffle(self.stage, buffer_size, seed, again))

    def repeat(self, count=None, name=None) -> "Dataset":
        """All elements ``count`` times; without end for None or -1."""
        return _made(Repeat(self.stage, -1 if count is None else number_of("repeat", "count", count)), count)

    def take(self, count, name=None) -> "Dataset":
        """The first ``count`` elements; all for -1."""
        return _made(Take(self.stage, number_of("take", "count", count)), count)

    def skip(self, count, name=None) -> "Dataset":
        """Without the first ``count`` elements; none for -1."""
        return _made(Skip(self.stage, number_of("skip", "count", count)), count)

    def shard(self, num_shards, index, name=None) -> "Dataset":
        """Every ``num_shards``-th element, from that at ``index`` on."""
        numbers = number_of("shard", "num_shards", num_shards), number_of("shard", "index", index)
        if is_symbolic(num_shards) or is_symbolic(index):
            numbers = 1, 0
        return _made(Shard(self.stage, *numbers), num_shards, index)

    def concatenate(self, dataset, name=None) -> "Dataset":
        """The elements of this dataset, then those of another."""
        return Dataset(Concatenate(self.stage, stage_of("concatenate", dataset)))

    def enumerate(self, start=0, name=None) -> "Dataset":
        """Pairs of a number from ``start`` on and the element."""
        return _made(enumerated(self.stage, number_of("enumerate", "start", start)), start)

    def unique(self, name=None) -> "Dataset":
        """Without elements that came before."""
        return Dataset(Unique(self.stage))

    def rejection_resample(self, class_func, target_dist, initial_dist=None, seed=None, name=None) -> "Dataset":
        """Pairs of a class and the element, some left out so that classes come as often as ``target_dist`` says.

        Args:
            class_func: the class of an element, an int32 scalar.
            initial_dist: how often classes come in this dataset; counted while running if None.
        """
        return Dataset(Resampled(self.stage, _function(class_func), target_dist, initial_dist, seed))

    def ignore_errors(self, log_warning=False, name=None) -> "Dataset":
        """Without elements that could not be made."""
        return Dataset(IgnoreErrors(self.stage, log_warning))

    def get_single_element(self, name=None):
        """The only element.

        Raises:
            InvalidArgumentError: there is none, or more than one.
        """
        if stands_in(self.stage):
            return promised(self.element_spec)
        if RECORDERS.top is not None and RECORDERS.top.captures:
            return Components("get_single_element", self.element_spec).taken(self._only)
        return builder(self.element_spec)(self._only())

    def _only(self) -> tuple:
        """The components of the only element."""
        iterator = self.opened()
        row = iterator.row()
        if row is None:
            raise InvalidArgumentError(explain("get_single_element: Dataset was empty."))
        if iterator.row() is not None:
            raise InvalidArgumentError(explain("get_single_element: Dataset had more than one element."))
        return row

    # --------------------------------------------------------------------------------------- how it is run

    def prefetch(self, buffer_size, name=None) -> "Dataset":
        """The same elements, of which a thread makes the next ``buffer_size`` while one is worked on."""
        size = AUTOTUNE if buffer_size is None else number_of("prefetch", "buffer_size", buffer_size, -1)
        return Dataset(Prefetch(self.stage, size))

    def cache(self, filename="", name=None) -> "Dataset":
        """The same elements, kept in memory or in files from the first iteration that comes to the end on."""
        name = filename.numpy().decode() if hasattr(filename, "numpy") else str(filename or "")
        return Dataset(FileCache(self.stage, name) if name else Cache(self.stage))

    def snapshot(self, path, compression="AUTO", reader_func=None, shard_func=None, name=None) -> "Dataset":
        """The same elements, kept below ``path`` from the first iteration that comes to the end on."""
        found = FileCache(self.stage, f"{path}/snapshot")
        found.method = "snapshot"
        return Dataset(found)

    def save(self, path, compression=None, shard_func=None, checkpoint_args=None) -> None:
        """Write all elements below a directory; ``Dataset.load`` reads them."""
        save(self.stage, path, Run(self.options()))

    @staticmethod
    def load(path, element_spec=None, compression=None, reader_func=None, wait=False) -> "Dataset":
        """What ``save`` wrote.

        Raises:
            NotFoundError: nothing is there. FormatError: it is damaged. DtypeError: it has another ``element_spec``.
        """
        return Dataset(Saved(path, element_spec))

    def options(self) -> Options:
        """What was said by ``with_options``, here and in the datasets that this one reads."""
        found, waiting = Options(), [self.stage]
        order: list[Stage] = []
        while waiting:
            stage = waiting.pop()
            order.append(stage)
            waiting.extend(stage.inputs)
        for stage in order[::-1]:
            if isinstance(stage, WithOptions):
                found = found.merge(stage.options)
        return found

    def with_options(self, options, name=None) -> "Dataset":
        """The same elements, made as the options say."""
        if not isinstance(options, Options):
            raise DtypeError(explain(f"with_options: needs tf.data.Options, got {options!r}"))
        return Dataset(WithOptions(self.stage, options))


def stage_of(op: str, dataset) -> Stage:
    """The stage of a dataset.

    Raises:
        DtypeError: it is something else.
    """
    if not isinstance(dataset, Dataset):
        raise DtypeError(explain(f"{op}: needs a tf.data.Dataset, got {dataset!r}"))
    return dataset.stage


def _made(stage: Stage, *values) -> Dataset:
    """A dataset made of these arguments, which a function that is being traced may have been given."""
    stage.is_given = stage.is_given or any(map(is_symbolic, values))
    return Dataset(stage)


def _function(function) -> Callable:
    """A user's function with its control flow on tensors converted."""
    return converted(function) if callable(function) else function


DatasetSpec.value_type = Dataset
