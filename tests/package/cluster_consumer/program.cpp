// A user's program, with functions and types of its own, that checks what it computes: to be built outside of weft's
// tree, and run on a cluster that is treated badly.
//
//     program graph LEAVES NUMBERS MILLISECONDS    a tree of tasks; prints `right` or `wrong`
//     program keep LEAVES NUMBERS                  says `kept` when all values are there, and waits for ever
//     program lease LEAVES NUMBERS MILLISECONDS    the leaves one by one, each by a call under a lease
//     program local LEAVES NUMBERS MILLISECONDS    the tree on a local cluster, whose workers it kills halfway
//     program stopped                              ends a local cluster whose worker has been stopped
#include <signal.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <weft/cluster.hpp>
#include <weft/weft.hpp>

namespace {

struct series {
  std::string name;
  unsigned parts = 0;
  std::vector<double> values;
};

/// Takes the time that a computation would.
void compute_for(unsigned milliseconds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  while (std::chrono::steady_clock::now() < end) {}
}

/// Little of it can be compressed, and sums of some thousands are exact.
double noise(std::size_t i) { return 0.5 * static_cast<double>((std::uint64_t{i} * 0x9e3779b97f4a7c15u) >> 24); }

series measure(unsigned which, std::size_t numbers, unsigned milliseconds) {
  compute_for(milliseconds);
  series s{"series " + std::to_string(which), 1, std::vector<double>(numbers)};
  for (std::size_t i = 0; i < numbers; ++i) s.values[i] = which + noise(i);
  return s;
}
series scale(const series& s, double by, unsigned milliseconds) {
  compute_for(milliseconds);
  series scaled = s;
  for (double& x : scaled.values) x *= by;
  return scaled;
}
series add(const series& a, const series& b) {
  series sum{"sum", a.parts + b.parts, a.values};
  for (std::size_t i = 0; i < sum.values.size(); ++i) sum.values[i] += b.values[i];
  return sum;
}

struct request {
  unsigned leaves = 0;
  std::size_t numbers = 0;
  unsigned milliseconds = 0;
};

bool is_right(const series& s, const request& r) {
  const double leaves = r.leaves, whiches = leaves * (leaves - 1) / 2;
  if (s.parts != r.leaves || s.values.size() != r.numbers) return false;
  for (std::size_t i = 0; i < s.values.size(); ++i)
    if (s.values[i] != 2 * (whiches + leaves * noise(i))) return false;
  return true;
}

void nothing() {}

/// The leaves are held to the end: what is lost of them is computed again. Calls `halfway` when half of them are
/// there.
weft::task<int> graph(weft::client& c, request r, std::function<void()> halfway) {
  std::vector<weft::future<series>> leaves, level;
  for (unsigned i = 0; i < r.leaves; ++i) leaves.push_back(c.submit(measure, i, r.numbers, r.milliseconds));
  for (const auto& leaf : leaves) level.push_back(c.submit(scale, leaf, 2.0, r.milliseconds));
  while (level.size() > 1) {
    std::vector<weft::future<series>> next;
    for (std::size_t i = 0; i + 1 < level.size(); i += 2) next.push_back(c.submit(add, level[i], level[i + 1]));
    if (level.size() % 2 == 1) next.push_back(std::move(level.back()));
    level = std::move(next);
  }
  for (unsigned i = 0; i < r.leaves / 2; ++i) {
    const std::vector<weft::future<series>> one(1, leaves[i]);
    co_await c.wait(one);
  }
  halfway();
  const series& total = co_await level.front();
  const bool right = is_right(total, r);
  std::cout << (right ? "right" : "wrong") << std::endl;
  co_return right ? 0 : 1;
}

weft::task<int> keep(weft::client& c, request r) {
  std::vector<weft::future<series>> all;
  for (unsigned i = 0; i < r.leaves; ++i) all.push_back(c.submit(measure, i, r.numbers, 0u));
  co_await c.wait(all);
  std::cout << "kept" << std::endl;
  weft::event never;
  co_await never.wait();
  co_return 1;
}

weft::task<int> lease(weft::client& c, request r) {
  weft::lease held = co_await c.lease();
  series total{"sum", 0, std::vector<double>(r.numbers)};
  for (unsigned i = 0; i < r.leaves; ++i) {
    series s = co_await held.call(measure, i, r.numbers, r.milliseconds);
    total = add(total, scale(s, 2.0, 0));
  }
  const bool right = is_right(total, r);
  std::cout << (right ? "right" : "wrong") << std::endl;
  co_return right ? 0 : 1;
}

weft::task<int> run(weft::client& c, std::span<char*> arguments) {
  request r;
  if (arguments.size() > 2) r.leaves = static_cast<unsigned>(std::atoi(arguments[2]));
  if (arguments.size() > 3) r.numbers = static_cast<std::size_t>(std::atoi(arguments[3]));
  if (arguments.size() > 4) r.milliseconds = static_cast<unsigned>(std::atoi(arguments[4]));
  const std::string_view what = arguments.size() > 1 ? arguments[1] : "";
  if (r.leaves == 0 || (what != "graph" && what != "keep" && what != "lease")) {
    std::cerr << "usage: program graph|keep|lease LEAVES NUMBERS [MILLISECONDS]\n";
    co_return 2;
  }
  if (what == "lease") co_return co_await lease(c, r);
  if (what == "graph") {
    std::function<void()> none = nothing;
    co_return co_await graph(c, r, std::move(none));
  }
  co_return co_await keep(c, r);
}

int run_local(const request& r) {
  const weft::local_cluster cluster({.workers = 2, .threads = 1});
  weft::pool p;
  const auto connected = [](weft::pool* on, const weft::local_cluster* to, request what) -> weft::task<int> {
    weft::client c = co_await weft::connect(*on, to->where());
    std::function<void()> kill_all = [to] {
      for (const int process : to->worker_processes()) ::kill(process, SIGKILL);
    };
    co_return co_await graph(c, what, std::move(kill_all));
  };
  return p.run(connected(&p, &cluster, r));
}

int run_stopped() {
  {
    const weft::local_cluster cluster({.workers = 1, .threads = 1, .end_within = std::chrono::milliseconds(100)});
    for (const int process : cluster.worker_processes()) {
      ::kill(process, SIGSTOP);
      std::cout << "worker " << process << std::endl;
    }
  }
  std::cout << "ended" << std::endl;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  weft::init(argc, argv);
  if (argc == 5 && std::string_view(argv[1]) == "local")
    return run_local({static_cast<unsigned>(std::atoi(argv[2])), static_cast<std::size_t>(std::atoi(argv[3])),
                      static_cast<unsigned>(std::atoi(argv[4]))});
  if (argc == 2 && std::string_view(argv[1]) == "stopped") return run_stopped();
  return weft::main(argc, argv, run);
}
