; The fast way into a program: one METH_FASTCALL function for all of them, driven by a table of 64-bit words.
;
; `self` is a NumPy array whose data are the words below; native_call.py makes it. Everything that does not fit the
; table exactly is handed to the Python callable in `fallback`, which converts, or explains what is wrong.
; Addresses of Python and NumPy objects come in @gc_python, filled when the process starts, so this code can be stored.
;
; Object headers read here: reference count 0 (low 32 bits), type 8; ndarray data 16, rank 24, dims 32, base 48,
; descr 56, flags 64, weak references 72; value of a float or NumPy scalar 16. call_layout.py proves them at the start.

;  0 fn          1 arena_fn    2 shapes_fn   3 constants   4 arena (address, bytes, busy)
;  5 n_args      6 n_inputs    7 n_outputs   8 n_symbols
;  9 flags: 1 single, 2 release the GIL, 4 static shapes, 8 writes state: alone, 16 reads it: together with others that do
; 10 fallback   11 failed     12 inputs     13 dims       14 argument records       15 output records
; 16 slots      17 arena bytes where shapes are static    18 shapes, likewise       19 sum of output ranks
; 20 how many outputs are returned               21 turn (call_turn.ll), where runs must keep out of each other's way
; 22 box (call_box.ll), where arguments and results are boxes
; 23 gate, 24 the change that it must tell of (gc_call_gated in call_box.ll)
%spec = type [25 x i64]

; input position, descr, rank, kind of Python number taken (1 f32, 2 f64, 3 i32, 4 i64, 5 b1, 0 none), address of
; dimension rules, type of the NumPy scalar taken or null
%argument = type { i64, ptr, i64, i64, ptr, ptr }
; 0 equal to value, 1 bind symbol `value`, 2 equal to symbol `value`
%rule = type { i64, i64 }
; mode (0 new, 1 over the memory of a bound input, 2 new, starting as a copy of an input), descr, rank, that input,
; returned (2: and nobody may write to it), bytes of one element
%output = type { i64, ptr, i64, i64, i64, i64 }

; 0 ndarray, 1 float, 2 int, 3 PyArray_Empty, 4 PyTuple_New, 5 PyTuple_SetItem, 6 PyEval_SaveThread,
; 7 PyEval_RestoreThread, 8 PyObject_VectorcallDict, 9 PyLong_AsLongLongAndOverflow, 10 PyLong_FromLong,
; 11 NotImplemented, 12 PyErr_NoMemory, 13 Py_IncRef, 14 Py_DecRef, 15 True, 16 False, 17 PyErr_CheckSignals,
; 18 PyType_GenericAlloc, 19 PyTuple_GetItem, 20 PyThread_get_thread_ident, 21 PyDataMem_SetHandler and 22 the handler of
; call_aligned.ll, or null
%python = type [23 x ptr]
@gc_python = internal global %python zeroinitializer

declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)

define void @gc_call_configure(ptr %addresses) nounwind {
  call void @llvm.memcpy.p0.p0.i64(ptr @gc_python, ptr %addresses, i64 184, i1 false)
  ret void
}

define internal void @gc_keep(ptr %object) nounwind alwaysinline {
  %f = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 13)
  call void %f(ptr %object)
  ret void
}

define internal void @gc_drop(ptr %object) nounwind alwaysinline {
  %f = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 14)
  call void %f(ptr %object)
  ret void
}

