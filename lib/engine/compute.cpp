// Makes tasks of lazy calls, and gives them to the engine.
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "engine/engine.hpp"
#include "engine/rank.hpp"
#include "graph/expression.hpp"
#include "graph/options.hpp"
#include "weft/client.hpp"
#include "weft/detail/expression.hpp"
#include "weft/detail/task_details.hpp"
#include "weft/errors.hpp"

namespace weft::detail {

// ---- several calls in one task ---------------------------------------------------------------------------------

/// The calls of a task that makes several, in their order; the last is the node's own.
///
/// Values in between live in nodes that the engine does not know, so that a call finds what it takes where it always
/// does. Each ends when the last call that takes it has ended.
class fused_calls {
 public:
  struct step {
    expression* call = nullptr;  // counted; null for the last
    node* value = nullptr;       // while it is needed
    std::uint32_t first_source = 0;
    std::uint32_t last_use = 0;  // the step after which nobody needs the value
  };
  /// Set: the number of a step. Else: of an input of the node.
  static constexpr std::uint32_t within = 0x8000'0000;

  fused_calls() = default;
  fused_calls(const fused_calls&) = delete;
  fused_calls& operator=(const fused_calls&) = delete;
  ~fused_calls() {
    end_values();
    for (const step& s : steps_)
      if (s.call) drop_call(*s.call);
  }

  void begin_step(expression* call) {
    steps_.push_back({call, nullptr, static_cast<std::uint32_t>(sources_.size()), 0});
    if (call) call->references.fetch_add(1, std::memory_order_relaxed);
  }
  void take_value(std::uint32_t of) {
    sources_.push_back(within | of);
    steps_[of].last_use = static_cast<std::uint32_t>(steps_.size() - 1);
  }
  void take_input(std::uint32_t input) { sources_.push_back(input); }

  bool run(call_part& part, node& n, bool last, const edge*& inputs) {
    end_values();  // of a run before
    part.name_after(part.call);
    std::uint32_t at = 0;
    try {
      for (; at + 1 < steps_.size(); ++at) {
        // A stop that came too late is none for a value that is made again.
        if ((n.stop_asked() && !n.is(node_state::done)) || stop_of(*n.home).stop_requested()) {
          n.ask_stop();
          end_values();
          return false;
        }
        step& s = steps_[at];
        const edge* from = find_inputs(at, n);
        node* value = s.call->type->make(*n.home, nullptr, nullptr, 0);
        const bool moves = last && last_call(*s.call);
        if (moves && !s.call->type->task.repeatable) n.consumed = true;
        try {
          s.call->type->call(*s.call, *value, nullptr, from, moves, nullptr);
        } catch (...) {
          value->type->release(*value);
          throw;
        }
        s.value = value;
        end_values_after(at);
      }
      inputs = find_inputs(at, n);
      return true;
    } catch (...) {
      part.name_after(steps_[at].call);
      throw;
    }
  }

  void end_values() noexcept {
    for (step& s : steps_) end_value(s);
  }
  /// Of the calls before the last.
  std::size_t kept_bytes() const {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i + 1 < steps_.size(); ++i) bytes = more_bytes(bytes, steps_[i].call);
    return bytes;
  }
  static std::size_t more_bytes(std::size_t before, const expression* call) {
    constexpr std::size_t most = ~std::size_t{0};
    return before == most || !call || !call->type->kept_bytes ? most : before + call->type->kept_bytes(*call);
  }

 private:
  const edge* find_inputs(std::uint32_t at, const node& n) {
    const std::size_t first = steps_[at].first_source;
    const std::size_t end = at + 1 < steps_.size() ? steps_[at + 1].first_source : sources_.size();
    if (edges_.size() < end - first) edges_.resize(end - first);
    for (std::size_t i = first; i < end; ++i) {
      const std::uint32_t source = sources_[i];
      edges_[i - first].from = source & within ? steps_[source & ~within].value : n.inputs[source].from;
    }
    return edges_.data();
  }
  void end_values_after(std::uint32_t at) noexcept {
    for (std::size_t i = steps_[at].first_source; i < steps_[at + 1].first_source; ++i) {
      if (!(sources_[i] & within)) continue;
      step& s = steps_[sources_[i] & ~within];
      if (s.last_use == at) end_value(s);
    }
  }
  static void end_value(step& s) noexcept {
    if (!s.value) return;
    s.value->type->value->end(*s.value);
    s.value->type->release(*s.value);
    s.value = nullptr;
  }

