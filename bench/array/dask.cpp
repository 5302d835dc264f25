#include "dask.hpp"

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace bench {

bool dask_arrays_installed() {
  static const bool there =
      std::system("/usr/bin/python3 -c 'import dask.array' >/dev/null 2>&1") == 0;  // NOLINT: no user input
  return there;
}

double dask_milliseconds(const std::string& script_and_arguments) {
  // One thread of OpenBLAS a task, as Dask advises and as weft has it.
  const std::string command =
      "OPENBLAS_NUM_THREADS=1 /usr/bin/python3 '" WEFT_BENCH_SOURCES "'/" + script_and_arguments;
  FILE* script = ::popen(command.c_str(), "r");
  double ms = 0;
  const bool read = script && std::fscanf(script, "%lf", &ms) == 1;
  if (!script || ::pclose(script) != 0 || !read) throw std::runtime_error(command + " failed");
  return ms;
}

void beside_dask(sides& out, const settings& s, const std::string& script_and_arguments) {
  if (!s.peers) return;
  if (!dask_arrays_installed()) {
    out.note += (out.note.empty() ? "" : "; ") + std::string("Dask is not installed (sh bench/peers.sh)");
    return;
  }
  out.peer_name = "dask threads";
  out.peer = [call = script_and_arguments + " " + std::to_string(s.threads)] { return dask_milliseconds(call); };
}

}  // namespace bench