; Runs the program. Answers the results; null with a Python error set; or 1 where the arguments do not fit the table.
define internal ptr @gc_run(ptr %self, ptr %args, i64 %n_args) nounwind {
entry:
  %spec.at = getelementptr i8, ptr %self, i64 16
  %spec = load ptr, ptr %spec.at
  %n_args.at = getelementptr i64, ptr %spec, i64 5
  %expected = load i64, ptr %n_args.at
  %fits = icmp eq i64 %expected, %n_args
  br i1 %fits, label %prepare, label %reject

prepare:
  %n_inputs.at = getelementptr i64, ptr %spec, i64 6
  %n_inputs = load i64, ptr %n_inputs.at
  %n_outputs.at = getelementptr i64, ptr %spec, i64 7
  %n_outputs = load i64, ptr %n_outputs.at
  %n_symbols.at = getelementptr i64, ptr %spec, i64 8
  %n_symbols = load i64, ptr %n_symbols.at
  %flags.at = getelementptr i64, ptr %spec, i64 9
  %flags = load i64, ptr %flags.at
  %inputs = alloca ptr, i64 %n_inputs, align 16
  %dims = alloca i64, i64 %n_symbols, align 16
  %scalars = alloca i64, i64 %n_args, align 16
  %outputs = alloca ptr, i64 %n_outputs, align 16
  %results = alloca ptr, i64 %n_outputs, align 16
  %known.inputs.at = getelementptr i64, ptr %spec, i64 12
  %known.inputs = load ptr, ptr %known.inputs.at
  %input.bytes = mul i64 %n_inputs, 8
  call void @llvm.memcpy.p0.p0.i64(ptr %inputs, ptr %known.inputs, i64 %input.bytes, i1 false)
  %known.dims.at = getelementptr i64, ptr %spec, i64 13
  %known.dims = load ptr, ptr %known.dims.at
  %dims.bytes = mul i64 %n_symbols, 8
  call void @llvm.memcpy.p0.p0.i64(ptr %dims, ptr %known.dims, i64 %dims.bytes, i1 false)
  %records.at = getelementptr i64, ptr %spec, i64 14
  %records = load ptr, ptr %records.at
  br label %argument

argument:
  %k = phi i64 [ 0, %prepare ], [ %k.next, %taken ]
  %arguments.done = icmp sge i64 %k, %n_args
  br i1 %arguments.done, label %sizes, label %take

take:
  %record = getelementptr %argument, ptr %records, i64 %k
  %object.at = getelementptr ptr, ptr %args, i64 %k
  %object = load ptr, ptr %object.at
  %scalar = getelementptr i64, ptr %scalars, i64 %k
  %ok = call i1 @gc_take_argument(ptr %record, ptr %object, ptr %inputs, ptr %dims, ptr %scalar)
  br i1 %ok, label %taken, label %reject

taken:
  %k.next = add i64 %k, 1
  br label %argument

sizes:
  %static.bit = and i64 %flags, 4
  %static = icmp ne i64 %static.bit, 0
  br i1 %static, label %sizes.static, label %sizes.dynamic

sizes.static:
  %static.bytes.at = getelementptr i64, ptr %spec, i64 17
  %static.bytes = load i64, ptr %static.bytes.at
  %static.shapes.at = getelementptr i64, ptr %spec, i64 18
  %static.shapes = load ptr, ptr %static.shapes.at
  br label %make

sizes.dynamic:
  %ranks.at = getelementptr i64, ptr %spec, i64 19
  %ranks = load i64, ptr %ranks.at
  %own.shapes = alloca i64, i64 %ranks, align 16
  %shapes.fn.at = getelementptr i64, ptr %spec, i64 2
  %shapes.fn = load ptr, ptr %shapes.fn.at
  call void %shapes.fn(ptr %dims, ptr %own.shapes)
  %arena.fn.at = getelementptr i64, ptr %spec, i64 1
  %arena.fn = load ptr, ptr %arena.fn.at
  %own.bytes = call i64 %arena.fn(ptr %dims)
  br label %make

make:
  %bytes = phi i64 [ %static.bytes, %sizes.static ], [ %own.bytes, %sizes.dynamic ]
  %shapes = phi ptr [ %static.shapes, %sizes.static ], [ %own.shapes, %sizes.dynamic ]
  %made = call i64 @gc_make_results(ptr %spec, ptr %inputs, ptr %outputs, ptr %results, ptr %shapes)
  %all.made = icmp eq i64 %made, %n_outputs
  br i1 %all.made, label %turns, label %out.of.memory.for.results

out.of.memory.for.results:                               ; NumPy has set the error
  call void @gc_drop_all(ptr %results, i64 %made)
  ret ptr null

turns:
  %turn.bits = and i64 %flags, 24
  %in.turn = icmp ne i64 %turn.bits, 0
  %shared.bit = and i64 %flags, 16
  %shared = icmp ne i64 %shared.bit, 0
  %turn.at = getelementptr i64, ptr %spec, i64 21
  %turn = load ptr, ptr %turn.at
  br i1 %in.turn, label %take.turn, label %memory

take.turn:                                               ; once taken, no Python code runs in this thread until `collect`
  %refused = call i32 @gc_turn_take(ptr %turn, i1 %shared)
  %is.mine = icmp eq i32 %refused, 0
  br i1 %is.mine, label %memory, label %no.turn

no.turn:                                                 ; a signal handler raised, or the run is inside of another
  call void @gc_drop_all(ptr %results, i64 %n_outputs)
  ret ptr null

memory:
  %arena.at = getelementptr i64, ptr %spec, i64 4
  %arena = load ptr, ptr %arena.at
  %scratch = call ptr @gc_arena_take(ptr %arena, i64 %bytes)
  %no.scratch = icmp eq ptr %scratch, null
  br i1 %no.scratch, label %out.of.memory, label %enter

out.of.memory:
  call void @gc_turn_give(ptr %turn)
  call void @gc_drop_all(ptr %results, i64 %n_outputs)
  %no.memory = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 12)
  %raised = call ptr %no.memory()
  ret ptr null

enter:
  %fn = load ptr, ptr %spec
  %constants.at = getelementptr i64, ptr %spec, i64 3
  %constants = load ptr, ptr %constants.at
  %unlocked.bit = and i64 %flags, 2
  %unlocked = icmp ne i64 %unlocked.bit, 0
  br i1 %unlocked, label %enter.unlocked, label %enter.locked

enter.locked:
  %code.locked = call i32 %fn(ptr %inputs, ptr %outputs, ptr %dims, ptr %constants, ptr %scratch)
  br label %leave

enter.unlocked:
  %save = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 6)
  %thread = call ptr %save()
  %code.unlocked = call i32 %fn(ptr %inputs, ptr %outputs, ptr %dims, ptr %constants, ptr %scratch)
  %restore = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 7)
  call void %restore(ptr %thread)
  br label %leave