  std::vector<step> steps_;
  std::vector<std::uint32_t> sources_;  // of the steps, one after the other
  std::vector<edge> edges_;             // of the step that runs
};

bool run_before(call_part& part, node& n, bool last, const edge*& inputs) {
  return part.before->run(part, n, last, inputs);
}
void after_run(fused_calls& f) noexcept { f.end_values(); }
void end_fused(fused_calls* f) noexcept { delete f; }
std::size_t kept_bytes_of(const call_part& part) {
  return fused_calls::more_bytes(part.before ? part.before->kept_bytes() : 0, part.call);
}

// ---- a graph becomes tasks -------------------------------------------------------------------------------------

namespace {

/// Adds to the counts of a node that nobody else has seen.
void hold(node& n) noexcept {
  n.counts.store(n.counts.load(std::memory_order_relaxed) + (node::one_reference | node::one_want),
                 std::memory_order_relaxed);
}

void check_home(const node& n, engine& e) {
  if (n.home != &e || (n.is(node_state::done) && n.ended() && n.stored && &n.stored->home() != &e.memory()))
    throw misuse("weft: " + key_of(n) +
                 " is a task of another client, and this graph needs its value: compute both with one client, or "
                 "await its future and pass the value");
}

class computation {
 public:
  computation(engine& e, const gathering& g, const compute_plan& plan) : engine_(e), g_(g), plan_(plan) {
    const std::size_t n = plan.tasks.shape.size();
    tasks_.resize(n);
    by_rank_.resize(n);
    for (std::uint32_t task = 0; task < n; ++task) by_rank_[plan.ranks[task]] = task;
  }
  computation(const computation&) = delete;
  computation& operator=(const computation&) = delete;

  /// What was not submitted never will be: it looks as if it had ended, so that who depends on it lets go of it.
  ~computation() {
    const auto unsubmitted = [&](auto what) {
      for (std::size_t rank = 0; rank < made_; ++rank)
        if (!submitted(rank)) what(*tasks_[by_rank_[rank]]);
    };
    if (submitted_ == by_rank_.size()) return;
    unsubmitted([](node& n) {
      n.state.store(node_state::cancelled, std::memory_order_relaxed);
      n.dependents.store(node::closed, std::memory_order_release);
    });
    unsubmitted([](node& n) {
      n.counts.fetch_add(node::one_want, std::memory_order_relaxed);
      drop_handle(n);
    });
  }

  /// Makes the tasks in the order of their ranks, so that each comes after its inputs; none can begin yet.
  template <class Mark>
  void make(Mark mark) {
    for (; made_ < by_rank_.size(); ++made_) {
      const std::uint32_t task = by_rank_[made_];
      const auto calls = plan_.tasks.tasks(task);
      node& n = calls.size() == 1 ? make_single(calls.front()) : make_fused(task, calls);
      tasks_[task] = &n;
      try {
        for (std::uint32_t i = 0; i < n.input_count; ++i) check_home(*n.inputs[i].from, engine_);
      } catch (...) {
        ++made_;
        throw;
      }
      mark(n, g_.call(calls.back()), made_);
    }
  }
  void submit(bool last_first) {
    last_first_ = last_first;
    while (submitted_ < by_rank_.size()) {
      const std::size_t rank = last_first ? by_rank_.size() - 1 - submitted_ : submitted_;
      ++submitted_;
      engine_.submit(*tasks_[by_rank_[rank]]);
    }
  }
  node& task_of(std::uint32_t id) const noexcept { return *tasks_[plan_.tasks.group_of[id]]; }

 private:
  bool submitted(std::size_t rank) const noexcept {
    return last_first_ ? rank >= by_rank_.size() - submitted_ : rank < submitted_;
  }

