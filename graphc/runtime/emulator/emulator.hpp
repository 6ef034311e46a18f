// CUDA C++ as C++17 on the CPU: build.py compiles texts with this before them and entry.hpp after them, and links core.cpp.
#pragma once
#define GC_EMULATE 1
#include "launch.hpp"