leave:
  %code = phi i32 [ %code.locked, %enter.locked ], [ %code.unlocked, %enter.unlocked ]
  call void @gc_arena_give(ptr %arena, ptr %scratch)
  call void @gc_turn_give(ptr %turn)
  %good = icmp eq i32 %code, 0
  br i1 %good, label %collect, label %failed

collect:
  %answer = call ptr @gc_collect(ptr %spec, ptr %outputs, ptr %results, ptr %shapes)
  ret ptr %answer

failed:
  call void @gc_drop_all(ptr %results, i64 %n_outputs)
  %error = call ptr @gc_report(ptr %spec, i32 %code)
  ret ptr %error

reject:
  ret ptr inttoptr (i64 1 to ptr)
}

; Calls the Python callable that raises the error for a program's error code.
define internal ptr @gc_report(ptr %spec, i32 %code) nounwind {
entry:
  %argument = alloca ptr
  %wide = sext i32 %code to i64
  %from.long = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 10)
  %number = call ptr %from.long(i64 %wide)
  %none = icmp eq ptr %number, null
  br i1 %none, label %out, label %report

report:
  store ptr %number, ptr %argument
  %failed.at = getelementptr i64, ptr %spec, i64 11
  %failed = load ptr, ptr %failed.at
  %vectorcall = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 8)
  %answer = call ptr %vectorcall(ptr %failed, ptr %argument, i64 1, ptr null)
  call void @gc_drop(ptr %number)
  br label %out

out:
  %result = phi ptr [ null, %entry ], [ %answer, %report ]
  ret ptr %result
}

; The entry that users call: what does not fit goes to the Python fallback.
define ptr @gc_call(ptr %self, ptr %args, i64 %n_args) nounwind {
entry:
  %answer = call ptr @gc_run(ptr %self, ptr %args, i64 %n_args)
  %rejected = icmp eq ptr %answer, inttoptr (i64 1 to ptr)
  br i1 %rejected, label %fall.back, label %out

fall.back:
  %spec.at = getelementptr i8, ptr %self, i64 16
  %spec = load ptr, ptr %spec.at
  %fallback.at = getelementptr i64, ptr %spec, i64 10
  %fallback = load ptr, ptr %fallback.at
  %vectorcall = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 8)
  %other = call ptr %vectorcall(ptr %fallback, ptr %args, i64 %n_args, ptr null)
  ret ptr %other

out:
  ret ptr %answer
}

; The entry that the fallback uses with converted arguments: NotImplemented where they still do not fit.
define ptr @gc_call_exact(ptr %self, ptr %args, i64 %n_args) nounwind {
entry:
  %answer = call ptr @gc_run(ptr %self, ptr %args, i64 %n_args)
  %rejected = icmp eq ptr %answer, inttoptr (i64 1 to ptr)
  br i1 %rejected, label %refuse, label %out

refuse:
  %not.implemented = load ptr, ptr getelementptr (ptr, ptr @gc_python, i64 11)
  call void @gc_keep(ptr %not.implemented)
  ret ptr %not.implemented

out:
  ret ptr %answer
}

; Calls a function of a shared library, which has its constants in it: their place holds its address.
define i32 @gc_call_alone(ptr %inputs, ptr %outputs, ptr %dims, ptr %place, ptr %arena) nounwind {
  %fn = load ptr, ptr %place
  %code = call i32 %fn(ptr %inputs, ptr %outputs, ptr %dims, ptr %arena)
  ret i32 %code
}

; A program for the start-up test: the sum of two f32 vectors of n elements, and of one f32 scalar added to both.
define i32 @gc_probe(ptr %inputs, ptr %outputs, ptr %dims, ptr %constants, ptr %arena) nounwind {
entry:
  %x = load ptr, ptr %inputs
  %y.at = getelementptr ptr, ptr %inputs, i64 1
  %y = load ptr, ptr %y.at
  %s.at = getelementptr ptr, ptr %inputs, i64 2
  %s = load ptr, ptr %s.at
  %scalar = load float, ptr %s
  %out = load ptr, ptr %outputs
  %n = load i64, ptr %dims
  br label %test

test:
  %i = phi i64 [ 0, %entry ], [ %next, %add ]
  %ended = icmp sge i64 %i, %n
  br i1 %ended, label %done, label %add

add:
  %x.i = getelementptr float, ptr %x, i64 %i
  %y.i = getelementptr float, ptr %y, i64 %i
  %out.i = getelementptr float, ptr %out, i64 %i
  %a = load float, ptr %x.i
  %b = load float, ptr %y.i
  %ab = fadd float %a, %b
  %abs = fadd float %ab, %scalar
  store float %abs, ptr %out.i
  %next = add i64 %i, 1
  br label %test

done:
  ret i32 0
}

define i64 @gc_probe_arena(ptr %dims) nounwind {
  ret i64 64
}

define void @gc_probe_shapes(ptr %dims, ptr %out) nounwind {
  %n = load i64, ptr %dims
  store i64 %n, ptr %out
  ret void
}
