// Task Bench with futures: each task is submitted by itself, with the futures of the step before as its inputs, while
// the first of them run already.
#include <memory>
#include <vector>

#include "../client_place.hpp"
#include "drivers.hpp"
#include "kernels.hpp"
#include "weft/client.hpp"
#include "weft/pool.hpp"

namespace bench {
namespace {

using output = std::vector<stamp>;

struct point_task {
  graph_spec graph;
  long step, point;
  output operator()(weft::values<output> inputs) const {
    std::vector<std::span<const stamp>> seen(inputs.begin(), inputs.end());
    graph.validate(step, point, seen);
    execute(graph, step, point, {});
    output own(graph.stamps());
    graph.fill(step, point, own);
    return own;
  }
};

}  // namespace

weft::task<> submit_graph(std::vector<weft::client> clients, graph_spec graph) {
  check_without_scratch(graph);
  weft::client& any = clients.front();
  std::vector<weft::future<output>> before, now;
  std::vector<bool> taken;  // of those before
  for (long step = 0; step < graph.steps; ++step) {
    const interval window = graph.window(step);
    const long first_before = graph.window(step - 1).first;
    now.clear();
    taken.assign(before.size(), false);
    for (long point = window.first; point <= window.last; ++point) {
      std::vector<weft::future<output>> inputs;
      for (const interval& i : graph.dependencies(step, point))
        for (long p = i.first; p <= i.last; ++p) {
          const auto at = static_cast<std::size_t>(p - first_before);
          inputs.push_back(before[at]);
          taken[at] = true;
        }
      weft::client& c = clients[static_cast<std::size_t>(point) % clients.size()];
      now.push_back(c.submit(point_task{graph, step, point}, std::move(inputs)));
    }
    // What no later task takes must run all the same.
    for (std::size_t i = 0; i < before.size(); ++i)
      if (!taken[i] && !before[i].done()) any.fire_and_forget(std::move(before[i]));
    before.swap(now);
  }
  static_cast<void>(co_await any.gather(std::move(before)));
}

driver futures_driver(unsigned threads) {
  auto here = std::make_shared<client_place>(threads, true);
  return [here](const graph_spec& graph) {
    const double begin = seconds_now();
    here->pool.run(submit_graph({here->client}, graph));
    here->pool.drain();
    return seconds_now() - begin;
  };
}

}  // namespace bench
