"""TensorFlow's messages about records: examples, summaries, events. """

MESSAGES = """
BytesList: 1 bytes* value
FloatList: 1 float* value
Int64List: 1 int64* value
Feature: 1 BytesList bytes_list (kind), 2 FloatList float_list (kind), 3 Int64List int64_list (kind)
Features: 1 {string:Feature} feature
FeatureList: 1 Feature* feature
FeatureLists: 1 {string:FeatureList} feature_list
Example: 1 Features features
SequenceExample: 1 Features context, 2 FeatureLists feature_lists
HistogramProto: 1 double min, 2 double max, 3 double num, 4 double sum, 5 double sum_squares, 6 double* bucket_limit,
    7 double* bucket
SummaryDescription: 1 string type_hint
SummaryMetadata: 1 SummaryMetadata.PluginData plugin_data, 2 string display_name, 3 string summary_description,
    4 DataClass data_class
SummaryMetadata.PluginData: 1 string plugin_name, 2 bytes content
Summary: 1 Summary.Value* value
Summary.Image: 1 int32 height, 2 int32 width, 3 int32 colorspace, 4 bytes encoded_image_string
Summary.Audio: 1 float sample_rate, 2 int64 num_channels, 3 int64 length_frames, 4 bytes encoded_audio_string,
    5 string content_type
Summary.Value: 7 string node_name, 1 string tag, 9 SummaryMetadata metadata, 2 float simple_value (value),
    3 bytes obsolete_old_style_histogram (value), 4 Summary.Image image (value), 5 HistogramProto histo (value),
    6 Summary.Audio audio (value), 8 TensorProto tensor (value)
enum DataClass: 0 DATA_CLASS_UNKNOWN, 1 DATA_CLASS_SCALAR, 2 DATA_CLASS_TENSOR, 3 DATA_CLASS_BLOB_SEQUENCE
Event: 1 double wall_time, 2 int64 step, 3 string file_version (what), 4 bytes graph_def (what),
    5 Summary summary (what), 6 LogMessage log_message (what), 7 SessionLog session_log (what),
    8 TaggedRunMetadata tagged_run_metadata (what), 9 bytes meta_graph_def (what), 10 SourceMetadata source_metadata
SourceMetadata: 1 string writer
LogMessage: 1 LogMessage.Level level, 2 string message
enum LogMessage.Level: 0 UNKNOWN, 10 DEBUGGING, 20 INFO, 30 WARN, 40 ERROR, 50 FATAL
SessionLog: 1 SessionLog.SessionStatus status, 2 string checkpoint_path, 3 string msg
enum SessionLog.SessionStatus: 0 STATUS_UNSPECIFIED, 1 START, 2 STOP, 3 CHECKPOINT
TaggedRunMetadata: 1 string tag, 2 bytes run_metadata
"""
