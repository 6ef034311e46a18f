"""TensorFlow 1's public names and the modules that hold them, which are imported when a name is first asked for."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Callable

from graphc.v1.absent import missing

# What several parts of tf.contrib have in common.
_CONTRIB_SCOPES = {
    "contrib.scopes": "add_arg_scope arg_scope current_arg_scope has_arg_scope",
    "global_step": "create_global_step get_global_step get_or_create_global_step",
}
_CONTRIB_LAYERS = {
    "contrib.images": """avg_pool2d batch_norm conv2d conv2d_transpose convolution2d=conv2d
        convolution2d_transpose=conv2d_transpose dropout max_pool2d one_hot_encoding repeat softmax stack""",
    "regularizers": "apply_regularization l1_l2_regularizer l1_regularizer l2_regularizer sum_regularizer",
}

# Namespace ("" for ``tf`` itself) -> module below graphc.v1 (or with its whole name) -> names in it; ``name=attribute``
# where the module calls it otherwise. What is not listed is looked up in the catalogue.
EXPORTS: dict[str, dict[str, str]] = {
    "": {
        "graphc": "__version__ VERSION=__version__",
        "graphc.ir.dtype": """DType as_dtype bool=b1 bfloat16=bf16 complex64=c64 complex128=c128 float16=f16 half=f16
            float32=f32 float64=f64 double=f64 int8=i8 int16=i16 int32=i32 int64=i64 string uint8=u8 uint16=u16
            uint32=u32 uint64=u64""",
        "errors": "OpError",
        "version": "GRAPH_DEF_VERSION GRAPH_DEF_VERSION_MIN_CONSUMER GRAPH_DEF_VERSION_MIN_PRODUCER",
        "graphc.api.shape": "Dimension TensorShape=DimensionShape",
        "graphc.api.sparse": "IndexedSlicesValue",
        "graphc.api.tensor_proto": "MakeNdarray=make_ndarray",
        "graphc.formats.protos": """AttrValue ConfigProto Event GPUOptions GraphDef GraphOptions HistogramProto
            LogMessage MetaGraphDef NameAttrList NodeDef OptimizerOptions RunMetadata RunOptions SessionLog Summary
            SummaryMetadata TensorInfo""",
        "control": """add_to_collection add_to_collections colocate_with container control_dependencies device
            get_collection get_collection_ref get_seed group name_scope no_op op_scope set_random_seed
            tuple=tuple_of""",
        "creators": "variable_creator_scope",
        "control_flow": """TensorArray case cond foldl foldr grad_pass_through map_fn recompute_grad scan switch_case
            vectorized_map while_loop""",
        "default": "get_default_session",
        "conversion": "register_tensor_conversion_function",
        "device": "DeviceSpec",
        "dimensions": "dimension_at_index dimension_value",
        "freeze": "freeze",
        "graph_def.read": "import_graph_def",
        "gradients": "gradients hessians",
        "graph": "Graph get_default_graph reset_default_graph",
        "graph_keys": "GraphKeys",
        "initializers": """constant_initializer=Constant ones_initializer=Ones orthogonal_initializer=Orthogonal
            random_normal_initializer=RandomNormal random_uniform_initializer=RandomUniform
            truncated_normal_initializer=TruncatedNormal uniform_unit_scaling_initializer=UniformUnitScaling
            variance_scaling_initializer=VarianceScaling zeros_initializer=Zeros
            glorot_normal_initializer=glorot_normal glorot_uniform_initializer=glorot_uniform""",
        "mode": """control_flow_v2_enabled disable_control_flow_v2 disable_eager_execution disable_resource_variables
            disable_tensor_equality disable_v2_behavior disable_v2_tensorshape enable_control_flow_v2
            enable_eager_execution enable_resource_variables enable_tensor_equality enable_v2_behavior
            enable_v2_tensorshape executing_eagerly executing_eagerly_outside_functions resource_variables_enabled""",
        "ops": """constant convert_to_tensor convert_to_tensor_or_indexed_slices placeholder
            placeholder_with_default to_bfloat16 to_complex64 to_complex128 to_double to_float to_int32 to_int64""",
        "override": "NoGradient NotDifferentiable RegisterGradient no_gradient=NoGradient",
        "partition": "fixed_size_partitioner min_max_variable_partitioner variable_axis_size_partitioner",
        "printing": "Assert Print print",
        "producers": "count_up_to",
        "queues": """ConditionalAccumulator ConditionalAccumulatorBase FIFOQueue PaddingFIFOQueue PriorityQueue
            QueueBase RandomShuffleQueue SparseConditionalAccumulator numpy_function py_func py_function""",
        "readers": """FixedLengthRecordReader IdentityReader ReaderBase TextLineReader TFRecordReader
            WholeFileReader""",
        "regularizers": "no_regularizer",
        "scope": """AUTO_REUSE VariableScope get_local_variable get_variable get_variable_scope variable_op_scope
            variable_scope""",
        "session": "InteractiveSession Session",
        "summary.ops": """audio_summary histogram_summary image_summary merge_all_summaries merge_summary
            scalar_summary""",
        "step_graph": "freeze_initial step_graph",
        "sysconfig": "COMPILER_VERSION CXX11_ABI_FLAG GIT_VERSION MONOLITHIC_BUILD",
        "tensor": "Operation Tensor",
        "template": "make_template",
        "variable": "Variable",
        "absent": """autograph distribute distributions estimator feature_column keras lite mixed_precision mlir
            tpu xla""",
        "variables": """all_variables assert_variables_initialized assign assign_add assign_sub batch_scatter_update
            global_variables global_variables_initializer initialize_all_variables initialize_local_variables
            initialize_variables is_variable_initialized local_variables local_variables_initializer model_variables
            moving_average_variables report_uninitialized_variables scatter_add scatter_div scatter_max scatter_min
            scatter_mul scatter_nd_add scatter_nd_sub scatter_nd_update scatter_sub scatter_update trainable_variables
            variables_initializer""",
    },
    "contrib.data": {
        "data.datasets": "CsvDataset RandomDataset SqlDataset make_batched_features_dataset make_csv_dataset",
        "data.old": "batch_and_drop_remainder padded_batch_and_drop_remainder",
        "graphc.api.data.experimental": """Counter bucket_by_sequence_length choose_from_datasets copy_to_device
            dense_to_sparse_batch enumerate_dataset get_single_element group_by_window ignore_errors map_and_batch
            parallel_interleave prefetch_to_device rejection_resample sample_from_datasets scan shuffle_and_repeat
            unbatch unique""",
        "graphc.api.data.make_examples": "TFRecordWriter",
        "graphc.api.data.optional": "Optional get_next_as_optional",
        "graphc.api.data.reducing": "Reducer group_by_reducer",
    },
    "contrib.eager": {
        "graphc.api.tape": "GradientTape",
        "contrib.gradient_functions": """gradients_function implicit_gradients implicit_value_and_gradients
            value_and_gradients_function""",
        "mode": "enable_eager_execution executing_eagerly in_eager_mode=executing_eagerly",
        "queues": "py_func",
        "variable": "Variable",
    },
    "contrib.framework": {
        **_CONTRIB_SCOPES,
        "graphc.api.checkpoint.reader": "list_variables load_variable",
        "scope": "get_variable_scope variable_scope",
        "variables": "global_variables local_variables model_variables trainable_variables",
    },
    "contrib.layers": _CONTRIB_LAYERS,
    "contrib.slim": {
        **_CONTRIB_LAYERS,
        **_CONTRIB_SCOPES,
        "contrib.layers": """flatten fully_connected linear relu variance_scaling_initializer xavier_initializer
            xavier_initializer_conv2d""",
    },
    "contrib.rnn": {
        "rnn_cell": """BasicLSTMCell BasicRNNCell DeviceWrapper DropoutWrapper GRUCell LSTMCell LSTMStateTuple
            MultiRNNCell RNNCell ResidualWrapper""",
        "rnn": "static_bidirectional_rnn static_rnn",
    },
    "data": {
        "data.datasets": "Dataset FixedLengthRecordDataset TFRecordDataset TextLineDataset",
        "data.iterator": """Iterator get_output_classes get_output_shapes get_output_types make_initializable_iterator
            make_one_shot_iterator""",
    },
    "data.experimental": {
        "data.datasets": """CsvDataset RandomDataset SqlDataset make_batched_features_dataset make_csv_dataset""",
    },
    "io": {"graphc.api.graph_files": "write_graph", "producers": "match_filenames_once"},
    "saved_model": {
        "graphc.api.saved_model.constants": """ASSETS_DIRECTORY ASSETS_KEY CLASSIFY_INPUTS CLASSIFY_METHOD_NAME
            CLASSIFY_OUTPUT_CLASSES CLASSIFY_OUTPUT_SCORES DEBUG_DIRECTORY DEBUG_INFO_FILENAME_PB
            DEFAULT_SERVING_SIGNATURE_DEF_KEY GPU LEGACY_INIT_OP_KEY MAIN_OP_KEY PREDICT_INPUTS PREDICT_METHOD_NAME
            PREDICT_OUTPUTS REGRESS_INPUTS REGRESS_METHOD_NAME REGRESS_OUTPUTS SAVED_MODEL_FILENAME_PB
            SAVED_MODEL_FILENAME_PBTXT SAVED_MODEL_SCHEMA_VERSION SERVING TPU TRAINING VARIABLES_DIRECTORY
            VARIABLES_FILENAME""",
        "graphc.api.saved_model.load": "load_v2=load",
        "saved_model.builder": "Builder=SavedModelBuilder simple_save",
        "saved_model.loader": "load maybe_saved_model_directory",
        "saved_model.main_op": "main_op_with_restore",
        "saved_model.signatures": """build_signature_def classification_signature_def is_valid_signature
            predict_signature_def regression_signature_def""",
        "saved_model.tensor_info": "build_tensor_info get_tensor_from_tensor_info",
    },
    "summary": {
        "graphc.formats.protos": "Event SessionLog Summary SummaryDescription TaggedRunMetadata",
        "summary.file_writer": "FileWriter FileWriterCache all_v2_summary_ops initialize",
        "summary.ops": """audio get_summary_description histogram image merge merge_all scalar tensor_summary text""",
    },
    "test": {
        "gradient_check": "compute_gradient compute_gradient_error",
        "test_case": "TestCase assert_equal_graph_def get_temp_dir main mock",
    },
    "train": {
        "saving.saver": "Saver",
        "saving.import_meta": "import_meta_graph",
        "saving.meta_graph": "export_meta_graph",
        "saving.warm_start": "init_from_checkpoint warm_start",
        "graphc.api.checkpoint.state_file": """checkpoint_exists checkpoints_iterator generate_checkpoint_state_proto
            get_checkpoint_mtimes get_checkpoint_state latest_checkpoint remove_checkpoint update_checkpoint_state""",
        "graphc.api.checkpoint.reader": """CheckpointReader NewCheckpointReader=new_checkpoint_reader list_variables
            load_checkpoint load_variable""",
        "graphc.api.summary.event_file": "summary_iterator",
        "summary.file_writer": "SummaryWriter",
        "graphc.formats.protos": "ClusterDef JobDef SaverDef ServerDef",
        "average": "ExponentialMovingAverage",
        "batches": """batch batch_join maybe_batch maybe_batch_join maybe_shuffle_batch maybe_shuffle_batch_join
            shuffle_batch shuffle_batch_join""",
        "graphc.api.coordinator": "Coordinator LooperThread",
        "decay": """cosine_decay cosine_decay_restarts exponential_decay inverse_time_decay linear_cosine_decay
            natural_exp_decay noisy_linear_cosine_decay piecewise_constant piecewise_constant_decay=piecewise_constant
            polynomial_decay""",
        "graphc.api.graph_files": "write_graph",
        "global_step": """assert_global_step create_global_step get_global_step get_or_create_global_step
            global_step""",
        "optimizers.adam": "AdamOptimizer",
        "optimizers.adaptive": """AdadeltaOptimizer AdagradDAOptimizer AdagradOptimizer ProximalAdagradOptimizer
            RMSPropOptimizer""",
        "optimizers.ftrl": "FtrlOptimizer",
        "optimizers.gradient_descent": """GradientDescentOptimizer MomentumOptimizer
            ProximalGradientDescentOptimizer""",
        "optimizers.optimizer": "Optimizer",
        "optimizers.sync_replicas": "SyncReplicasOptimizer",
        "producers": """input_producer limit_epochs match_filenames_once range_input_producer slice_input_producer
            string_input_producer""",
        "queue_runner": "QueueRunner add_queue_runner start_queue_runners",
        "graphc.api.cluster": "ClusterSpec",
        "training.cluster": "Server replica_device_setter",
        "training.modules": "queue_runner",
        "training.monitored_session": """ChiefSessionCreator MonitoredSession MonitoredTrainingSession SessionCreator
            SingularMonitoredSession WorkerSessionCreator""",
        "training.run_hook": "SessionRunArgs SessionRunContext SessionRunHook SessionRunValues",
        "training.saving_hooks": "CheckpointSaverHook CheckpointSaverListener ProfilerHook SummarySaverHook",
        "training.scaffold": "Scaffold",
        "training.preparing": "SessionManager",
        "training.step_hooks": """FeedFnHook FinalOpsHook GlobalStepWaiterHook LoggingTensorHook
            NanLossDuringTrainingError NanTensorHook StepCounterHook StopAtStepHook""",
        "training.supervisor": "Supervisor basic_train_loop",
        "training.timer": "SecondOrStepTimer",
    },
}  # fmt: skip

# Namespaces of ``tf`` that are modules of this package; ``name=module`` where it is called otherwise.
MODULES = """app contrib data errors examples flags graph_util initializers io layers logging losses math metrics nn
    profiler queue=queues random resource_loader saved_model summary sysconfig test train version"""


@functools.lru_cache(maxsize=None)
def homes(namespace: str) -> dict[str, tuple[str, str | None]]:
    """Name -> the module that has it and what it is called there; None for the module itself."""
    found: dict[str, tuple[str, str | None]] = {}
    for module, names in EXPORTS.get(namespace, {}).items():
        path = module if module.partition(".")[0] == "graphc" else f"graphc.v1.{module}"
        for entry in names.split():
            name, _, attribute = entry.partition("=")
            found[name] = path, attribute or name
    if not namespace:
        for entry in MODULES.split():
            name, _, module = entry.partition("=")
            found[name] = f"graphc.v1.{module or name}", None
    return found


def members(namespace: str = "") -> tuple[Callable, Callable]:
    """The ``__getattr__`` and ``__dir__`` of the module ``graphc.v1.<namespace>``."""
    where = f"graphc.v1.{namespace}" if namespace else "graphc.v1"

    def member(name: str):
        if name.startswith("__") and name not in homes(namespace):
            raise AttributeError(f"module {where!r} has no attribute {name!r}")
        if name in homes(namespace):
            path, attribute = homes(namespace)[name]
            value = importlib.import_module(path)
            value = value if attribute is None else getattr(value, attribute)
            if attribute is None:
                _guess(value, f"{namespace}.{name}" if namespace else name)
        else:
            prefix = f"{namespace}." if namespace else ""
            try:
                value = _catalogue().get(prefix + name)
            except AttributeError:
                known = {*vars(sys.modules[where]), *homes(namespace), *_catalogue().below(namespace)}
                raise missing(namespace, name, sorted(known)) from None
        vars(sys.modules[where])[name] = value
        return value

    return member, lambda: sorted({*homes(namespace), *_catalogue().below(namespace)})


def _guess(module, where: str) -> None:
    """Let a module that has all its names itself say what a mistyped one may have meant."""
    own = vars(module)

    def unknown(name: str):
        if name.startswith("__"):
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
        raise missing(where, name, own)

    own.setdefault("__getattr__", unknown)


def _catalogue():
    return importlib.import_module("graphc.v1.catalogue").SHARED
