// cluster.tasks, tasks_tls, tree, submit, graph, metg_tcp, metg_tls: many small tasks, end to end.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../graph_shapes.hpp"
#include "../harness.hpp"
#include "../task_bench/drivers.hpp"
#include "dask.hpp"
#include "place.hpp"
#include "weft/events.hpp"
#include "weft/layer.hpp"
#include "weft/sleep.hpp"

namespace bench {
namespace {

/// Microseconds a task of a shape.
double microseconds(cluster_place& here, graph_shape shape, long n) {
  const double begin = seconds_now();
  const long count = here.pool.run(shape(here.client, n));
  return (seconds_now() - begin) * 1e6 / static_cast<double>(count);
}

const registered tasks_("cluster.tasks", "us/task", "tiny tasks in one batch over TCP, submitted, run and awaited",
                        [](const settings& s) {
                          auto here = std::make_shared<cluster_place>(transport::tcp);
                          sides out;
                          out.weft = [here, n = s.size(100'000L, 10'000L)] {
                            return microseconds(*here, independent, n);
                          };
                          return beside_dask(std::move(out), s, "tasks", s.size(5'000L, 100L));
                        });

const registered tasks_tls_("cluster.tasks_tls", "us/task", "the same over TLS, beside the same without",
                            [](const settings& s) {
                              auto secure = std::make_shared<cluster_place>(transport::tls);
                              auto plain = std::make_shared<cluster_place>(transport::tcp);
                              const long n = s.size(100'000L, 10'000L);
                              sides out;
                              out.weft = [=] { return microseconds(*secure, independent, n); };
                              out.peer = [=] { return microseconds(*plain, independent, n); };
                              out.peer_name = "weft without TLS";
                              return out;
                            });

const registered tree_("cluster.tree", "us/task", "a sum by pairs over TCP", [](const settings& s) {
  auto here = std::make_shared<cluster_place>(transport::tcp);
  sides out;
  out.weft = [here, n = s.size(1L << 15, 1L << 12)] { return microseconds(*here, tree, n); };
  return beside_dask(std::move(out), s, "tree", s.size(1L << 11, 1L << 6));
});

// ---- submitting --------------------------------------------------------------------------------------------------

/// When it ran, by the machine's clock.
double when(int) { return seconds_now(); }

struct submitted {
  double all = 0;    // until the scheduler has them, seconds
  double calls = 0;  // until the last call has returned
  double first = 0;  // until the first of them has run
};

/// Until nobody has anything left to do: the scheduler no record, and the workers no value to drop.
weft::task<> fall_idle(cluster_place& here) {
  while (here.statistics().tasks != 0) co_await weft::sleep_for(std::chrono::milliseconds(1));
  for (unsigned w = 0; w < here.size(); ++w)
    static_cast<void>(co_await here.client.with({.resources = on(w)}).submit(when, 0));
}

weft::task<submitted> submit_many(cluster_place& here, int n) {
  const std::uint64_t before = here.statistics().submitted;
  std::vector<weft::future<double>> all;
  all.reserve(static_cast<std::size_t>(n));
  const double begin = seconds_now();
  for (int i = 0; i < n; ++i) all.push_back(here.client.submit(when, i));
  submitted took;
  took.calls = seconds_now() - begin;
  while (here.statistics().submitted - before < static_cast<std::uint64_t>(n))
    co_await weft::sleep_for(std::chrono::milliseconds(1));
  took.all = seconds_now() - begin;
  took.first = co_await all.front() - begin;
  here.client.cancel(all);
  co_await here.client.wait(std::move(all));
  co_await fall_idle(here);
  co_return took;
}

const registered submit_("cluster.submit", "s",
                         "a million tasks submitted one by one, until the scheduler has them; it runs them meanwhile",
                         [](const settings& s) {
                           auto here = std::make_shared<cluster_place>(transport::tcp);
                           auto all = std::make_shared<std::vector<submitted>>();
                           const int n = s.size(1'000'000, 100'000);
                           sides out;
                           out.weft = [=] {
                             all->push_back(here->pool.run(submit_many(*here, n)));
                             return all->back().all * 1e6 / n;
                           };
                           out.late_note = [=] {
                             std::vector<double> first, calls;
                             for (const submitted& one : *all) {
                               first.push_back(one.first * 1e3);
                               calls.push_back(one.calls * 1e6 / n);
                             }
                             char text[128];
                             std::snprintf(text, sizeof text, "the first runs after %.3g ms; the calls take %.3g s%s",
                                           quantile(first, 0.5), quantile(calls, 0.5),
                                           n == 1'000'000 ? "" : "; of 100,000, times ten");
                             return std::string(text);
                           };
                           return out;
                         });

// ---- a graph that is told whole ----------------------------------------------------------------------------------

double from_nothing(std::size_t i) { return static_cast<double>(i % 7); }
double of_neighbours(std::size_t, weft::values<double> around) {
  double sum = 0;
  for (const double x : around) sum += x;
  return sum / 3;
}
double add_up(std::size_t, weft::values<double> all) {
  double sum = 0;
  for (const double x : all) sum += x;
  return sum;
}

struct computed {
  double all = 0, call = 0;  // seconds; until the call has returned
  std::size_t records = 0;   // of the scheduler, when it had
};

constexpr std::size_t steps = 10;

weft::task<computed> compute_layers(cluster_place& here, std::size_t width) {
  weft::layer<double> last = weft::layer_of(width, from_nothing);
  for (std::size_t step = 1; step < steps; ++step)
    last = weft::layer_of(width, of_neighbours, weft::from(last, weft::neighbours{1}));
  const weft::layer<double> total = weft::layer_of(1, add_up, weft::from(last, weft::every{}));
  computed took;
  const double begin = seconds_now();
  weft::future<double> sum = here.client.compute(total, 0);
  took.call = seconds_now() - begin;
  took.records = here.statistics().tasks;
  static_cast<void>(co_await std::move(sum));
  took.all = seconds_now() - begin;
  co_await fall_idle(here);
  co_return took;
}

struct nobody final : weft::task_observer {
  void on(const weft::task_event&) noexcept override {}
};

const registered graph_(
    "cluster.graph", "us/task", "ten layers of 100,000 tasks and their sum, told whole; beside the same task by task",
    [](const settings& s) {
      auto here = std::make_shared<cluster_place>(transport::tcp);
      auto whole = std::make_shared<std::vector<computed>>();
      auto single = std::make_shared<std::vector<computed>>();
      const std::size_t width = s.size(std::size_t{100'000}, std::size_t{10'000});
      const auto each = [=](const computed& c) { return c.all * 1e6 / static_cast<double>(steps * width + 1); };
      sides out;
      out.weft = [=] {
        whole->push_back(here->pool.run(compute_layers(*here, width)));
        return each(whole->back());
      };
      out.peer = [=] {
        nobody looks;
        const weft::observation on = here->client.observe(looks);
        single->push_back(here->pool.run(compute_layers(*here, width)));
        return each(single->back());
      };
      out.peer_name = "task by task";
      out.late_note = [=] {
        const auto median = [](const std::vector<computed>& of, auto part) {
          std::vector<double> all;
          for (const computed& one : of) all.push_back(static_cast<double>(one.*part));
          return quantile(all, 0.5);
        };
        char text[192];
        int n = std::snprintf(text, sizeof text, "the call takes %.3g s, and the scheduler has %.3g records then",
                              median(*whole, &computed::call), median(*whole, &computed::records));
        if (!single->empty())
          std::snprintf(text + n, sizeof text - static_cast<std::size_t>(n), "; task by task %.3g s, %.3g records",
                        median(*single, &computed::call), median(*single, &computed::records));
        return std::string(text);
      };
      return out;
    });

// ---- METG --------------------------------------------------------------------------------------------------------

enum class placement { by_scheduler, a_point_a_worker };

sides metg_over(transport by, placement where, const settings& s) {
  struct state {
    explicit state(transport t) : here(t) {}
    cluster_place here;
    std::vector<weft::client> clients;
    reference bare = bare_threads(2);
    std::vector<metg_result> results;
  };
  auto all = std::make_shared<state>(by);
  all->clients.push_back(all->here.client);
  if (where == placement::a_point_a_worker)
    all->clients = {all->here.client.with({.resources = on(0)}), all->here.client.with({.resources = on(1)})};
  metg_request request;
  request.graph.pattern = pattern::stencil_1d;
  request.graph.width = 2;
  request.graph.steps = s.size(1000L, 200L);
  request.threads = 2;
  request.seconds = s.size(4.0, 1.0);
  sides out;
  out.weft = [all, request] {
    const driver run = [&all](const graph_spec& graph) {
      const double begin = seconds_now();
      all->here.pool.run(submit_graph(all->clients, graph));
      return seconds_now() - begin;
    };
    all->results.push_back(find_metg(request, run, all->bare));
    return all->results.back().metg_50 * 1e6;
  };
  out.late_note = [all] {
    std::vector<double> floors;
    for (const metg_result& r : all->results) floors.push_back(r.floor * 1e6);
    char text[96];
    std::snprintf(text, sizeof text, WEFT_BENCH_COMPILER "; floor %.3g us/task", quantile(floors, 0.5));
    return std::string(text);
  };
  return out;
}

const registered metg_tcp_("cluster.metg_tcp", "us", "METG(50 %), three-point stencil, width 2, two workers over TCP",
                           [](const settings& s) { return metg_over(transport::tcp, placement::by_scheduler, s); });
const registered metg_tls_("cluster.metg_tls", "us", "the same over TLS",
                           [](const settings& s) { return metg_over(transport::tls, placement::by_scheduler, s); });
const registered metg_tcp_placed_("cluster.metg_tcp_placed", "us",
                                  "the same over TCP, each point on a worker of its own", [](const settings& s) {
                                    return metg_over(transport::tcp, placement::a_point_a_worker, s);
                                  });

}  // namespace
}  // namespace bench
