// Task Bench as one layer: a description of all steps, of which tasks are made as their inputs end.
#include <array>
#include <memory>
#include <vector>

#include "../client_place.hpp"
#include "drivers.hpp"
#include "kernels.hpp"
#include "weft/client.hpp"
#include "weft/layer.hpp"
#include "weft/pool.hpp"

namespace bench {
namespace {

using output = std::vector<stamp>;

/// Task step * width + point. Points outside the step's window are tasks that do nothing.
struct place_of {
  place_of(const graph_spec& g, std::size_t task) noexcept
      : step(static_cast<long>(task) / g.width), point(static_cast<long>(task) - step * g.width) {}
  long step, point;
};

struct pattern_of {
  graph_spec graph;
  weft::intervals of(std::size_t j) const noexcept {
    const place_of at(graph, j);
    return tasks(graph.dependencies(at.step, at.point), at.step - 1);
  }
  weft::intervals dependents(std::size_t i) const noexcept {
    const place_of at(graph, i);
    return tasks(graph.dependents(at.step, at.point), at.step + 1);
  }

 private:
  weft::intervals tasks(const interval_list& points, long step) const noexcept {
    weft::intervals all;
    const auto number = [&](long point) { return static_cast<std::size_t>(step * graph.width + point); };
    for (const interval& i : points) all.add({number(i.first), number(i.last)});
    return all;
  }
};

struct point_task {
  graph_spec graph;
  output operator()(std::size_t task, weft::values<output> inputs) const {
    const place_of at(graph, task);
    if (!graph.exists(at.step, at.point)) return {};
    check(at, inputs);
    execute(graph, at.step, at.point, {});
    output own(graph.stamps());
    graph.fill(at.step, at.point, own);
    return own;
  }

 private:
  void check(const place_of& at, weft::values<output> inputs) const {
    std::array<std::span<const stamp>, 32> few;
    if (inputs.size() <= few.size()) {
      for (std::size_t i = 0; i < inputs.size(); ++i) few[i] = inputs[i];
      graph.validate(at.step, at.point, std::span(few).first(inputs.size()));
    } else {
      const std::vector<std::span<const stamp>> many(inputs.begin(), inputs.end());
      graph.validate(at.step, at.point, many);
    }
  }
};

weft::task<> run_all(weft::client& c, graph_spec graph) {
  const auto tasks = static_cast<std::size_t>(graph.steps) * static_cast<std::size_t>(graph.width);
  co_await c.run(weft::layer_over_time(tasks, point_task{graph}, pattern_of{graph}));
}

}  // namespace

driver engine_driver(unsigned threads) {
  auto here = std::make_shared<client_place>(threads, true);
  return [here](const graph_spec& graph) {
    check_without_scratch(graph);
    const double begin = seconds_now();
    here->pool.run(run_all(here->client, graph));
    return seconds_now() - begin;
  };
}

}  // namespace bench
