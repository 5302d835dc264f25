// Layers told to a cluster as one graph: it makes tasks of them, and only those that somebody holds are nodes here.
#include <algorithm>
#include <exception>
#include <limits>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "engine/engine.hpp"
#include "engine/remote_layers.hpp"
#include "weft/codec.hpp"
#include "weft/detail/task_details.hpp"

namespace weft::detail {

namespace {

std::vector<std::byte> bytes_of(const encoder& e) { return {e.message().begin(), e.message().end()}; }

/// Tells the tasks that are needed, each behind those whose values it takes, and these as late as they can be: so
/// what is made goes to its takers before more is made. From what is wanted backwards, without recursion.
class graph_walk {
 public:
  graph_walk(std::vector<needed_layer>& layers, const remote_layer_options& how, std::uint64_t first_rank)
      : layers_(layers), how_(how), first_rank_(first_rank), seats_(layers.size()) {}

  /// What all tasks share; `shared`: a value of its own of each layer, or null. False: there is no such graph.
  /// `only`: what remote_home::only_module() says.
  bool describe(const std::vector<node*>& shared, std::uint64_t only, remote_layers& all);
  /// `results`: the nodes of the wanted tasks from `first` on of the last layer.
  void tell(remote_graph& to, std::size_t first, const std::vector<node*>& results);

 private:
  static constexpr std::uint32_t opened = std::numeric_limits<std::uint32_t>::max();
  struct seat {
    std::vector<std::uint32_t> place;   // of each task: one more than that in the graph, or in `others`; 0: none yet
    std::vector<std::uint32_t> takers;  // that have not been told
    std::uint32_t number = 0;           // of the layer in the graph
  };
  struct step {
    std::uint32_t layer, task;
  };

  template <class F>
  void for_each_input(std::uint32_t layer, std::size_t task, F&& f) const {
    const needed_layer& l = layers_[layer];
    for (std::size_t k = 0; k < l.from.size(); ++k)
      for (const interval& in : l.spec->links[k]->inputs(task))
        for (std::size_t i = in.first; i <= in.last; ++i) f(k, static_cast<std::uint32_t>(l.from[k]), i);
  }
  bool is_given(std::uint32_t layer) const noexcept { return !layers_[layer].spec->given.empty(); }
  void tell_task(remote_graph& to, step s, node* wanted);

