// Layers on a cluster: each task is a node of its own there, submitted after those whose values it takes.
#include <algorithm>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/engine.hpp"
#include "engine/failure.hpp"
#include "engine/rank.hpp"
#include "engine/remote_layers.hpp"
#include "weft/detail/task_details.hpp"
#include "weft/errors.hpp"

namespace weft::detail {

namespace {

/// Layers of the computation, each behind those whose values it takes.
std::vector<layer_spec*> in_order(layer_spec& wanted) {
  std::vector<layer_spec*> order;
  std::unordered_map<const layer_spec*, bool> seen{{&wanted, true}};
  std::vector<std::pair<layer_spec*, std::size_t>> path{{&wanted, 0}};
  while (!path.empty()) {
    auto& [of, next] = path.back();
    if (next < of->links.size()) {
      layer_spec& from = of->links[next++]->from();
      if (seen.emplace(&from, true).second) path.emplace_back(&from, 0);
      continue;
    }
    order.push_back(of);
    path.pop_back();
  }
  return order;
}

struct part {
  layer_spec* spec = nullptr;
  std::vector<bool> needed;
  std::vector<node*> nodes;  // handles
};

/// Lets go of the nodes, whatever happens.
struct parts {
  std::vector<part> all;
  std::unordered_map<const layer_spec*, std::size_t> place;
  part& of(const layer_spec& s) { return all[place.at(&s)]; }
  ~parts() {
    for (part& p : all)
      for (node* n : p.nodes)
        if (n) drop_handle(*n);
  }
};

void mark_needed(parts& ps) {
  for (auto p = ps.all.rbegin(); p != ps.all.rend(); ++p)
    for (std::size_t j = p->spec->count; j-- > 0;) {  // own links lead to earlier tasks
      if (!p->needed[j]) continue;
      for (const auto& link : p->spec->links) {
        part& from = ps.of(link->from());
        for (const interval& in : link->inputs(j))
          for (std::size_t i = in.first; i <= in.last; ++i) from.needed[i] = true;
      }
    }
}

}  // namespace

std::vector<node*> submit_layers(engine& e, layer_spec& wanted, std::size_t first, std::size_t count,
                                 const remote_layer_options& how) {
  parts ps;
  for (layer_spec* s : in_order(wanted)) {
    ps.place.emplace(s, ps.all.size());
    ps.all.push_back({s, std::vector<bool>(s->count), std::vector<node*>(s->count)});
  }
  std::fill_n(ps.of(wanted).needed.begin() + static_cast<std::ptrdiff_t>(first), count, true);
  mark_needed(ps);
  std::uint64_t total = 0;
  for (const part& p : ps.all) total += p.spec->count;
  const std::uint64_t first_number = e.next_sequence(total);
  std::uint64_t number = first_number, depth = 0;
  std::vector<std::uint32_t> inputs;
  for (part& p : ps.all) {
    layer_spec& s = *p.spec;
    ++depth;
    for (std::size_t j = 0; j < s.count; ++j) {
      if (!p.needed[j]) continue;
      if (!s.given.empty()) {
        add_handle(*s.given[j]);
        p.nodes[j] = s.given[j];
        continue;
      }
      inputs.clear();
      for (const auto& link : s.links) inputs.push_back(static_cast<std::uint32_t>(link->input_count(j)));
      node& n = *s.make_alone(e, static_cast<std::uint32_t>(j), inputs);
      edge* at = n.inputs;
      for (const auto& link : s.links) {
        part& from = ps.of(link->from());
        for (const interval& in : link->inputs(j))
          for (std::size_t i = in.first; i <= in.last; ++i, ++at) {
            add_handle(*from.nodes[i]);
            at->from = from.nodes[i];
          }
      }
      n.number = number++;
      // A value goes to its takers before the next ones are made: ranks go along the layers, not across them.
      const double along = (static_cast<double>(j) + 1) / static_cast<double>(s.count) * static_cast<double>(total);
      n.rank =
          rank_of(how.priority, how.within ? how.within : first_number + static_cast<std::uint64_t>(along) + depth);
      n.retries = how.retries;
      if (how.details) {
        how.details->references.fetch_add(1, std::memory_order_relaxed);
        n.details = how.details;
      }
      add_handle(n);
      p.nodes[j] = &n;
      e.submit(n);
    }
  }
  std::vector<node*> results;
  part& last = ps.of(wanted);
  for (std::size_t j = first; j < first + count; ++j) results.push_back(std::exchange(last.nodes[j], nullptr));
  return results;
}

// ---- the end of all of a layer -----------------------------------------------------------------------------------

namespace {

/// Ends when all of some nodes have: with the first failure, if there was one.
struct end_of_all final : value_node<void> {
  explicit end_of_all(engine& e) noexcept : value_node<void>(kind, e) { has_arguments = false; }
  static void free(node& n) noexcept { delete static_cast<end_of_all*>(&n); }
  static constexpr node_type kind{.run = nullptr,
                                  .end_arguments = nullptr,
                                  .release = &end_of_all::free,
                                  .stop = nullptr,
                                  .settle = nullptr,
                                  .function_name = [](const node&) { return std::string("layer"); },
                                  .value = &value_functions<void>::type,
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
  }
  void told() noexcept {
    if (left.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    of.end_alone(end, first, cancelled);
    drop_failure(first);
    delete this;
  }
};

node* run_layers(engine& e, layer_spec& wanted, const remote_layer_options& how) {
  auto* end = new end_of_all(e);
  end->number = 0;
  add_handle(*end);
  e.begin_alone(*end);
  const std::vector<node*> all = submit_layers(e, wanted, 0, wanted.count, how);
  auto* waits = new all_waits(e, *end, all.size() + 1);
  for (node* n : all) {
    auto* w = new all_waits::one(*waits, *n);
    if (!add_waiter(*n, *w)) w->told();
  }
  waits->told();
  return end;
}

void engine::begin_alone(node& n) noexcept {
  became_active();
  n.remote = true;
}

void engine::end_alone(node& n, failure* why, bool cancelled) noexcept {
  if (!claim_remote(n)) return;
  if (why) {
    fail(n, nullptr, why);
    return end_remote(n, node_state::failed);
  }
  if (cancelled) n.ask_stop();
  end_remote(n, cancelled ? node_state::cancelled : node_state::done);
}

}  // namespace weft::detail
