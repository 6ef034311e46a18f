"""TensorFlow's messages about graphs: tensors, attributes, nodes, functions, operation definitions. """

MESSAGES = """
enum DataType: 0 DT_INVALID, 1 DT_FLOAT, 2 DT_DOUBLE, 3 DT_INT32, 4 DT_UINT8, 5 DT_INT16, 6 DT_INT8, 7 DT_STRING,
    8 DT_COMPLEX64, 9 DT_INT64, 10 DT_BOOL, 11 DT_QINT8, 12 DT_QUINT8, 13 DT_QINT32, 14 DT_BFLOAT16, 15 DT_QINT16,
    16 DT_QUINT16, 17 DT_UINT16, 18 DT_COMPLEX128, 19 DT_HALF, 20 DT_RESOURCE, 21 DT_VARIANT, 22 DT_UINT32,
    23 DT_UINT64, 24 DT_FLOAT8_E5M2, 25 DT_FLOAT8_E4M3FN, 26 DT_FLOAT8_E4M3FNUZ, 27 DT_FLOAT8_E4M3B11FNUZ,
    28 DT_FLOAT8_E5M2FNUZ, 29 DT_INT4, 30 DT_UINT4, 31 DT_INT2, 32 DT_UINT2, 33 DT_FLOAT4_E2M1FN, 101 DT_FLOAT_REF,
    102 DT_DOUBLE_REF, 103 DT_INT32_REF, 104 DT_UINT8_REF, 105 DT_INT16_REF, 106 DT_INT8_REF, 107 DT_STRING_REF,
    108 DT_COMPLEX64_REF, 109 DT_INT64_REF, 110 DT_BOOL_REF, 111 DT_QINT8_REF, 112 DT_QUINT8_REF, 113 DT_QINT32_REF,
    114 DT_BFLOAT16_REF, 115 DT_QINT16_REF, 116 DT_QUINT16_REF, 117 DT_UINT16_REF, 118 DT_COMPLEX128_REF,
    119 DT_HALF_REF, 120 DT_RESOURCE_REF, 121 DT_VARIANT_REF, 122 DT_UINT32_REF, 123 DT_UINT64_REF,
    124 DT_FLOAT8_E5M2_REF, 125 DT_FLOAT8_E4M3FN_REF, 126 DT_FLOAT8_E4M3FNUZ_REF, 127 DT_FLOAT8_E4M3B11FNUZ_REF,
    128 DT_FLOAT8_E5M2FNUZ_REF, 129 DT_INT4_REF, 130 DT_UINT4_REF, 131 DT_INT2_REF, 132 DT_UINT2_REF,
    133 DT_FLOAT4_E2M1FN_REF
TensorShapeProto: 2 TensorShapeProto.Dim* dim, 3 bool unknown_rank
TensorShapeProto.Dim: 1 int64 size, 2 string name
TensorProto: 1 DataType dtype, 2 TensorShapeProto tensor_shape, 3 int32 version_number, 4 bytes tensor_content,
    13 int32* half_val, 5 float* float_val, 6 double* double_val, 7 int32* int_val, 8 bytes* string_val,
    9 float* scomplex_val, 10 int64* int64_val, 11 bool* bool_val, 12 double* dcomplex_val,
    14 ResourceHandleProto* resource_handle_val, 15 VariantTensorDataProto* variant_val, 16 uint32* uint32_val,
    17 uint64* uint64_val, 18 bytes float8_val
VariantTensorDataProto: 1 string type_name, 2 bytes metadata, 3 TensorProto* tensors
TensorSliceProto: 1 TensorSliceProto.Extent* extent
TensorSliceProto.Extent: 1 int64 start, 2 int64 length (has_length_hack)
VersionDef: 1 int32 producer, 2 int32 min_consumer, 3 int32* bad_consumers
ResourceHandleProto: 1 string device, 2 string container, 3 string name, 4 uint64 hash_code, 5 string maybe_type_name,
    6 ResourceHandleProto.DtypeAndShape* dtypes_and_shapes
ResourceHandleProto.DtypeAndShape: 1 DataType dtype, 2 TensorShapeProto shape
AttrValue: 2 bytes s (value), 3 int64 i (value), 4 float f (value), 5 bool b (value), 6 DataType type (value),
    7 TensorShapeProto shape (value), 8 TensorProto tensor (value), 1 AttrValue.ListValue list (value),
    10 NameAttrList func (value), 9 string placeholder (value)
AttrValue.ListValue: 2 bytes* s, 3 int64* i, 4 float* f, 5 bool* b, 6 DataType* type, 7 TensorShapeProto* shape,
    8 TensorProto* tensor, 9 NameAttrList* func
NameAttrList: 1 string name, 2 {string:AttrValue} attr
FullTypeDef: 1 FullTypeId type_id, 2 FullTypeDef* args, 3 string s (attr), 4 int64 i (attr)
enum FullTypeId: 0 TFT_UNSET, 1 TFT_VAR, 2 TFT_ANY, 3 TFT_PRODUCT, 4 TFT_NAMED, 20 TFT_FOR_EACH, 100 TFT_CALLABLE,
    1000 TFT_TENSOR, 1001 TFT_ARRAY, 1002 TFT_OPTIONAL, 1003 TFT_LITERAL, 1004 TFT_ENCODED, 1005 TFT_SHAPE_TENSOR,
    200 TFT_BOOL, 201 TFT_UINT8, 202 TFT_UINT16, 203 TFT_UINT32, 204 TFT_UINT64, 205 TFT_INT8, 206 TFT_INT16,
    207 TFT_INT32, 208 TFT_INT64, 209 TFT_HALF, 210 TFT_FLOAT, 211 TFT_DOUBLE, 215 TFT_BFLOAT16, 212 TFT_COMPLEX64,
    213 TFT_COMPLEX128, 214 TFT_STRING, 10102 TFT_DATASET, 10103 TFT_RAGGED, 10104 TFT_ITERATOR, 10202 TFT_MUTEX_LOCK,
    10203 TFT_LEGACY_VARIANT
OpDef: 1 string name, 2 OpDef.ArgDef* input_arg, 3 OpDef.ArgDef* output_arg, 20 string* control_output,
    4 OpDef.AttrDef* attr, 8 OpDeprecation deprecation, 5 string summary, 6 string description,
    18 bool is_commutative, 16 bool is_aggregate, 17 bool is_stateful, 19 bool allows_uninitialized_input,
    21 bool is_distributed_communication
OpDef.ArgDef: 1 string name, 2 string description, 3 DataType type, 4 string type_attr, 5 string number_attr,
    6 string type_list_attr, 7 ResourceHandleProto.DtypeAndShape* handle_data, 16 bool is_ref,
    17 FullTypeDef experimental_full_type
OpDef.AttrDef: 1 string name, 2 string type, 3 AttrValue default_value, 4 string description, 5 bool has_minimum,
    6 int64 minimum, 7 AttrValue allowed_values
OpDeprecation: 1 int32 version, 2 string explanation
OpList: 1 OpDef* op
NodeDef: 1 string name, 2 string op, 3 string* input, 4 string device, 5 {string:AttrValue} attr,
    6 NodeDef.ExperimentalDebugInfo experimental_debug_info, 7 FullTypeDef experimental_type
NodeDef.ExperimentalDebugInfo: 1 string* original_node_names, 2 string* original_func_names
FunctionDefLibrary: 1 FunctionDef* function, 2 GradientDef* gradient, 3 RegisteredGradient* registered_gradients
FunctionDef: 1 OpDef signature, 5 {string:AttrValue} attr, 7 {uint32:FunctionDef.ArgAttrs} arg_attr,
    8 {uint32:uint32} resource_arg_unique_id, 3 NodeDef* node_def, 4 {string:string} ret,
    6 {string:string} control_ret
FunctionDef.ArgAttrs: 1 {string:AttrValue} attr
GradientDef: 1 string function_name, 2 string gradient_func
RegisteredGradient: 1 string gradient_func, 2 string registered_op_type
GraphDebugInfo: 1 string* files, 4 {fixed64:GraphDebugInfo.FileLineCol} frames_by_id,
    6 {fixed64:GraphDebugInfo.StackTrace} traces_by_id, 2 {string:GraphDebugInfo.StackTrace} traces,
    5 {string:fixed64} name_to_trace_id
GraphDebugInfo.FileLineCol: 1 int32? file_index, 2 int32? line, 3 int32? col, 4 string? func, 5 string? code
GraphDebugInfo.StackTrace: 1 GraphDebugInfo.FileLineCol* file_line_cols, 2 fixed64* frame_id
GraphDef: 1 NodeDef* node, 4 VersionDef versions, 3 int32 version, 2 FunctionDefLibrary library,
    5 GraphDebugInfo debug_info
KernelDef: 1 string op, 2 string device_type, 3 KernelDef.AttrConstraint* constraint, 4 string* host_memory_arg,
    5 string label, 6 int32 priority
KernelDef.AttrConstraint: 1 string name, 2 AttrValue allowed_values
KernelList: 1 KernelDef* kernel
NamedTensorProto: 1 string name, 2 TensorProto tensor
"""
