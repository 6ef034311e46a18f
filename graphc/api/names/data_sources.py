"""Names of sources of datasets, and of ``tf.data.experimental``."""

from __future__ import annotations

from graphc.api.op import Late

_FILES = ("FixedLengthRecordDataset", "TFRecordDataset", "TextLineDataset")
_EXPERIMENTAL = """
    assert_cardinality at bucket_by_sequence_length cardinality choose_from_datasets copy_to_device Counter
    dense_to_ragged_batch dense_to_sparse_batch enable_debug_mode enumerate_dataset from_list get_single_element
    get_structure group_by_window ignore_errors load map_and_batch pad_to_cardinality parallel_interleave
    prefetch_to_device rejection_resample sample_from_datasets save scan shuffle_and_repeat snapshot take_while unbatch
    unique"""
_MODULES = {
    "csv_files": "CsvDataset",
    "experimental": _EXPERIMENTAL,
    "file_datasets": "RandomDataset SqlDataset",
    "make_csv": "make_csv_dataset",
    "make_examples": "TFRecordWriter make_batched_features_dataset parse_example_dataset",
    "optional": "Optional get_next_as_optional",
    "reducing": "Reducer group_by_reducer",
    "tables": "DatasetInitializer index_table_from_dataset table_from_dataset",
}

FUNCTIONS = {
    **{f"data.{name}": Late("graphc.api.data.file_datasets", name) for name in _FILES},
    **{f"data.experimental.{name}": Late(f"graphc.api.data.{module}", name)
       for module, names in _MODULES.items() for name in names.split()},
    "data.experimental.SHARD_HINT": -1,
    "experimental.Optional": Late("graphc.api.data.optional", "Optional"),
    "compat.v1.data.experimental.map_and_batch_with_legacy_function":
        Late("graphc.api.data.experimental", "map_and_batch_with_legacy_function"),
}  # fmt: skip
