; Objects that lend the memory of one of their attributes, for Pythons whose classes cannot say so themselves.

; The attribute's name, PyObject_GetAttr, PyObject_GetBuffer and Py_DecRef of this process.
@gc_buffer_python = internal global [4 x ptr] zeroinitializer

define void @gc_buffer_configure(ptr %addresses) nounwind {
  call void @llvm.memcpy.p0.p0.i64(ptr @gc_buffer_python, ptr %addresses, i64 32, i1 false)
  ret void
}

; What a type's slot bf_getbuffer does: 0, or -1 with a Python error set.
define i32 @gc_buffer_get(ptr %object, ptr %view, i32 %flags) nounwind {
entry:
  %name = load ptr, ptr @gc_buffer_python
  %attribute = load ptr, ptr getelementptr (ptr, ptr @gc_buffer_python, i64 1)
  %owner = call ptr %attribute(ptr %object, ptr %name)
  %none = icmp eq ptr %owner, null
  br i1 %none, label %failed, label %lend

lend:
  %buffer = load ptr, ptr getelementptr (ptr, ptr @gc_buffer_python, i64 2)
  %code = call i32 %buffer(ptr %owner, ptr %view, i32 %flags)
  %drop = load ptr, ptr getelementptr (ptr, ptr @gc_buffer_python, i64 3)
  call void %drop(ptr %owner)
  ret i32 %code

failed:
  %view.object = getelementptr ptr, ptr %view, i64 1
  store ptr null, ptr %view.object
  ret i32 -1
}
