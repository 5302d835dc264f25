#include "dask.hpp"

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace bench {
namespace {

/// Whether Python finds these modules.
bool installed(const char* modules) {
  const std::string command = "/usr/bin/python3 -c 'import " + std::string(modules) + "' >/dev/null 2>&1";
  return std::system(command.c_str()) == 0;  // NOLINT: no user input
}

/// What a script of bench/ prints. Throws std::runtime_error when it fails, or takes two minutes: a worker of Dask's
/// that has no memory left to go on with waits for ever.
double script_milliseconds(const std::string& script_and_arguments, unsigned blas_threads) {
  const std::string command = "PYTHONWARNINGS=ignore OPENBLAS_NUM_THREADS=" + std::to_string(blas_threads) +
                              " timeout 120 /usr/bin/python3 '" WEFT_BENCH_SOURCES "'/" + script_and_arguments;
  FILE* script = ::popen(command.c_str(), "r");
  double ms = 0;
  const bool read = script && std::fscanf(script, "%lf", &ms) == 1;
  if (!script || ::pclose(script) != 0 || !read) throw std::runtime_error(command + " failed");
  return ms;
}
double dask_milliseconds(const std::string& script_and_arguments, unsigned threads) {
  // One thread of OpenBLAS a task, as Dask advises and as weft has it.
  return script_milliseconds(script_and_arguments + " " + std::to_string(threads), 1);
}

void add_note(sides& out, std::function<std::string()> says) {
  out.late_note = [before = out.late_note, note = out.note, says = std::move(says)] {
    const std::string so_far = before ? before() : note;
    return so_far + (so_far.empty() ? "" : "; ") + says();
  };
}
void add_milliseconds(sides& out, const std::string& whose, std::function<double()> takes) {
  add_note(out, [whose, takes = std::move(takes)] {
    char text[64];
    std::snprintf(text, sizeof text, "%s: %.0f ms", whose.c_str(), takes());
    return std::string(text);
  });
}

}  // namespace

void beside_dask(sides& out, const settings& s, const std::string& script_and_arguments, const char* modules) {
  if (!s.peers) return;
  if (!installed(modules))
    return add_note(out, [=] { return std::string(modules) + " are not installed (sh bench/peers.sh)"; });
  out.peer_name = "dask threads";
  out.peer = [=, threads = s.threads] { return dask_milliseconds(script_and_arguments, threads); };
}

void note_dask(sides& out, const settings& s, const std::string& script_and_arguments) {
  if (!s.peers || !installed("dask.array")) return;
  add_milliseconds(out, "Dask's threads",
                   [=, threads = s.threads] { return dask_milliseconds(script_and_arguments, threads); });
}

void note_dask_worker(sides& out, const settings& s, const std::string& script_and_arguments, std::uint64_t memory) {
  if (!s.peers || !installed("dask.array, distributed")) return;
  const std::string call = script_and_arguments + " " + std::to_string(s.threads) + " " + std::to_string(memory);
  add_milliseconds(out, "a worker of Dask's of " + std::to_string(memory >> 20) + " MiB",
                   [=] { return script_milliseconds(call, 1); });
}

void note_numpy(sides& out, const settings& s, const std::string& script_and_arguments, const char* modules) {
  if (!s.peers || !installed(modules)) return;
  add_milliseconds(out, "NumPy",
                   [=, threads = s.threads] { return script_milliseconds(script_and_arguments, threads); });
}

sides beside_python(const settings& s, const std::string& what, std::int64_t n, std::int64_t k,
                    std::function<double()> weft) {
  const std::string call = "_array.py " + what + " " + std::to_string(n) + " " + std::to_string(k);
  sides out;
  out.weft = std::move(weft);
  out.note = WEFT_BENCH_COMPILER;
  beside_dask(out, s, "dask" + call);
  note_numpy(out, s, "numpy" + call);
  return out;
}

}  // namespace bench
