"""TensorFlow's messages about saved things: checkpoints, meta graphs, SavedModels. """

MESSAGES = """
BundleHeaderProto: 1 int32 num_shards, 2 BundleHeaderProto.Endianness endianness, 3 VersionDef version
enum BundleHeaderProto.Endianness: 0 LITTLE, 1 BIG
BundleEntryProto: 1 DataType dtype, 2 TensorShapeProto shape, 3 int32 shard_id, 4 int64 offset, 5 int64 size,
    6 fixed32 crc32c, 7 TensorSliceProto* slices
SavedSliceMeta: 1 string name, 2 TensorShapeProto shape, 3 DataType type, 4 TensorSliceProto* slice
SavedTensorSliceMeta: 1 SavedSliceMeta* tensor, 2 VersionDef versions
SavedSlice: 1 string name, 2 TensorSliceProto slice, 3 TensorProto data
SavedTensorSlices: 1 SavedTensorSliceMeta meta, 2 SavedSlice data
VariableDef: 1 string variable_name, 6 string initial_value_name, 2 string initializer_name, 3 string snapshot_name,
    4 SaveSliceInfoDef save_slice_info_def, 5 bool is_resource, 7 bool trainable,
    8 VariableSynchronization synchronization, 9 VariableAggregation aggregation
SaveSliceInfoDef: 1 string full_name, 2 int64* full_shape, 3 int64* var_offset, 4 int64* var_shape
enum VariableSynchronization: 0 VARIABLE_SYNCHRONIZATION_AUTO, 1 VARIABLE_SYNCHRONIZATION_NONE,
    2 VARIABLE_SYNCHRONIZATION_ON_WRITE, 3 VARIABLE_SYNCHRONIZATION_ON_READ
enum VariableAggregation: 0 VARIABLE_AGGREGATION_NONE, 1 VARIABLE_AGGREGATION_SUM, 2 VARIABLE_AGGREGATION_MEAN,
    3 VARIABLE_AGGREGATION_ONLY_FIRST_REPLICA
SaverDef: 1 string filename_tensor_name, 2 string save_tensor_name, 3 string restore_op_name, 4 int32 max_to_keep,
    5 bool sharded, 6 float keep_checkpoint_every_n_hours, 7 SaverDef.CheckpointFormatVersion version
enum SaverDef.CheckpointFormatVersion: 0 LEGACY, 1 V1, 2 V2
QueueRunnerDef: 1 string queue_name, 2 string* enqueue_op_name, 3 string close_op_name, 4 string cancel_op_name,
    5 ErrorCode* queue_closed_exception_types
ValuesDef: 1 string* values, 2 {string:string} external_values
ControlFlowContextDef: 1 CondContextDef cond_ctxt (ctxt), 2 WhileContextDef while_ctxt (ctxt)
CondContextDef: 1 string context_name, 2 string pred_name, 3 string pivot_name, 4 int32 branch,
    5 ValuesDef values_def, 6 ControlFlowContextDef* nested_contexts
WhileContextDef: 1 string context_name, 2 int32 parallel_iterations, 3 bool back_prop, 4 bool swap_memory,
    5 string pivot_name, 6 string pivot_for_pred_name, 7 string pivot_for_body_name, 8 string* loop_exit_names,
    10 string* loop_enter_names, 9 ValuesDef values_def, 11 string maximum_iterations_name,
    12 ControlFlowContextDef* nested_contexts
MetaGraphDef: 1 MetaGraphDef.MetaInfoDef meta_info_def, 2 GraphDef graph_def, 3 SaverDef saver_def,
    4 {string:CollectionDef} collection_def, 5 {string:SignatureDef} signature_def, 6 AssetFileDef* asset_file_def,
    7 SavedObjectGraph object_graph_def
MetaGraphDef.MetaInfoDef: 1 string meta_graph_version, 2 OpList stripped_op_list, 3 google.Any any_info,
    4 string* tags, 5 string tensorflow_version, 6 string tensorflow_git_version, 7 bool stripped_default_attrs,
    8 {string:string} function_aliases
CollectionDef: 1 CollectionDef.NodeList node_list (kind), 2 CollectionDef.BytesList bytes_list (kind),
    3 CollectionDef.Int64List int64_list (kind), 4 CollectionDef.FloatList float_list (kind),
    5 CollectionDef.AnyList any_list (kind)
CollectionDef.NodeList: 1 string* value
CollectionDef.BytesList: 1 bytes* value
CollectionDef.Int64List: 1 int64* value
CollectionDef.FloatList: 1 float* value
CollectionDef.AnyList: 1 google.Any* value
TensorInfo: 1 string name (encoding), 4 TensorInfo.CooSparse coo_sparse (encoding),
    5 TensorInfo.CompositeTensor composite_tensor (encoding), 2 DataType dtype, 3 TensorShapeProto tensor_shape
TensorInfo.CooSparse: 1 string values_tensor_name, 2 string indices_tensor_name, 3 string dense_shape_tensor_name
TensorInfo.CompositeTensor: 1 TypeSpecProto type_spec, 2 TensorInfo* components
SignatureDef: 1 {string:TensorInfo} inputs, 2 {string:TensorInfo} outputs, 3 string method_name,
    4 {string:TensorProto} defaults
AssetFileDef: 1 TensorInfo tensor_info, 2 string filename
SavedModel: 1 int64 saved_model_schema_version, 2 MetaGraphDef* meta_graphs
StructuredValue: 1 NoneValue none_value (kind), 11 double float64_value (kind), 12 sint64 int64_value (kind),
    13 string string_value (kind), 14 bool bool_value (kind), 31 TensorShapeProto tensor_shape_value (kind),
    32 DataType tensor_dtype_value (kind), 33 TensorSpecProto tensor_spec_value (kind),
    34 TypeSpecProto type_spec_value (kind), 35 BoundedTensorSpecProto bounded_tensor_spec_value (kind),
    51 ListValue list_value (kind), 52 TupleValue tuple_value (kind), 53 DictValue dict_value (kind),
    54 NamedTupleValue named_tuple_value (kind), 55 TensorProto tensor_value (kind), 56 TensorProto numpy_value (kind)
NoneValue:
ListValue: 1 StructuredValue* values
TupleValue: 1 StructuredValue* values
DictValue: 1 {string:StructuredValue} fields
PairValue: 1 string key, 2 StructuredValue value
NamedTupleValue: 1 string name, 2 PairValue* values
TensorSpecProto: 1 string name, 2 TensorShapeProto shape, 3 DataType dtype
BoundedTensorSpecProto: 1 string name, 2 TensorShapeProto shape, 3 DataType dtype, 4 TensorProto minimum,
    5 TensorProto maximum
TypeSpecProto: 1 TypeSpecProto.TypeSpecClass type_spec_class, 2 StructuredValue type_state,
    3 string type_spec_class_name, 4 int32 num_flat_components
enum TypeSpecProto.TypeSpecClass: 0 UNKNOWN, 1 SPARSE_TENSOR_SPEC, 2 INDEXED_SLICES_SPEC, 3 RAGGED_TENSOR_SPEC,
    4 TENSOR_ARRAY_SPEC, 5 DATA_DATASET_SPEC, 6 DATA_ITERATOR_SPEC, 7 OPTIONAL_SPEC, 8 PER_REPLICA_SPEC,
    9 VARIABLE_SPEC, 10 ROW_PARTITION_SPEC, 12 REGISTERED_TYPE_SPEC, 13 EXTENSION_TYPE_SPEC
SavedObjectGraph: 1 SavedObject* nodes, 2 {string:SavedConcreteFunction} concrete_functions
SavedObject: 1 TrackableObjectGraph.TrackableObject.ObjectReference* children,
    15 TrackableObjectGraph.TrackableObject.ObjectReference* dependencies,
    3 TrackableObjectGraph.TrackableObject.SlotVariableReference* slot_variables,
    4 SavedUserObject user_object (kind), 5 SavedAsset asset (kind), 6 SavedFunction function (kind),
    7 SavedVariable variable (kind), 8 SavedBareConcreteFunction bare_concrete_function (kind),
    9 SavedConstant constant (kind), 10 SavedResource resource (kind), 12 CapturedTensor captured_tensor (kind),
    11 {string:SaveableObject} saveable_objects, 13 string registered_name, 14 google.Any serialized_user_proto,
    16 string registered_saver
SavedUserObject: 1 string identifier, 2 VersionDef version, 3 string metadata
SavedAsset: 1 int32 asset_file_def_index
SavedFunction: 1 string* concrete_functions, 2 FunctionSpec function_spec
CapturedTensor: 1 string name, 2 string concrete_function
SavedConcreteFunction: 2 int32* bound_inputs, 3 StructuredValue canonicalized_input_signature,
    4 StructuredValue output_signature
SavedBareConcreteFunction: 1 string concrete_function_name, 2 string* argument_keywords,
    3 int64 allowed_positional_arguments, 4 FunctionSpec function_spec
SavedConstant: 1 string operation
SavedVariable: 1 DataType dtype, 2 TensorShapeProto shape, 3 bool trainable,
    4 VariableSynchronization synchronization, 5 VariableAggregation aggregation, 6 string name, 7 string device,
    8 SavedVariable* experimental_distributed_variable_components
FunctionSpec: 1 StructuredValue fullargspec, 2 bool is_method, 5 StructuredValue input_signature,
    6 FunctionSpec.JitCompile jit_compile
enum FunctionSpec.JitCompile: 0 DEFAULT, 1 ON, 2 OFF
SavedResource: 1 string device
SaveableObject: 2 int32 save_function, 3 int32 restore_function
TrackableObjectGraph: 1 TrackableObjectGraph.TrackableObject* nodes
TrackableObjectGraph.TrackableObject: 1 TrackableObjectGraph.TrackableObject.ObjectReference* children,
    2 TrackableObjectGraph.TrackableObject.SerializedTensor* attributes,
    3 TrackableObjectGraph.TrackableObject.SlotVariableReference* slot_variables, 4 RegisteredSaver registered_saver,
    5 google.BoolValue has_checkpoint_values
TrackableObjectGraph.TrackableObject.ObjectReference: 1 int32 node_id, 2 string local_name
TrackableObjectGraph.TrackableObject.SerializedTensor: 1 string name, 2 string full_name, 3 string checkpoint_key
TrackableObjectGraph.TrackableObject.SlotVariableReference: 1 int32 original_variable_node_id, 2 string slot_name,
    3 int32 slot_variable_node_id
RegisteredSaver: 1 string name, 2 string object_name
CheckpointState: 1 string model_checkpoint_path, 2 string* all_model_checkpoint_paths,
    3 double* all_model_checkpoint_timestamps, 4 double last_preserved_timestamp
FingerprintDef: 1 uint64 saved_model_checksum, 2 uint64 graph_def_program_hash, 3 uint64 signature_def_hash,
    4 uint64 saved_object_graph_hash, 5 uint64 checkpoint_hash, 7 string uuid, 6 VersionDef version
enum ErrorCode: 0 OK, 1 CANCELLED, 2 UNKNOWN, 3 INVALID_ARGUMENT, 4 DEADLINE_EXCEEDED, 5 NOT_FOUND, 6 ALREADY_EXISTS,
    7 PERMISSION_DENIED, 16 UNAUTHENTICATED, 8 RESOURCE_EXHAUSTED, 9 FAILED_PRECONDITION, 10 ABORTED, 11 OUT_OF_RANGE,
    12 UNIMPLEMENTED, 13 INTERNAL, 14 UNAVAILABLE, 15 DATA_LOSS,
    20 DO_NOT_USE_RESERVED_FOR_FUTURE_EXPANSION_USE_DEFAULT_IN_SWITCH_INSTEAD_
"""
