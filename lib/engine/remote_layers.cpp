// Layers on a cluster: each task is a node of its own there, submitted after those whose values it takes.
#include <algorithm>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "engine/engine.hpp"
#include "engine/failure.hpp"
#include "engine/layer_end.hpp"
#include "engine/needed_layers.hpp"
#include "engine/rank.hpp"
#include "engine/remote_layers.hpp"
#include "weft/detail/task_details.hpp"
#include "weft/errors.hpp"

namespace weft::detail {

namespace {

/// What tasks share is a value of its own from this size on, which each worker has once, and not a part of each task.
constexpr std::size_t least_shared = 1024;

/// Lets go of nodes, whatever happens.
struct handles {
  std::vector<node*> all;
  explicit handles(std::size_t n = 0) : all(n) {}
  handles(handles&&) = default;
  ~handles() {
    for (node* n : all)
      if (n) drop_handle(*n);
  }
};

}  // namespace

std::uint64_t rank_along(const layer_spec& layer, std::size_t task, std::uint64_t depth, std::uint64_t total,
                         std::uint64_t first_rank, const remote_layer_options& how) {
  const double along =
      static_cast<double>(layer.turn_of(task) + 1) / static_cast<double>(layer.count) * static_cast<double>(total);
  return rank_of(how.priority, how.within ? how.within : first_rank + static_cast<std::uint64_t>(along) + depth);
}

std::vector<node*> submit_layers(engine& e, layer_spec& wanted, std::size_t first, std::size_t count,
                                 const remote_layer_options& how) {
  std::vector<needed_layer> layers = layers_behind(wanted);
  mark_needed(layers, first, count);
  std::uint64_t total = 0;
  for (const needed_layer& l : layers) total += l.spec->count;
  const std::uint64_t first_number = e.next_sequence(total);
  handles shared;
  for (const needed_layer& l : layers) {
    node* n = std::count(l.needed.begin(), l.needed.end(), true) > 1 ? l.spec->make_shared(e, least_shared) : nullptr;
    if (n) e.keep_value(*n);
    shared.all.push_back(n);
  }
  std::vector<node*> results(count);
  if (submit_graph(e, layers, first, shared.all, first_number, how, results)) return results;

  std::vector<handles> nodes;
  for (const needed_layer& l : layers) nodes.emplace_back(l.spec->count);
  std::uint64_t number = first_number, depth = 0;
  std::vector<std::uint32_t> inputs;
  for (std::size_t at = 0; at < layers.size(); ++at) {
    layer_spec& s = *layers[at].spec;
    std::vector<node*>& own = nodes[at].all;
    ++depth;
    for (std::size_t j = 0; j < s.count; ++j) {
      if (!layers[at].needed[j]) continue;
      if (!s.given.empty()) {
        add_handle(*s.given[j]);
        own[j] = s.given[j];
        continue;
      }
      inputs.clear();
      for (const auto& link : s.links) inputs.push_back(static_cast<std::uint32_t>(link->input_count(j)));
      node& n = *s.make_alone(e, static_cast<std::uint32_t>(j), inputs, shared.all[at]);
      edge* to = n.inputs;
      const auto take = [&](node& from) {
        add_handle(from);
        (to++)->from = &from;
      };
      if (shared.all[at]) take(*shared.all[at]);
      for (std::size_t k = 0; k < s.links.size(); ++k)
        for (const interval& in : s.links[k]->inputs(j))
          for (std::size_t i = in.first; i <= in.last; ++i) take(*nodes[layers[at].from[k]].all[i]);
      n.number = number++;
      n.rank = rank_along(s, j, depth, total, first_number, how);
      n.retries = how.retries;
      if (how.details) {
        how.details->references.fetch_add(1, std::memory_order_relaxed);
        n.details = how.details;
      }
      add_handle(n);
      own[j] = &n;
      e.submit(n);
    }
  }
  for (std::size_t j = 0; j < count; ++j) results[j] = std::exchange(nodes.back().all[first + j], nullptr);
  return results;
}

// ---- the end of all of a layer -----------------------------------------------------------------------------------

namespace {

/// Ends when all of some nodes have: with the first failure, if there was one.
struct end_of_all final : layer_end {
  explicit end_of_all(engine& e) noexcept : layer_end(kind, e) { has_arguments = false; }
  static void free(node& n) noexcept { delete static_cast<end_of_all*>(&n); }
  static constexpr node_type kind{.run = nullptr,
                                  .end_arguments = nullptr,
                                  .release = &end_of_all::free,
                                  .stop = nullptr,
                                  .settle = nullptr,
                                  .function_name = [](const node&) { return std::string("layer"); },
                                  .value = &layer_end::nothing,
                                  .repeatable = false};
};

}  // namespace

struct all_waits {
  explicit all_waits(engine& e, node& n, std::size_t count) : of(e), end(n), left(count) {}
  engine& of;
  node& end;
  std::atomic<std::size_t> left;
  std::mutex lock;
  failure* first = nullptr;  // counted
  bool cancelled = false;
  std::string late;  // of the first that was

  struct one : waiter {
    one(all_waits& a, node& n) : waiter([](waiter& w) noexcept { static_cast<one&>(w).told(); }), all(a), on(n) {}
    void told() noexcept {
      all_waits& a = all;
      a.note(on);
      node& n = on;
      delete this;
      drop_handle(n);
      a.told();
    }
    all_waits& all;
    node& on;
  };

  void note(const node& n) noexcept {
    if (n.is(node_state::done)) return;
    std::lock_guard guard(lock);
    if (n.is(node_state::failed) && !first) {
      first = n.why;
      first->references.fetch_add(1, std::memory_order_relaxed);
    }
    cancelled = cancelled || n.is(node_state::cancelled);
    if (n.timed_out() && late.empty()) late = late_text(n);
  }
  void told() noexcept {
    if (left.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    node& n = end;
    of.end_alone(n, first, cancelled, std::move(late));
    drop_failure(first);
    delete this;
    engine::drop_reference(n);
  }
};

node* run_layers(engine& e, layer_spec& wanted, const remote_layer_options& how) {
  auto* end = new end_of_all(e);
  end->number = 0;
  add_handle(*end);
  e.make_remote(*end);
  const std::vector<node*> all = submit_layers(e, wanted, 0, wanted.count, how);
  auto* waits = new all_waits(e, *end, all.size() + 1);
  // Theirs: who holds the future may let go of it.
  end->counts.fetch_add(node::one_reference, std::memory_order_relaxed);
  for (node* n : all) {
    auto* w = new all_waits::one(*waits, *n);
    if (!add_waiter(*n, *w)) w->told();
  }
  waits->told();
  return end;
}

void engine::end_alone(node& n, failure* why, bool cancelled, std::string late) noexcept {
  if (!claim_remote(n)) return;
  if (why) {
    fail(n, nullptr, why);
    return end_remote(n, node_state::failed);
  }
  if (layer_end* all = layer_end::of(n); all && !late.empty()) all->take_lateness(std::move(late));
  if (cancelled) n.ask_stop();
  end_remote(n, cancelled ? node_state::cancelled : node_state::done);
}

}  // namespace weft::detail
