#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "../harness.hpp"

namespace bench {

/// The peer of an array's measurement: a script of bench/ that prints milliseconds, `dask_array.py sum 1000 100`, to
/// which the number of threads is added. Without these modules of Python `out` has none, and its note says so.
void beside_dask(sides& out, const settings& s, const std::string& script_and_arguments,
                 const char* modules = "dask.array");
/// The same in the note, where the peer is another; it is measured once.
void note_dask(sides& out, const settings& s, const std::string& script_and_arguments);
/// The same on a worker of Dask's that has so many bytes of memory, and spills what is beyond.
void note_dask_worker(sides& out, const settings& s, const std::string& script_and_arguments, std::uint64_t memory);
/// What NumPy takes, measured once, in the note: `numpy_array.py sum 1000 100`.
void note_numpy(sides& out, const settings& s, const std::string& script_and_arguments,
                const char* modules = "numpy");

/// Measures `weft` beside `dask_array.py what n k` and, in the note, `numpy_array.py what n k`.
sides beside_python(const settings& s, const std::string& what, std::int64_t n, std::int64_t k,
                    std::function<double()> weft);

}  // namespace bench
