// graph.*: what a task of the engine costs, beside Dask's threaded scheduler.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "client_place.hpp"
#include "graph_shapes.hpp"
#include "harness.hpp"
#include "weft/client.hpp"
#include "weft/pool.hpp"
#include "weft/sleep.hpp"

namespace bench {
namespace {

/// Dask's threaded scheduler on the same graph, prepared outside its clock; ns a task. Null where it is missing.
bool dask_is_there() {
  static const bool there =
      std::system("/usr/bin/python3 -c 'import dask.threaded' >/dev/null 2>&1") == 0;  // NOLINT: no user input
  return there;
}
double dask(const char* shape, long n, unsigned threads) {
  char command[512];
  std::snprintf(command, sizeof command, "/usr/bin/python3 '%s/dask_graph.py' %s %ld %u", WEFT_BENCH_SOURCES, shape,
                n, threads);
  FILE* out = ::popen(command, "r");
  double ns = 0;
  const bool read = out && std::fscanf(out, "%lf", &ns) == 1;
  if (!out || ::pclose(out) != 0 || !read) throw std::runtime_error(std::string(command) + " failed");
  return ns;
}

sides tasks(const settings& s, const char* shape, long n, long dask_n, graph_shape program) {
  auto here = std::make_shared<client_place>(s.threads);
  sides out;
  out.note = WEFT_BENCH_COMPILER;
  out.weft = [here, n, program] {
    const double begin = seconds_now();
    const long count = here->pool.run(program(here->client, n));
    return (seconds_now() - begin) * 1e9 / static_cast<double>(count);
  };
  if (shape && s.peers && dask_is_there()) {
    out.peer_name = "dask threads";
    out.peer = [shape, dask_n, threads = s.threads] { return dask(shape, dask_n, threads); };
  } else if (shape && s.peers) {
    out.note += "; Dask is not installed (sh bench/peers.sh)";
  }
  return out;
}

const registered independent_("graph.independent", "ns/task", "tasks of one argument, submitted, run and awaited",
                              [](const settings& s) {
                                return tasks(s, "independent", s.size(1'000'000L, 100'000L), s.size(50'000L, 5'000L),
                                             independent);
                              });
const registered chain_("graph.chain", "ns/task", "each task takes the result of the one before",
                        [](const settings& s) {
                          return tasks(s, "chain", s.size(1'000'000L, 100'000L), s.size(10'000L, 2'000L), chain);
                        });
const registered tree_("graph.tree", "ns/task", "a sum by pairs", [](const settings& s) {
  return tasks(s, "tree", s.size(1L << 19, 1L << 15), s.size(1L << 14, 1L << 11), tree);
});

/// A million tasks that wait for one: what they take, and what it costs to submit them.
struct waiting_tasks {
  static int after(int x, const int& gate) { return x + gate; }
  static weft::task<int> opens() {
    co_await weft::sleep_for(std::chrono::hours(1000));
    co_return 0;
  }
};

long resident_bytes() {
  long pages = 0, ignored = 0;
  FILE* f = std::fopen("/proc/self/statm", "r");
  const bool read = f && std::fscanf(f, "%ld %ld", &ignored, &pages) == 2;
  if (f) std::fclose(f);
  if (!read) throw std::runtime_error("cannot read /proc/self/statm");
  return pages * 4096;
}

weft::task<double> submit_waiting(weft::client& c, long n, bool memory) {
  auto gate = c.submit(waiting_tasks::opens);
  std::vector<weft::future<int>> all;
  all.reserve(static_cast<std::size_t>(n));
  all.resize(static_cast<std::size_t>(n));  // the handles are not what is measured
  const long before = resident_bytes();
  const double begin = seconds_now();
  for (int i = 0; i < n; ++i) all[static_cast<std::size_t>(i)] = c.submit(waiting_tasks::after, i, gate);
  const double took = seconds_now() - begin;
  const long bytes = resident_bytes() - before;
  all.clear();
  gate.cancel();
  co_return (memory ? static_cast<double>(bytes) : took * 1e9) / static_cast<double>(n);
}

const registered submit_("graph.submit", "ns/task", "one submit a task, its future held, while it waits for another",
                         [](const settings& s) {
                           auto here = std::make_shared<client_place>(s.threads);
                           const long n = s.size(1'000'000L, 100'000L);
                           sides out;
                           out.note = WEFT_BENCH_COMPILER;
                           out.weft = [here, n] { return here->pool.run(submit_waiting(here->client, n, false)); };
                           return out;
                         });
/// In a process of its own, whose memory has not been used by other measurements.
double memory_of_fresh_process(unsigned threads, bool quick) {
  char self[4096];
  const ssize_t length = ::readlink("/proc/self/exe", self, sizeof self - 1);
  if (length <= 0) throw std::runtime_error("cannot read /proc/self/exe");
  self[length] = '\0';
  const std::string command = "WEFT_BENCH_FRESH=1 '" + std::string(self) + "' --json --runs 1 --threads " +
                              std::to_string(threads) + (quick ? " --quick" : "") + " graph.memory_per_task";
  FILE* out = ::popen(command.c_str(), "r");
  double bytes = 0;
  const bool read =
      out && std::fscanf(out, "{\"bench\":\"graph.memory_per_task\",\"unit\":\"bytes\",\"weft\":%lf", &bytes) == 1;
  while (out && std::fgetc(out) != EOF) {}
  if (!out || ::pclose(out) != 0 || !read) throw std::runtime_error(command + " failed");
  return bytes;
}

const registered memory_("graph.memory_per_task", "bytes", "resident memory of a task that waits, with its future's",
                         [](const settings& s) {
                           const bool fresh = std::getenv("WEFT_BENCH_FRESH") != nullptr;
                           const long n = s.size(1'000'000L, 200'000L);
                           sides out;
                           out.note = WEFT_BENCH_COMPILER;
                           out.weft = [threads = s.threads, quick = s.quick, fresh, n, most = 0.0]() mutable {
                             if (!fresh) return memory_of_fresh_process(threads, quick);
                             // A second run uses memory that the first gave back: the first is the one that counts.
                             client_place here(threads);
                             return most = std::max(most, here.pool.run(submit_waiting(here.client, n, true)));
                           };
                           return out;
                         });
const registered million_("graph.million", "s", "a million tasks, of which a tree makes one value: built and run",
                          [](const settings& s) {
                            auto here = std::make_shared<client_place>(s.threads);
                            const long leaves = s.size(1L << 19, 1L << 16);
                            sides out;
                            out.note = WEFT_BENCH_COMPILER;
                            out.weft = [here, leaves] {
                              const double begin = seconds_now();
                              here->pool.run(tree(here->client, leaves));
                              return seconds_now() - begin;
                            };
                            return out;
                          });

}  // namespace
}  // namespace bench