  std::vector<needed_layer>& layers_;
  const remote_layer_options& how_;
  const std::uint64_t first_rank_;
  std::vector<seat> seats_;
  std::uint64_t total_ = 0;  // tasks of all layers, needed or not: what ranks go by
  std::uint32_t told_ = 0;
};

bool graph_walk::describe(const std::vector<node*>& shared, std::uint64_t only, remote_layers& all) {
  for (std::uint32_t at = 0; at < layers_.size(); ++at) {
    const layer_spec& s = *layers_[at].spec;
    seats_[at].place.assign(s.count, 0);
    seats_[at].takers.assign(is_given(at) ? 0 : s.count, 0);
    total_ += s.count;
  }
  if (total_ >= opened - 1) return false;
  for (std::uint32_t at = 0; at < layers_.size(); ++at) {
    const layer_spec& s = *layers_[at].spec;
    bool any = false;
    for (std::size_t j = 0; j < s.count; ++j) {
      if (!layers_[at].needed[j]) continue;
      any = true;
      if (is_given(at)) {
        all.others.push_back(s.given[j]);
        seats_[at].place[j] = static_cast<std::uint32_t>(all.others.size());
        continue;
      }
      ++all.tasks;
      std::uint64_t inputs = shared[at] ? 1 : 0;
      for_each_input(at, j, [&](std::size_t, std::uint32_t from, std::size_t i) {
        ++inputs;
        if (!is_given(from)) ++seats_[from].takers[i];
      });
      if (inputs >= opened) return false;
      all.most_inputs = std::max(all.most_inputs, static_cast<std::uint32_t>(inputs));
    }
    // Of what nothing is needed nothing is said.
    if (is_given(at) || !any) continue;
    encoder before(encoder::buffers::copied), behind(encoder::buffers::copied);
    before.only_functions_of(only);
    behind.only_functions_of(only);
    const portable_call* how = s.encode_alone(before, behind, shared[at] != nullptr);
    seats_[at].number = static_cast<std::uint32_t>(all.layers.size());
    all.layers.push_back({&s, how, bytes_of(before), bytes_of(behind), 0});
    if (shared[at]) {
      all.others.push_back(shared[at]);
      all.layers.back().shared = static_cast<std::uint32_t>(all.others.size());
    }
  }
  return true;
}

void graph_walk::tell(remote_graph& to, std::size_t first, const std::vector<node*>& results) {
  const auto last = static_cast<std::uint32_t>(layers_.size() - 1);
  std::vector<std::uint32_t> order(results.size());
  std::iota(order.begin(), order.end(), static_cast<std::uint32_t>(first));
  const layer_spec& wanted = *layers_[last].spec;
  if (!wanted.turns.empty())
    std::sort(order.begin(), order.end(),
              [&](std::uint32_t a, std::uint32_t b) { return wanted.turns[a] < wanted.turns[b]; });
  std::vector<step> path;
  for (const std::uint32_t root : order) {
    path.push_back({last, root});
    while (!path.empty()) {
      const step s = path.back();
      std::uint32_t& place = seats_[s.layer].place[s.task];
      if (place == 0) {
        place = opened;
        const std::size_t begin = path.size();
        for_each_input(s.layer, s.task, [&](std::size_t, std::uint32_t from, std::size_t i) {
          if (seats_[from].place[i] == 0) path.push_back({from, static_cast<std::uint32_t>(i)});
        });
        std::reverse(path.begin() + static_cast<std::ptrdiff_t>(begin), path.end());
        continue;
      }
      path.pop_back();
      if (place != opened) continue;
      const bool result = s.layer == last && s.task >= first && s.task - first < results.size();
      tell_task(to, s, result ? results[s.task - first] : nullptr);
      place = ++told_;
    }
  }
}

void graph_walk::tell_task(remote_graph& to, step s, node* wanted) {
  const layer_spec& spec = *layers_[s.layer].spec;
  const std::uint64_t rank = rank_along(spec, s.task, s.layer + 1, total_, first_rank_, how_);
  if (wanted) wanted->rank = rank;
  to.task(seats_[s.layer].number, s.task, rank, seats_[s.layer].takers[s.task] != 0, wanted);
  std::size_t linked = 0;
  const auto begin_link = [&] { to.link(spec.links[linked++]->input_count(s.task)); };
  for_each_input(s.layer, s.task, [&](std::size_t link, std::uint32_t from, std::size_t i) {
    while (linked <= link) begin_link();
    seat& of = seats_[from];
    if (is_given(from))
      to.other(of.place[i] - 1);
    else
      to.input(to.first_number() + of.place[i] - 1, --of.takers[i] == 0);
  });
  while (linked < spec.links.size()) begin_link();
}

}  // namespace

bool submit_graph(engine& e, std::vector<needed_layer>& layers, std::size_t first, const std::vector<node*>& shared,
                  std::uint64_t first_rank, const remote_layer_options& how, std::vector<node*>& results) {
  if (results.empty()) return true;
  if (e.observed() || !layers.back().spec->given.empty()) return false;
  remote_layers all;
  all.priority = how.priority;
  all.retries = how.retries;
  all.details = how.details;
  graph_walk walk(layers, how, first_rank);
  std::unique_ptr<remote_graph> graph;
  std::exception_ptr error;
  try {
    if (!walk.describe(shared, e.cluster()->only_module(), all)) return false;
    graph = e.cluster()->begin_graph(all);
    if (!graph) return false;
  } catch (...) { error = std::current_exception(); }

  const layer_spec& wanted = *layers.back().spec;
  const std::vector<std::uint32_t> no_inputs(wanted.links.size(), 0);
  std::size_t made = 0;
  const auto fail = [&](const std::exception_ptr& why) {
    const std::uint64_t not_sent = graph ? graph->next_number() : 0;
    graph.reset();
    for (std::size_t j = 0; j < made; ++j) {
      node& n = *results[j];
      if (n.number == 0) e.announce(n);
      if (n.number != 0 && n.number < not_sent)
        e.submitted(n);
      else
        e.not_told(n, why);
    }
  };
  try {
    for (; made < results.size(); ++made) {
      node& n = *wanted.make_alone(e, static_cast<std::uint32_t>(first + made), no_inputs, shared.back());
      for (std::uint32_t i = 0; i < n.input_count; ++i) {
        add_handle(*shared.back());
        n.inputs[i].from = shared.back();
      }
      n.retries = how.retries;
      if (how.details) {
        how.details->references.fetch_add(1, std::memory_order_relaxed);
        n.details = how.details;
      }
      add_handle(n);
      e.make_remote(n);
      results[made] = &n;
    }
  } catch (...) {  // of the user's copies: there are no futures
    fail(std::current_exception());
    for (std::size_t j = 0; j < made; ++j) drop_handle(*results[j]);
    throw;
  }
  try {
    if (error) std::rethrow_exception(error);
    walk.tell(*graph, first, results);
    graph->finish();
  } catch (...) {
    fail(std::current_exception());
    return true;
  }
  for (node* n : results) e.submitted(*n);
  return true;
}

}  // namespace weft::detail
