"""Names of operations on strings."""

from __future__ import annotations

from graphc.api import strings as pieces
from graphc.api.op import Op
from graphc.lib import strings

ROWS = (
    Op("strings.as_string as_string", "AsString", strings.as_string, "input"),
    Op("strings.format", "StringFormat", strings.format, "*inputs"),
    Op("strings.join", "StringJoin", strings.join, "*inputs"),
    Op("strings.length", "StringLength", strings.length, "input"),
    Op("strings.lower", "StringLower", strings.lower, "input"),
    Op("strings.upper", "StringUpper", strings.upper, "input"),
    Op("strings.strip", "StringStrip", strings.strip, "input"),
    Op("strings.substr", "Substr", strings.substr, "input | pos len"),
    Op("strings.reduce_join", "ReduceJoin", strings.reduce_join, "inputs"),
    Op("strings.unsorted_segment_join", "UnsortedSegmentJoin", strings.unsorted_segment_join, "inputs | segment_ids"),
    Op("strings.regex_full_match", "RegexFullMatch", strings.regex_full_match, "input"),
    Op("strings.regex_replace", "RegexReplace", strings.regex_replace, "input"),
    Op("strings.to_number", "StringToNumber", strings.to_number, "input"),
    Op("strings.to_hash_bucket", "StringToHashBucket", strings.to_hash_bucket, "input"),
    Op("strings.to_hash_bucket_fast", "StringToHashBucketFast", strings.to_hash_bucket_fast, "input"),
    Op("strings.to_hash_bucket_strong", "StringToHashBucketStrong", strings.to_hash_bucket_strong, "input"),
    Op("strings.unicode_transcode", "UnicodeTranscode", strings.unicode_transcode, "input"),
    Op("strings.unicode_script", "UnicodeScript", strings.unicode_script, "input"),
    Op("fingerprint", "Fingerprint", strings.fingerprint, "data"),
)

FUNCTIONS = {
    f"strings.{name}": getattr(pieces, name)
    for name in (
        "bytes_split", "ngrams", "split", "unicode_decode", "unicode_decode_with_offsets", "unicode_encode",
        "unicode_split", "unicode_split_with_offsets",
    )
} | {"compat.v1.strings.split": pieces.split_v1, "compat.v1.string_split": pieces.string_split}  # fmt: skip
