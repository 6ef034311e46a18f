"""Names of reading, writing and parsing."""

from __future__ import annotations

from graphc.api import gfile, io, parsing, records, tensor_proto
from graphc.api.op import Late, Op
from graphc.lib import files, strings
from graphc.lib import parsing as lib

ROWS = (
    Op("io.encode_base64", "EncodeBase64", strings.encode_base64, "input"),
    Op("io.decode_base64", "DecodeBase64", strings.decode_base64, "input"),
    Op("io.decode_compressed", "DecodeCompressed", strings.decode_compressed, "bytes"),
    Op("io.decode_raw", "DecodeRaw", strings.decode_raw, "input_bytes"),
    Op("io.serialize_tensor", "SerializeTensor", lib.serialize_tensor, "tensor"),
    Op("io.read_file", "ReadFile", files.read_file, "filename", effect=True),
    Op("io.write_file", "WriteFile", files.write_file, "filename contents", effect=True),
    Op("io.matching_files", "MatchingFiles", files.matching_files, "pattern", effect=True),
)

_MESSAGES = ("BytesList", "ClusterDef", "Example", "Feature", "FeatureList", "FeatureLists", "Features", "FloatList",
             "Int64List", "JobDef", "SequenceExample", "ServerDef")  # fmt: skip
_FEATURES = ("FixedLenFeature", "FixedLenSequenceFeature", "RaggedFeature", "SparseFeature", "VarLenFeature")
_IO = ("decode_csv", "match_filenames_once", "parse_tensor")
_PROTO = ("decode_json_example", "decode_proto", "encode_proto")
_PARSERS = ("parse_example", "parse_sequence_example", "parse_single_example", "parse_single_sequence_example")

_GFILE = (
    "GFile copy exists get_registered_schemes glob isdir join listdir makedirs mkdir remove rename rmtree stat walk"
).split()
_OLD_GFILE = {
    "Copy": "copy", "DeleteRecursively": "rmtree", "Exists": "exists", "FastGFile": "GFile", "GFile": "GFile",
    "Glob": "glob", "IsDirectory": "isdir", "ListDirectory": "listdir", "MakeDirs": "makedirs", "MkDir": "mkdir",
    "Open": "GFile", "Remove": "remove", "Rename": "rename", "Stat": "stat", "Walk": "walk",
}  # fmt: skip

FUNCTIONS = {
    **{f"io.gfile.{name}": getattr(gfile, name) for name in _GFILE},
    **{f"compat.v1.gfile.{old}": getattr(gfile, new) for old, new in _OLD_GFILE.items()},
    "io.TFRecordOptions": records.TFRecordOptions,
    "io.TFRecordWriter": records.TFRecordWriter,
    "compat.v1.io.tf_record_iterator": records.tf_record_iterator,
    "compat.v1.python_io.tf_record_iterator": records.tf_record_iterator,
    "compat.v1.python_io.TFRecordWriter": records.TFRecordWriter,
    "compat.v1.python_io.TFRecordOptions": records.TFRecordOptions,
    "compat.v1.python_io.TFRecordCompressionType": records.TFRecordCompressionType,
    "compat.v1.io.TFRecordCompressionType": records.TFRecordCompressionType,
    "make_tensor_proto": tensor_proto.make_tensor_proto,
    "make_ndarray": tensor_proto.make_ndarray,
    **{f"io.{name}": getattr(io, name) for name in _IO},
    **{f"io.{name}": Late("graphc.api.proto", name) for name in _PROTO},
    "io.write_graph": Late("graphc.api.graph_files", "write_graph"),
    "train.ClusterSpec": Late("graphc.api.cluster", "ClusterSpec"),
    "train.Coordinator": Late("graphc.api.coordinator", "Coordinator"),
    "train.ExponentialMovingAverage": Late("graphc.api.moving_average", "ExponentialMovingAverage"),
    **{f"train.{name}": Late("graphc.formats.protos", name) for name in _MESSAGES},
    **{f"io.{name}": getattr(parsing, name) for name in (*_FEATURES, *_PARSERS)},
}
