// cluster.zero_worker, memory_per_task, recover, simulated_1000: the scheduler by itself.
#include <signal.h>

#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "../harness.hpp"
#include "crowd.hpp"
#include "place.hpp"
#include "zero_worker.hpp"

#ifdef WEFT_BENCH_SIMULATION
#include "cluster/simulation/benchmark.hpp"
#endif

namespace bench {
namespace {

struct scheduler_times {
  double submit = 0, run = 0, release = 0;  // CPU seconds
  double all() const { return submit + run + release; }
};

scheduler_times zero_worker_run(const zero_workers::shape& s) {
  zero_workers z(10);
  z.prepare(s);
  scheduler_times t;
  t.submit = z.submit();
  t.run = z.run();
  if (z.finished() != s.tasks) throw wrong("the zero workers have not finished all tasks");
  t.release = z.release();
  if (z.core().statistics().tasks != 0) throw wrong("the scheduler has kept tasks that nobody wants");
  return t;
}

const registered zero_worker_("cluster.zero_worker", "us/task",
                              "CPU time of the scheduler's core and codec a task, with ten workers that do nothing",
                              [](const settings& s) {
                                const std::size_t n = s.size(std::size_t{1'000'000}, std::size_t{100'000});
                                auto all = std::make_shared<std::vector<scheduler_times>>();
                                sides out;
                                out.weft = [=] {
                                  all->push_back(zero_worker_run({.tasks = n}));
                                  return all->back().all() * 1e6 / static_cast<double>(n);
                                };
                                out.late_note = [=] {
                                  std::vector<double> submit, run, release;
                                  for (const scheduler_times& t : *all) {
                                    submit.push_back(t.submit);
                                    run.push_back(t.run);
                                    release.push_back(t.release);
                                  }
                                  const auto each = [&](const std::vector<double>& v) {
                                    return quantile(v, 0.5) * 1e6 / static_cast<double>(n);
                                  };
                                  const auto of = [&](const zero_workers::shape& shape) {
                                    return zero_worker_run(shape).all() * 1e6 / static_cast<double>(n);
                                  };
                                  char text[160];
                                  std::snprintf(text, sizeof text,
                                                "submit %.3g, run and done %.3g, release %.3g; chains of 100: %.3g; "
                                                "three inputs: %.3g",
                                                each(submit), each(run), each(release),
                                                of({.tasks = n, .chain = 100}), of({.tasks = n, .inputs = 3}));
                                  return std::string(text);
                                };
                                return out;
                              });

double bytes_of(const weft::net::scheduler_statistics& s) {
  return static_cast<double>(s.record_bytes + s.edge_bytes + s.payload_bytes) / static_cast<double>(s.tasks);
}

const registered memory_("cluster.memory_per_task", "bytes",
                         "what the scheduler has of each of 100,000 live tasks, by its own count",
                         [](const settings&) {
                           constexpr std::size_t n = 100'000;
                           sides out;
                           out.weft = [] {
                             zero_workers z(10);
                             z.prepare({.tasks = n});
                             z.submit();
                             return bytes_of(z.core().statistics());
                           };
                           out.late_note = [] {
                             zero_workers z(10);
                             z.prepare({.tasks = n, .inputs = 3});
                             z.submit();
                             const auto with_inputs = z.core().statistics();
                             char text[128];
                             std::snprintf(
                                 text, sizeof text,
                                 "a call of 16 bytes included; with three inputs %.4g, of which %.3g of edges",
                                 bytes_of(with_inputs),
                                 static_cast<double>(with_inputs.edge_bytes) / static_cast<double>(n));
                             return std::string(text);
                           };
                           return out;
                         });

// ---- losing workers ----------------------------------------------------------------------------------------------

/// 1 % of a million tasks: of those that a hundred workers have done, and that are wanted, those of one.
double reschedule_ms(std::size_t tasks) {
  zero_workers z(100, 1);
  z.prepare({.tasks = tasks});
  z.submit();
  z.run();
  if (z.finished() != tasks) throw wrong("the zero workers have not finished all tasks");
  const auto before = z.core().statistics();
  const double took = z.lose(0);
  const auto after = z.core().statistics();
  const auto again = after.restarted - before.restarted;
  if (again < tasks / 200) throw wrong("a lost worker had hardly any of the tasks: " + std::to_string(again));
  return took * 1e3;
}

/// Until the scheduler knows that a worker is gone; no more than `limit` seconds.
double noticed_ms(crowd& all, std::size_t there, double limit) {
  const double begin = seconds_now();
  while (all.servers().statistics().workers == there) {
    if (seconds_now() - begin > limit) throw wrong("the scheduler has not noticed a lost worker");
    std::this_thread::yield();
  }
  return (seconds_now() - begin) * 1e3;
}

const registered recover_(
    "cluster.recover", "ms", "a killed worker of a hundred is noticed, and its tasks are given to others",
    [](const settings& s) {
      auto all = std::make_shared<crowd>(99);
      sides out;
      out.weft = [all] {
        all->servers().add_worker();
        const std::size_t there = all->servers().statistics().workers;
        all->servers().kill(all->servers().size() - 1, SIGKILL);
        return noticed_ms(*all, there, 60);
      };
      out.late_note = [all, tasks = s.size(std::size_t{1'000'000}, std::size_t{100'000}), quick = s.quick] {
        char text[160];
        std::snprintf(text, sizeof text, "1 %% of %zu tasks is scheduled again in %.3g ms of CPU", tasks,
                      reschedule_ms(tasks));
        std::string note = text;
        if (quick) return note + "; a stopped one: not with --quick";
        all->servers().add_worker();
        const std::size_t there = all->servers().statistics().workers;
        all->servers().kill(all->servers().size() - 1, SIGSTOP);
        std::snprintf(text, sizeof text, "; a stopped one is noticed in %.3g ms", noticed_ms(*all, there, 120));
        return note + text;
      };
      return out;
    });

// ---- simulation --------------------------------------------------------------------------------------------------

const registered simulated_("cluster.simulated_1000", "s",
                            "a thousand simulated workers run a million tasks, with the real protocol code",
                            [](const settings& s) -> sides {
#ifdef WEFT_BENCH_SIMULATION
                              const auto tasks = s.size(std::uint32_t{1'000'000}, std::uint32_t{20'000});
                              auto seen = std::make_shared<weft::net::simulation::simulated_throughput>();
                              sides out;
                              out.weft = [=] {
                                *seen = weft::net::simulation::measure_simulated_cluster(1000, tasks);
                                if (seen->tasks != tasks) throw wrong("the simulation has run other tasks");
                                return seen->seconds * 1e6 / tasks;
                              };
                              out.late_note = [=] {
                                char text[128];
                                std::snprintf(text, sizeof text, "%.3g s of virtual time, %.3g bytes a task%s",
                                              seen->virtual_seconds, static_cast<double>(seen->bytes) / tasks,
                                              tasks == 1'000'000 ? "" : "; of 20,000 tasks, times fifty");
                                return std::string(text);
                              };
                              return out;
#else
                              static_cast<void>(s);
                              throw not_here("the simulation is part of the tests: WEFT_TESTS was off");
#endif
                            });

}  // namespace
}  // namespace bench
