#include "metg.hpp"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <thread>

#include "kernels.hpp"

namespace bench {

namespace {

/// Pins the calling thread to the i-th processor that the process may use, like a pool with the option `pin`.
void pin_to(unsigned i) {
  cpu_set_t all;
  if (sched_getaffinity(0, sizeof all, &all) != 0) return;
  const auto count = static_cast<unsigned>(CPU_COUNT(&all));
  unsigned left = i % count;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &all) || left-- > 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
    return;
  }
}

}  // namespace

reference bare_threads(unsigned threads) {
  return [threads] {
    constexpr long iterations = 1L << 20;  // some 2 ms
    std::atomic<unsigned> ready{0};
    std::vector<double> rates(threads);
    const auto sample = [&ready, &rates, threads](unsigned i) {
      pin_to(i);
      ready.fetch_add(1);
      while (ready.load() < threads) std::this_thread::yield();
      const double begin = seconds_now();
      keep(compute(iterations));
      rates[i] = (128.0 * iterations + 64) / (seconds_now() - begin);
    };
    std::vector<std::thread> all;
    for (unsigned i = 0; i < threads; ++i) all.emplace_back(sample, i);
    for (std::thread& t : all) t.join();
    double sum = 0;
    for (const double rate : rates) sum += rate;
    return sum;
  };
}

namespace {

constexpr double close_enough = 1.2;  // of the iterations around a wanted efficiency
constexpr double suspicious = 1.5;    // an efficiency
constexpr int points_to_come = 8;     // a guess, to keep time for them

class search {
 public:
  search(const metg_request& what, const driver& run, const reference& bare)
      : what_(what), run_(run), bare_(bare), tasks_(static_cast<double>(what.graph.tasks())), begin_(seconds_now()) {
    what_.graph.check();
    if (flops(what_.graph) == 0)
      throw wrong("METG is measured with a kernel that computes: compute_bound or load_imbalance");
    measure(0);
  }

  metg_result result() {
    metg_result found;
    found.metg_50 = *granularity_at(0.5, granularity(0));
    found.metg_95 = granularity_at(0.95, found.metg_50 / 2);
    found.floor = granularity(0);
    found.peak = peak_;
    for (const auto& [iterations, seconds] : seconds_)
      found.curve.push_back({iterations, seconds, granularity(iterations), efficiency(iterations)});
    return found;
  }

 private:
  double granularity(long iterations) const { return seconds_.at(iterations) * what_.threads / tasks_; }
  double efficiency(long iterations) const {
    graph_spec g = what_.graph;
    g.kernel.iterations = iterations;
    return flops(g) / seconds_.at(iterations) / peak_;
  }
  double left() const { return what_.seconds - (seconds_now() - begin_); }
  /// What one iteration of one task takes, without a runtime.
  double iteration() const { return 128 * what_.threads / peak_; }

  void measure(long iterations) {
    if (seconds_.count(iterations)) return;
    graph_spec g = what_.graph;
    g.kernel.iterations = iterations;
    double best = std::numeric_limits<double>::infinity(), longest = 0;
    int done = 0;
    do {
      const double begin = seconds_now();
      peak_ = std::max(peak_, bare_());
      best = std::min(best, run_(g));
      longest = std::max(longest, seconds_now() - begin);
    } while (++done < what_.repetitions && longest * points_to_come < left());
    seconds_[iterations] = best;
    if (efficiency(iterations) > suspicious)
      throw wrong("METG: an efficiency of " + percent(efficiency(iterations)) + " at " + std::to_string(iterations) +
                  " iterations cannot be: the driver computes less than it should, or its clock is wrong");
  }

  /// Whether a repetition with so many iterations fits into the time that is left.
  bool affordable(long iterations) const {
    return tasks_ * static_cast<double>(iterations) * iteration() / what_.threads < left();
  }

  /// `overhead` is a guess of what a task costs beside its kernel.
  std::optional<double> granularity_at(double wanted, double overhead) {
    const bool must = wanted == 0.5;  // else there may be no result
    const double guess = overhead * wanted / (1 - wanted) / iteration();
    long above = 1;
    while (static_cast<double>(above) * 1.4 < guess && above < what_.most_iterations) above *= 2;
    long below = above;
    const auto try_it = [&](long iterations) {
      if (!must && !affordable(iterations)) return false;
      measure(iterations);
      return true;
    };
    if (!try_it(above)) return std::nullopt;
    if (efficiency(above) >= wanted) {
      do {
        above = below;
        if (below == 0) throw wrong("METG: no point is below " + percent(wanted) + ", not even at 0 iterations");
        below /= 2;
        measure(below);
      } while (efficiency(below) >= wanted);
    } else {
      do {
        below = above;
        above *= 2;
        if (above > what_.most_iterations || left() < (must ? -what_.seconds : 0)) {
          if (must) give_up(wanted);
          return std::nullopt;
        }
        if (!try_it(above)) return std::nullopt;
      } while (efficiency(above) < wanted);
    }
    while (above - below > 1 && static_cast<double>(above) > close_enough * static_cast<double>(below) &&
           affordable(above)) {
      const double between = std::sqrt(static_cast<double>(std::max(below, 1L)) * static_cast<double>(above));
      const long middle = std::clamp(std::lround(between), below + 1, above - 1);
      measure(middle);
      (efficiency(middle) >= wanted ? above : below) = middle;
    }
    return interpolate(wanted, below, above);
  }

  double interpolate(double wanted, long below, long above) const {
    const double small = granularity(below), large = granularity(above);
    const double low = efficiency(below), high = efficiency(above);
    // The peak may have risen since, and so may both be below; and a smaller task may have taken longer.
    if (small >= large || high <= low || low >= wanted) return large;
    return small + (large - small) * std::min(1.0, (wanted - low) / (high - low));
  }

  static std::string percent(double part) { return std::to_string(std::lround(part * 100)) + " %"; }

  [[noreturn]] void give_up(double wanted) const {
    const long last = seconds_.rbegin()->first;
    throw wrong("METG: the efficiency did not reach " + percent(wanted) + "; it was " + percent(efficiency(last)) +
                " with " + std::to_string(last) + " iterations, " + std::to_string(granularity(last) * 1e6) +
                " us a task. If the machine is busy, measure when it is not");
  }

  const metg_request& what_;
  const driver& run_;
  const reference& bare_;
  const double tasks_;
  const double begin_;
  double peak_ = 0;
  std::map<long, double> seconds_;  // of a run, by iterations
};

}  // namespace

metg_result find_metg(const metg_request& what, const driver& run, const reference& bare) {
  return search(what, run, bare).result();
}

std::string to_csv(const metg_result& found) {
  std::string out = "iterations,seconds,granularity_us,efficiency\n";
  for (const sweep_point& p : found.curve) {
    char line[128];
    std::snprintf(line, sizeof line, "%ld,%.6g,%.6g,%.4f\n", p.iterations, p.seconds, p.granularity * 1e6,
                  p.efficiency);
    out += line;
  }
  return out;
}

}  // namespace bench
