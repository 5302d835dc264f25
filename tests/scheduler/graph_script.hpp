// A graph as a client says it.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "script.hpp"
#include "wire/graph.hpp"

namespace weft::test::scheduling {

/// A graph that a client begins when this is made, and whose tasks it says by say().
struct graph {
  graph(script& by, peer_id of, std::uint64_t count, std::vector<std::uint32_t> links,
        std::vector<task_id> takes = {}, std::uint32_t options = 0, std::uint32_t flags = 0)
      : s(by), client(of), others(std::move(takes)), first(s.next[of]), writer(first, links.size()) {
    begin_graph m{};
    m.first = make_task_id(of, first);
    m.count = count;
    m.options = options;
    std::vector<graph_layer> layers;
    for (const std::uint32_t n : links) {
      layers.push_back({});
      layers.back().flags = flags;
      layers.back().function.offset = 64;
      layers.back().links = n;
    }
    m.layers = layers;
    m.others = others;
    s.next[of] += count;
    s.say(of, m);
  }
  task_id id(std::uint64_t n) const { return make_task_id(client, first + n); }
  /// A task of a layer without links.
  void root(bool wanted = false, bool taken = true) { writer.task(0, index++, wanted, taken, 0); }
  /// One that takes these of the graph, by their places in it; the last time those that are below 0 (~place).
  void task(std::uint32_t layer, std::vector<int> inputs, bool wanted = false) {
    writer.task(layer, index++, wanted, false, 0);
    writer.link(inputs.size());
    for (const int i : inputs) writer.input(first + static_cast<std::uint64_t>(i < 0 ? ~i : i), i < 0);
  }
  /// One that takes a value from outside.
  void taker(std::uint32_t layer, std::uint32_t other, bool wanted = true) {
    writer.task(layer, index++, wanted, false, 0);
    writer.link(1);
    writer.other(other);
  }
  void say() {
    graph_part m{};
    m.graph = make_task_id(client, first);
    m.tasks = writer.tasks();
    m.bytes = writer.bytes();
    s.say(client, m);
    writer.clear();
  }

  script& s;
  peer_id client;
  std::vector<task_id> others;
  std::uint64_t first;
  graph_writer writer;
  std::uint32_t index = 0;
};

}  // namespace weft::test::scheduling
