// CUDA C++ as C++17 on the CPU: build.py compiles texts with this before them and entry.hpp after them.
#pragma once
#define GC_EMULATE 1
#include <algorithm>
#include <vector>

#include "launch.hpp"