  void take(edge& e, node& from, bool own) noexcept {
    e.from = &from;
    if (own)
      hold(from);
    else
      add_handle(from);
  }
  void take_inputs(edge* at, std::uint32_t id) noexcept {
    const expression& e = g_.call(id);
    const auto inputs = g_.inputs(id);
    for (std::uint32_t i = 0; i < inputs.size(); ++i, ++at) {
      if (inputs[i] == no_task)
        take(*at, *e.inputs[i].future(), false);
      else
        take(*at, task_of(inputs[i]), true);
    }
  }
  node& make_single(std::uint32_t id) {
    expression& e = g_.call(id);
    node& n = *e.type->make(engine_, &e, nullptr, e.input_count);
    take_inputs(n.inputs, id);
    return n;
  }
  node& make_fused(std::uint32_t task, std::span<const std::uint32_t> calls) {
    if (step_of_.empty()) {
      step_of_.resize(g_.size());
      in_task_.resize(g_.size(), no_task);
    }
    auto fused = std::make_unique<fused_calls>();
    std::uint32_t outside = 0;
    for (std::uint32_t step = 0; step < calls.size(); ++step) {
      const std::uint32_t id = calls[step];
      fused->begin_step(step + 1 < calls.size() ? &g_.call(id) : nullptr);
      for (const std::uint32_t input : g_.inputs(id)) {
        if (input != no_task && in_task_[input] == task)
          fused->take_value(step_of_[input]);
        else
          fused->take_input(outside++);
      }
      step_of_[id] = step;
      in_task_[id] = task;
    }
    expression& last = g_.call(calls.back());
    node& n = *last.type->make(engine_, &last, fused.get(), outside);
    static_cast<void>(fused.release());
    edge* at = n.inputs;
    for (const std::uint32_t id : calls) {
      const expression& e = g_.call(id);
      const auto inputs = g_.inputs(id);
      for (std::uint32_t i = 0; i < inputs.size(); ++i) {
        if (inputs[i] == no_task)
          take(*at++, *e.inputs[i].future(), false);
        else if (in_task_[inputs[i]] != task)
          take(*at++, task_of(inputs[i]), true);
      }
    }
    return n;
  }

  engine& engine_;
  const gathering& g_;
  const compute_plan& plan_;
  std::vector<node*> tasks_;
  std::vector<std::uint32_t> by_rank_;
  // Of calls: the number in the last task that makes it, and that task.
  std::vector<std::uint32_t> step_of_, in_task_;
  std::size_t made_ = 0, submitted_ = 0;
  bool last_first_ = false;
};

}  // namespace
}  // namespace weft::detail

namespace weft {

void client::compute_all(std::span<detail::expression* const> wanted, std::span<detail::node*> results) const {
  check_open();
  const detail::gathering g(wanted);
  for (const detail::expression* e : wanted)
    if (!detail::is_call(*e)) detail::check_home(*e->inputs[0].future(), *engine_);
  for (std::uint32_t id = 0; id < g.size(); ++id)
    if (const detail::task_details* d = g.call(id).details) engine_->check_resources(d->resources);
  // The client's limits are for every task that has none of its own, also where that has a name, the client's name is
  // for what was asked of it.
  std::shared_ptr<detail::task_details> limits;
  if (details_ && details_->has_limits()) limits = {detail::renamed(details_.get(), {}), &detail::drop_details};
  // A cluster's scheduler hands chains to one worker by itself.
  const detail::compute_plan plan =
      engine_->cluster() ? detail::plain_plan(g) : detail::plan_computation(g, {priority_, retries_});
  const std::uint64_t first = engine_->next_sequence(plan.tasks.shape.size());

  detail::computation tasks(*engine_, g, plan);
  tasks.make([&](detail::node& n, const detail::expression& e, std::uint64_t rank) {
    n.number = first + rank;
    n.rank = detail::rank_of(e.annotated ? e.priority : priority_, within_ ? within_ : n.number);
    n.retries = e.annotated ? e.retries : retries_;
    if (limits && e.details && !e.details->has_limits())
      n.details = detail::renamed(limits.get(), e.details->name);
    else if (detail::task_details* d = e.details ? e.details : limits.get()) {
      d->references.fetch_add(1, std::memory_order_relaxed);
      n.details = d;
    }
  });
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    detail::expression& e = *wanted[i];
    if (!detail::is_call(e)) {
      results[i] = e.inputs[0].future();
      detail::add_handle(*results[i]);
      continue;
    }
    results[i] = &tasks.task_of(g.id_of(e));
    detail::hold(*results[i]);
    if (details_ && (!results[i]->details || results[i]->details == limits.get())) {
      detail::drop_details(results[i]->details);
      details_->references.fetch_add(1, std::memory_order_relaxed);
      results[i]->details = details_.get();
    }
  }
  // Inside a task all have its rank, and of equal ranks the last that came goes first.
  try {
    tasks.submit(within_ != 0 && !engine_->cluster());
  } catch (...) {
    for (detail::node* n : results) detail::drop_handle(*n);
    throw;
  }
}

}  // namespace weft
