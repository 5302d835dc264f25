#pragma once

#include <string>

#include "../harness.hpp"

namespace bench {

/// The peer of an array's measurement: a script of bench/ that prints milliseconds, `dask_array.py sum 1000 100`, to
/// which the number of threads is added. Without these modules of Python `out` has none, and its note says so.
void beside_dask(sides& out, const settings& s, const std::string& script_and_arguments,
                 const char* modules = "dask.array");
/// The same in the note, where the peer is another; it is measured once.
void note_dask(sides& out, const settings& s, const std::string& script_and_arguments);
/// What NumPy takes, measured once, in the note: `numpy_array.py sum 1000 100`.
void note_numpy(sides& out, const settings& s, const std::string& script_and_arguments);

}  // namespace bench
