// A program on worker processes of a local cluster that take more and more memory: exits with 0 when a worker is
// paused in time, and one that takes too much is ended, and another started.
#include <algorithm>
#include <cstddef>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "weft/cluster.hpp"
#include "weft/weft.hpp"

namespace {

constexpr std::size_t limit = std::size_t{256} << 20;

/// Of this worker: stays until it is replaced.
std::unique_ptr<std::vector<char>> held;
int take(std::size_t bytes) {
  held = bytes == 0 ? nullptr : std::make_unique<std::vector<char>>(bytes, 'x');
  return 0;
}
int same(int x) { return x; }

weft::task<> until_mode(const weft::client& c, std::string mode) {
  for (bool met = false; !met;) {
    const weft::cluster_info there = co_await c.cluster();
    met = !there.workers.empty() &&
          std::all_of(there.workers.begin(), there.workers.end(), [&](const auto& w) { return w.mode == mode; });
  }
}

weft::task<> until_other(const weft::local_cluster* cluster, const weft::client& c, int process) {
  for (bool met = false; !met;) {
    const weft::cluster_info there = co_await c.cluster();
    const std::vector<int> all = cluster->worker_processes();
    met = there.workers.size() == 1 && !all.empty() && all.front() != process;
  }
}

weft::task<bool> program(weft::pool* p, const weft::local_cluster* cluster) {
  weft::client c = co_await weft::connect(*p, cluster->where());
  co_await c.submit(take, limit / 100 * 82);
  auto paused = until_mode(c, "paused");
  co_await weft::timeout(std::chrono::seconds(60), std::move(paused));
  const int one = co_await c.submit(same, 1);  // what is alone goes on
  co_await c.submit(take, std::size_t{0});
  auto running = until_mode(c, "running");
  co_await weft::timeout(std::chrono::seconds(60), std::move(running));
  const int process = cluster->worker_processes().front();
  c.fire_and_forget(c.submit(take, limit / 100 * 97));
  auto other = until_other(cluster, c, process);
  co_await weft::timeout(std::chrono::seconds(60), std::move(other));
  const int two = co_await c.submit(same, 2);
  co_return one == 1 && two == 2;
}

}  // namespace

int main(int argc, char** argv) {
  weft::init(argc, argv);
  const weft::local_cluster cluster({.workers = 1, .threads = 1, .memory = limit});
  weft::pool p({.threads = 1});
  try {
    return p.run(program(&p, &cluster)) ? 0 : 1;
  } catch (const std::exception& e) {
    std::cerr << "the worker was not held back, or not replaced: " << e.what() << '\n';
    return 1;
  }
}
