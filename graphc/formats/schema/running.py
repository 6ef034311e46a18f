"""TensorFlow's messages about running: the configuration of sessions, clusters, and what a run reports. """

MESSAGES = """
JobDef: 1 string name, 2 {int32:string} tasks
ClusterDef: 1 JobDef* job
TaskDeviceFilters: 1 string* device_filters
JobDeviceFilters: 1 string name, 2 {int32:TaskDeviceFilters} tasks
ClusterDeviceFilters: 1 JobDeviceFilters* jobs
ServerDef: 1 ClusterDef cluster, 2 string job_name, 8 int32 replica, 3 int32 task_index,
    4 ConfigProto default_session_config, 5 string protocol, 6 int32 port,
    7 ClusterDeviceFilters cluster_device_filters
GPUOptions: 1 double per_process_gpu_memory_fraction, 4 bool allow_growth, 2 string allocator_type,
    3 int64 deferred_deletion_bytes, 5 string visible_device_list, 6 int32 polling_active_delay_usecs,
    7 int32 polling_inactive_delay_msecs, 8 bool force_gpu_compatible, 9 GPUOptions.Experimental experimental
GPUOptions.Experimental: 1 GPUOptions.Experimental.VirtualDevices* virtual_devices,
    15 int32 num_virtual_devices_per_gpu, 2 bool use_unified_memory, 3 int32 num_dev_to_dev_copy_streams,
    4 string collective_ring_order, 5 bool timestamped_allocator, 7 int32 kernel_tracker_max_interval,
    8 int32 kernel_tracker_max_bytes, 9 int32 kernel_tracker_max_pending, 10 double internal_fragmentation_fraction,
    11 bool use_cuda_malloc_async, 12 bool disallow_retry_on_allocation_failure, 13 float gpu_host_mem_limit_in_mb,
    14 bool gpu_host_mem_disallow_growth, 16 int32 gpu_system_memory_size_in_mb,
    17 bool populate_pjrt_gpu_client_creation_info, 18 int32 node_id,
    19 GPUOptions.Experimental.StreamMergeOptions stream_merge_options
GPUOptions.Experimental.VirtualDevices: 1 float* memory_limit_mb, 2 int32* priority, 3 int32* device_ordinal
GPUOptions.Experimental.StreamMergeOptions: 1 bool merge_host_to_device_stream, 2 bool merge_device_to_host_stream,
    3 bool merge_device_to_device_stream
OptimizerOptions: 1 bool do_common_subexpression_elimination, 2 bool do_constant_folding,
    6 int64 max_folded_constant_in_bytes, 4 bool do_function_inlining, 3 OptimizerOptions.Level opt_level,
    5 OptimizerOptions.GlobalJitLevel global_jit_level, 7 bool cpu_global_jit
enum OptimizerOptions.Level: 0 L1, -1 L0
enum OptimizerOptions.GlobalJitLevel: 0 DEFAULT, -1 OFF, 1 ON_1, 2 ON_2
GraphOptions: 2 bool enable_recv_scheduling, 3 OptimizerOptions optimizer_options, 4 int64 build_cost_model,
    9 int64 build_cost_model_after, 5 bool infer_shapes, 6 bool place_pruned_graph, 7 bool enable_bfloat16_sendrecv,
    8 int32 timeline_step, 10 RewriterConfig rewrite_options
ThreadPoolOptionProto: 1 int32 num_threads, 2 string global_name
SessionMetadata: 1 string name, 2 int64 version
ConfigProto: 1 {string:int32} device_count, 2 int32 intra_op_parallelism_threads,
    5 int32 inter_op_parallelism_threads, 9 bool use_per_session_threads,
    12 ThreadPoolOptionProto* session_inter_op_thread_pool, 3 int32 placement_period, 4 string* device_filters,
    6 GPUOptions gpu_options, 18 GPUOptions pluggable_device_options, 7 bool allow_soft_placement,
    8 bool log_device_placement, 10 GraphOptions graph_options, 11 int64 operation_timeout_in_ms,
    13 RPCOptions rpc_options, 14 ClusterDef cluster_def, 15 bool isolate_session_state,
    17 bool share_cluster_devices_in_session, 16 ConfigProto.Experimental experimental
ConfigProto.Experimental: 1 string collective_group_leader, 3 string executor_type, 4 int32 recv_buf_max_chunk,
    5 bool use_numa_affinity, 6 bool collective_deterministic_sequential_execution, 7 bool collective_nccl,
    8 bool share_session_state_in_clusterspec_propagation, 9 bool disable_thread_spinning,
    10 bool share_cluster_devices_in_session, 11 SessionMetadata session_metadata, 12 bool optimize_for_static_graph,
    13 bool enable_mlir_bridge, 17 ConfigProto.Experimental.MlirBridgeRollout mlir_bridge_rollout,
    16 bool enable_mlir_graph_optimization, 14 bool disable_output_partition_graphs,
    15 int64 xla_fusion_autotuner_thresh, 18 bool use_tfrt, 27 bool enable_multi_host, 32 bool tfrt_use_ifrt,
    28 int32 backend_server_port, 29 bool target_tpu, 30 bool target_gpu, 31 int32 stream_merge_threshold,
    21 bool disable_functional_ops_lowering, 22 bool xla_prefer_single_graph_cluster,
    23 CoordinationServiceConfig coordination_config, 24 bool disable_optimize_for_static_graph,
    26 bool disable_eager_executor_streaming_enqueue, 33 bool finalize_function_library_runtime,
    34 bool finalize_resource_manager, 35 string tf2xla_dump_dir, 36 bool online_cost_analysis
enum ConfigProto.Experimental.MlirBridgeRollout: 0 MLIR_BRIDGE_ROLLOUT_UNSPECIFIED, 1 MLIR_BRIDGE_ROLLOUT_ENABLED,
    2 MLIR_BRIDGE_ROLLOUT_DISABLED
RunOptions: 1 RunOptions.TraceLevel trace_level, 2 int64 timeout_in_ms, 3 int32 inter_op_thread_pool,
    5 bool output_partition_graphs, 6 DebugOptions debug_options, 7 bool report_tensor_allocations_upon_oom,
    8 RunOptions.Experimental experimental
enum RunOptions.TraceLevel: 0 NO_TRACE, 1 SOFTWARE_TRACE, 2 HARDWARE_TRACE, 3 FULL_TRACE
RunOptions.Experimental: 1 int64 collective_graph_key, 2 bool use_run_handler_pool,
    3 RunOptions.Experimental.RunHandlerPoolOptions run_handler_pool_options
RunOptions.Experimental.RunHandlerPoolOptions: 1 int64 priority
RunMetadata: 1 StepStats step_stats, 2 CostGraphDef cost_graph, 3 GraphDef* partition_graphs,
    4 RunMetadata.FunctionGraphs* function_graphs, 5 SessionMetadata session_metadata
RunMetadata.FunctionGraphs: 1 GraphDef* partition_graphs, 2 GraphDef pre_optimization_graph,
    3 GraphDef post_optimization_graph
AutoParallelOptions: 1 bool enable, 2 int32 num_replicas
ScopedAllocatorOptions: 1 string* enable_op
RewriterConfig: 50 RewriterConfig.CpuLayout cpu_layout_conversion, 1 RewriterConfig.Toggle layout_optimizer,
    3 RewriterConfig.Toggle constant_folding, 13 RewriterConfig.Toggle shape_optimization,
    14 RewriterConfig.Toggle remapping, 24 RewriterConfig.Toggle common_subgraph_elimination,
    7 RewriterConfig.Toggle arithmetic_optimization, 8 RewriterConfig.Toggle dependency_optimization,
    9 RewriterConfig.Toggle loop_optimization, 10 RewriterConfig.Toggle function_optimization,
    11 RewriterConfig.Toggle debug_stripper, 2 bool disable_model_pruning,
    15 RewriterConfig.Toggle scoped_allocator_optimization, 18 RewriterConfig.Toggle pin_to_host_optimization,
    22 RewriterConfig.Toggle implementation_selector, 23 RewriterConfig.Toggle auto_mixed_precision,
    25 RewriterConfig.Toggle auto_mixed_precision_mkl, 31 RewriterConfig.Toggle auto_mixed_precision_onednn_bfloat16,
    29 RewriterConfig.Toggle auto_mixed_precision_cpu, 19 bool disable_meta_optimizer, 32 bool disable_tfg_optimizer,
    28 RewriterConfig.Toggle use_plugin_optimizers, 30 RewriterConfig.Toggle experimental_conditional_code_motion,
    12 RewriterConfig.NumIterationsType meta_optimizer_iterations, 17 int32 min_graph_nodes,
    26 bool experimental_disable_compressed_tensor_optimization,
    27 bool experimental_disable_folding_quantization_emulation, 4 RewriterConfig.MemOptType memory_optimization,
    6 string memory_optimizer_target_node_name_scope, 20 int64 meta_optimizer_timeout_ms,
    5 AutoParallelOptions auto_parallel, 21 bool fail_on_optimizer_errors,
    16 ScopedAllocatorOptions scoped_allocator_opts, 100 string* optimizers,
    200 RewriterConfig.CustomGraphOptimizer* custom_optimizers, 300 VerifierConfig inter_optimizer_verifier_config,
    301 VerifierConfig post_optimization_verifier_config
enum RewriterConfig.Toggle: 0 DEFAULT, 1 ON, 2 OFF, 3 AGGRESSIVE, 4 EXPERIMENTAL_MLIR, 5 EXPERIMENTAL_BOTH
enum RewriterConfig.CpuLayout: 0 NO_CONVERSION_ON_CPU, 1 NCHW_TO_NHWC, 2 NHWC_TO_NCHW
enum RewriterConfig.NumIterationsType: 0 DEFAULT_NUM_ITERS, 1 ONE, 2 TWO
enum RewriterConfig.MemOptType: 0 DEFAULT_MEM_OPT, 1 NO_MEM_OPT, 2 MANUAL, 4 SWAPPING_HEURISTICS,
    5 RECOMPUTATION_HEURISTICS, 6 SCHEDULING_HEURISTICS, 3 HEURISTICS
RewriterConfig.CustomGraphOptimizer: 1 string name, 2 {string:AttrValue} parameter_map
VerifierConfig: 1 int64 verification_timeout_in_ms, 2 VerifierConfig.Toggle structure_verifier
enum VerifierConfig.Toggle: 0 DEFAULT, 1 ON, 2 OFF
DebugTensorWatch: 1 string node_name, 2 int32 output_slot, 3 string* debug_ops, 4 string* debug_urls,
    5 bool tolerate_debug_op_creation_failures
DebugOptions: 4 DebugTensorWatch* debug_tensor_watch_opts, 10 int64 global_step, 11 bool reset_disk_byte_usage
RPCOptions: 1 bool use_rpc_for_inprocess_master, 2 string compression_algorithm, 3 int32 compression_level,
    4 bool cache_rpc_response, 5 bool disable_session_connection_sharing, 6 int32 num_channels_per_target
CoordinatedJob: 1 string name, 2 int32 num_tasks
CoordinationServiceConfig: 1 string service_type, 2 string service_leader, 3 bool enable_health_check,
    4 int64 cluster_register_timeout_in_ms, 14 bool cluster_register_with_barrier, 5 int64 heartbeat_timeout_in_ms,
    10 CoordinatedJob* coordinated_job_list, 7 int64 shutdown_barrier_timeout_in_ms,
    8 bool agent_destruction_without_shutdown, 9 string* recoverable_jobs, 11 bool allow_new_incarnation_to_reconnect,
    12 bool force_disable, 13 bool poll_for_error_from_service_at_startup
CostGraphDef: 1 CostGraphDef.Node* node, 2 CostGraphDef.AggregatedCost* cost
CostGraphDef.Node: 1 string name, 2 string device, 3 int32 id, 4 CostGraphDef.Node.InputInfo* input_info,
    5 CostGraphDef.Node.OutputInfo* output_info, 6 int64 temporary_memory_size, 12 int64 persistent_memory_size,
    10 int64 host_temp_memory_size, 11 int64 device_temp_memory_size, 16 int64 device_persistent_memory_size,
    9 int64 compute_cost, 14 int64 compute_time, 15 int64 memory_time, 7 bool is_final, 8 int32* control_input,
    17 bool inaccurate
CostGraphDef.Node.InputInfo: 1 int32 preceding_node, 2 int32 preceding_port
CostGraphDef.Node.OutputInfo: 1 int64 size, 2 int64 alias_input_port, 3 TensorShapeProto shape, 4 DataType dtype
CostGraphDef.AggregatedCost: 1 float cost, 2 string dimension
AllocationRecord: 1 int64 alloc_micros, 2 int64 alloc_bytes
AllocatorMemoryUsed: 1 string allocator_name, 2 int64 total_bytes, 3 int64 peak_bytes, 4 int64 live_bytes,
    6 AllocationRecord* allocation_records, 5 int64 allocator_bytes_in_use
NodeOutput: 1 int32 slot, 3 TensorDescription tensor_description
MemoryStats: 1 int64 temp_memory_size, 3 int64 persistent_memory_size, 5 int64* persistent_tensor_alloc_ids,
    2 int64 device_temp_memory_size, 4 int64 device_persistent_memory_size,
    6 int64* device_persistent_tensor_alloc_ids
NodeExecStats: 1 string node_name, 2 int64 all_start_micros, 3 int64 op_start_rel_micros, 4 int64 op_end_rel_micros,
    5 int64 all_end_rel_micros, 6 AllocatorMemoryUsed* memory, 7 NodeOutput* output, 8 string timeline_label,
    9 int64 scheduled_micros, 10 uint32 thread_id, 11 AllocationDescription* referenced_tensor,
    12 MemoryStats memory_stats, 13 int64 all_start_nanos, 14 int64 op_start_rel_nanos, 15 int64 op_end_rel_nanos,
    16 int64 all_end_rel_nanos, 17 int64 scheduled_nanos
DeviceStepStats: 1 string device, 2 NodeExecStats* node_stats, 3 {uint32:string} thread_names
StepStats: 1 DeviceStepStats* dev_stats
AllocationDescription: 1 int64 requested_bytes, 2 int64 allocated_bytes, 3 string allocator_name,
    4 int64 allocation_id, 5 bool has_single_reference, 6 uint64 ptr
TensorDescription: 1 DataType dtype, 2 TensorShapeProto shape, 4 AllocationDescription allocation_description
InterconnectLink: 1 int32 device_id, 2 string type, 3 int32 strength
LocalLinks: 1 InterconnectLink* link
DeviceLocality: 1 int32 bus_id, 2 int32 numa_node, 3 LocalLinks links
DeviceAttributes: 1 string name, 2 string device_type, 4 int64 memory_limit, 5 DeviceLocality locality,
    6 fixed64 incarnation, 7 string physical_device_desc, 8 int64 xla_global_id
"""
