#pragma once

#include <string>

#include "../harness.hpp"

namespace bench {

/// Whether Dask's arrays can be measured here.
bool dask_arrays_installed();
/// The milliseconds that a script of bench/ prints: `dask_array.py sum 1000 100 2`. Throws std::runtime_error when it
/// fails.
double dask_milliseconds(const std::string& script_and_arguments);

/// The peer of an array's measurement: `script arguments... threads`. Without Dask, or without peers, `out` has none.
void beside_dask(sides& out, const settings& s, const std::string& script_and_arguments);

}  // namespace bench
