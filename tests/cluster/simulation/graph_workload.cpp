// Graphs that a client tells whole: in parts, now and then with a pause between them, or cut short.
#include <algorithm>
#include <map>
#include <utility>

#include "cluster/simulation/client_process.hpp"
#include "wire/graph.hpp"

namespace weft::net::simulation {

void client_process::begin_gathering() {
  graph_ = gathered{};
  graph_->first = static_cast<std::uint32_t>(futures_.size());
  graph_->gpu = program_.gpus && dice_.one_in(6);
  graph_->retries = static_cast<std::uint16_t>(dice_.below(4));
  graph_->priority = static_cast<std::int16_t>(dice_.one_in(10) ? 5 : 0);
}

/// Each task is a layer of its own, whose call begins with what it is to do.
void client_process::tell_gathered() {
  const gathered g = std::move(*graph_);
  graph_.reset();
  const auto count = static_cast<std::uint32_t>(g.tasks.size());
  if (count == 0) return;
  std::vector<graph_layer> layers(count);
  std::vector<call_spec> calls;
  std::vector<task_id> others;
  std::map<std::uint32_t, std::uint32_t> place_of, last_taker;
  for (std::uint32_t i = 0; i < count; ++i) {
    const future& f = futures_[g.first + i];
    calls.push_back(f.spec);
    layers[i].function.offset = static_cast<std::uint64_t>(f.spec.does) + 1;
    layers[i].before_bytes = sizeof(call_spec);
    layers[i].links = 1;
    layers[i].flags = g.tasks[i];
    for (const std::uint32_t input : f.inputs) {
      last_taker[input] = i;
      if (input < g.first && place_of.emplace(input, static_cast<std::uint32_t>(others.size())).second)
        others.push_back(id_of(input));
    }
  }
  begin_graph m{};
  m.count = count;
  m.options = g.gpu;
  m.retries = g.retries;
  m.priority = g.priority;
  m.layers = layers;
  m.others = others;
  m.calls = std::as_bytes(std::span(calls));
  must(number_of(core_->begin(m)) == g.first + 1, "tasks are numbered in their order");

  graph_writer out(g.first + 1, count);
  part next;
  const auto cut = [&] {
    next.tasks = out.tasks();
    next.bytes.assign(out.bytes().begin(), out.bytes().end());
    next.graph = id_of(g.first);
    parts_.push_back(std::exchange(next, {}));
    out.clear();
  };
  for (std::uint32_t i = 0; i < count; ++i) {
    const future& f = futures_[g.first + i];
    out.task(i, static_cast<std::uint32_t>(dice_.below(300)), f.held, last_taker.contains(g.first + i), g.first + i);
    out.link(f.inputs.size());
    for (std::size_t k = 0; k < f.inputs.size(); ++k) {
      const std::uint32_t input = f.inputs[k];
      if (input < g.first)
        out.other(place_of[input]);
      else
        out.input(input + 1,
                  last_taker[input] == i && std::find(f.inputs.begin() + static_cast<std::ptrdiff_t>(k) + 1,
                                                      f.inputs.end(), input) == f.inputs.end());
    }
    if (f.held) next.held.push_back(g.first + i);
    if (i + 1 == count || dice_.one_in(8)) cut();
  }
  send_parts(dice_.one_in(3) ? static_cast<std::size_t>(dice_.below(parts_.size())) : parts_.size());
}

/// Of what is still to be told, the first so many.
void client_process::send_parts(std::size_t most) {
  for (; most > 0; --most) {
    const part p = std::move(parts_.front());
    parts_.pop_front();
    graph_part m{};
    m.graph = p.graph;
    m.tasks = p.tasks;
    m.bytes = p.bytes;
    std::vector<std::uint64_t> numbers;
    for (const std::uint32_t i : p.held) {
      numbers.push_back(i + 1u);
      held_.push_back(i);
      ++pending_;
    }
    core_->add(m, numbers);
  }
}

void client_process::send_the_rest() {
  if (parts_.empty()) return;
  if (!dice_.one_in(8)) return send_parts(parts_.size());
  graph_part m{};
  m.graph = parts_.front().graph;
  core_->add(m, {});
  for (const part& p : parts_)
    for (const std::uint32_t i : p.held) futures_[i].held = false;
  parts_.clear();
}

}  // namespace weft::net::simulation
