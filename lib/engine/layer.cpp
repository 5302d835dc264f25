// Computes layers: makes their tasks near the frontier, and tells the engine what it does not see.
//
// For each layer of a computation there is a slot for each task, in pages of 512 that come with the first task that
// is touched and go with the last. A slot counts the inputs that have not ended; who brings it to zero makes the
// node, and the slot says where it is. So a task that has to wait is 8 bytes. A node is made with a share (a
// reference and a want) for each task that will take its value, who each take one over as the edge of an input: the
// node goes when the last of them has run, and its slot with it.
//
// Every task of a computation that is needed is made, runs or fails or is cancelled, and goes: also when nobody wants
// the results any more, only that it is cancelled at once then. So nothing must be searched for and taken apart.
#include "engine/layer.hpp"
#include "engine/remote_layers.hpp"

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/failure.hpp"
#include "engine/layer_end.hpp"
#include "graph/options.hpp"
#include "weft/client.hpp"
#include "weft/errors.hpp"

namespace weft::detail {

// ---- its preparation ---------------------------------------------------------------------------------------------

void layer_run::find_parts(layer_spec& wanted) {
  std::unordered_map<layer_spec*, layer_part*> known;
  struct visit {
    layer_spec* of;
    std::size_t next;
  };
  std::vector<visit> path{{&wanted, 0}};
  known.emplace(&wanted, nullptr);
  while (!path.empty()) {
    visit& v = path.back();
    if (v.next < v.of->links.size()) {
      layer_spec& from = v.of->links[v.next++]->from();
      if (known.emplace(&from, nullptr).second) path.push_back({&from, 0});
      continue;
    }
    layer_spec& s = *v.of;
    path.pop_back();
    layer_part& p = *parts_.emplace_back(std::make_unique<layer_part>(s, *this, over_));
    known[&s] = &p;
    bool surely_waits = false;
    for (const auto& link : s.links) {
      layer_part& from = *known[&link->from()];
      link->prepare();
      p.from.push_back(&from);
      from.takers.push_back({&p, link.get()});
      if (&from != &p) p.depth = std::max(p.depth, from.depth + 1);
      surely_waits = surely_waits || link->complete();
    }
    p.may_have_roots = !surely_waits;
    p.reached = s.links.empty() ? 0 : 1;
  }
}

void layer_run::check_home(const node& n) const {
  if (n.home != &engine_ || (n.is(node_state::done) && n.ended() && n.stored && &n.stored->home() != engine_.store_))
    throw misuse("weft: " + key_of(n) +
                 " is a task of another client, and this layer needs its value: compute both with one client, or "
                 "await its future and pass the value");
}

/// From the wanted tasks backwards. Where each task has inputs and each input is taken there is nothing to look for.
void layer_run::find_needed() {
  for (std::size_t at = parts_.size(); at-- > 0;) {
    layer_part& p = *parts_[at];
    const auto mark = [&](const layer_link& link, needed_tasks& in, std::size_t j) {
      if (p.needed.has(j))
        for (const interval& i : link.inputs(j)) in.add(i);
    };
    for (std::size_t k = 0; k < p.from.size(); ++k)
      if (p.from[k] == &p && !p.needed.whole())
        for (std::size_t j = p.count(); j-- > 0;) mark(*p.spec->links[k], p.needed, j);
    p.needed.settle();
    for (std::size_t k = 0; k < p.from.size(); ++k) {
      needed_tasks& in = p.from[k]->needed;
      if (p.from[k] == &p || in.whole()) continue;
      const layer_link& link = *p.spec->links[k];
      if (p.needed.whole() && link.complete()) {
        in.add_all();
        continue;
      }
      for (std::size_t j = 0; j < p.count(); ++j) mark(link, in, j);
    }
  }
}

void layer_run::prepare() {
  find_needed();
  const std::uint64_t layers = parts_.size(), span = total_ * (layers + 1) * rank_distance;
  const std::uint64_t deepest = layers * rank_distance;
  first_place_ = engine_.next_sequence(span + 2 * deepest) + deepest;
  std::uint64_t number = first_place_ - deepest;
  if (how_.details) {
    result_details_ = how_.details;
    result_details_->references.fetch_add(1, std::memory_order_relaxed);
    // The limits are for every task, the name for what was asked for.
    if (how_.details->has_limits()) limits_ = renamed(how_.details, {});
  }
  std::size_t pages = 0;
  std::uint64_t tasks = 0;
  for (const auto& p : parts_) {
    p->first_number = number;
    number += p->count();
    p->scale = static_cast<double>(span) / static_cast<double>(std::max<std::size_t>(p->count(), 1));
    p->depth *= static_cast<std::uint32_t>(rank_distance);
    p->details = p == parts_.back() ? result_details_ : limits_;
    if (p->is_given()) {
      const std::size_t needed = p->needed.count(0, p->count());
      p->given_left.store(needed, std::memory_order_relaxed);
      pages += needed != 0;
      continue;
    }
    const std::size_t own_pages = (p->count() + page_slots - 1) / page_slots;
    p->pages = std::make_unique<std::atomic<slot_page*>[]>(own_pages);
    for (std::size_t k = 0; k < own_pages; ++k) {
      const std::size_t needed = p->needed.count(k * page_slots, page_slots);
      pages += needed != 0;
      tasks += needed;
    }
  }
  engine_.announce_many(tasks);
  pages_left_.store(pages, std::memory_order_relaxed);
  if (pages != 0) hold();
}

// ---- tasks are made ----------------------------------------------------------------------------------------------

/// A node for a task that has no inputs, or whose inputs are to be filled in. Nobody has seen it.
node& layer_run::make(layer_part& p, std::size_t j, std::size_t inputs) {
  node& n = p.spec->make(engine_, static_cast<std::uint32_t>(inputs));
  layer_place& place = place_of(n);
  place.seat = &p;
  place.index = static_cast<std::uint32_t>(j);
  n.number = p.first_number + j;
  n.rank = rank(p, j);
  n.retries = how_.retries;
  n.counts.store(node::one_reference + (p.share_count(j) + p.is_result(j)) * share, std::memory_order_relaxed);
  if (p.details) {
    p.details->references.fetch_add(1, std::memory_order_relaxed);
    n.details = p.details;
  }
  return n;
}

void layer_run::discard(const layer_part& p, node& n) noexcept {
  drop_details(n.details);
  p.spec->discard(n);
}

/// Before it can run.
void layer_run::introduce(node& n) { engine_.introduce(n); }

/// A node that was introduced before its inputs had ended; now they have. It may have been cancelled meanwhile.
void layer_run::begin_limits(node& n) {
  if (n.details) engine_.renew_limits(n);
}

/// All inputs have ended, and have a share for each edge.
void layer_run::fill(layer_part& p, std::size_t j, node& n) noexcept {
  edge* at = n.inputs;
  for (std::size_t k = 0; k < p.from.size(); ++k)
    for (const interval& in : p.spec->links[k]->inputs(j))
      for (std::size_t i = in.first; i <= in.last; ++i, ++at) {
        at->from = &p.from[k]->node_of(i);
        at->to = &n;
      }
}

node& layer_run::make_filled(layer_part& p, std::size_t j, std::size_t inputs, bool poison) {
  node& n = make(p, j, inputs);
  n.marks.store(poison ? node::poisoned : 0, std::memory_order_relaxed);
  n.waits_for.store(0, std::memory_order_relaxed);
  fill(p, j, n);
  introduce(n);
  p.slot_of(j).store(slot::of(n), std::memory_order_release);
  return n;
}

/// An input of the task has ended. Gives the task when it was the last.
node* layer_run::count_down(layer_part& p, std::size_t j, bool poison) {
  std::atomic<std::uint64_t>& at = p.slot_of(j);
  std::uint64_t s = at.load(std::memory_order_acquire);
  for (;;) {
    if (s & slot::is_node) {  // it has a future, and was made for that
      node& n = slot::node_in(s);
      if (poison) n.add(node::poisoned);
      if (n.waits_for.fetch_sub(1, std::memory_order_acq_rel) != 1) return nullptr;
      fill(p, j, n);
      begin_limits(n);
      return &n;
    }
    std::uint64_t next = 0;
    if (s == 0) {
      const std::size_t inputs = p.input_count(j);
      if (inputs == 1 && !p.is_result(j)) return &make_filled(p, j, 1, poison);
      next = slot::counting(inputs - 1, poison);
    } else {
      next = (s - slot::one) | (poison ? slot::poisoned : 0);
    }
    if (!at.compare_exchange_weak(s, next, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
    if (!slot::being_made(next)) return nullptr;
    return &make_filled(p, j, p.input_count(j), (next & slot::poisoned) != 0);
  }
}

/// The node of a task whose future was asked for, while it may be under way. The future's share is in its count.
node& layer_run::collect(layer_part& p, std::size_t i) {
  std::atomic<std::uint64_t>& at = p.slot_of(i);
  const std::size_t inputs = p.input_count(i);
  node* n = nullptr;
  std::uint64_t s = at.load(std::memory_order_acquire);
  for (;;) {
    if (s & slot::is_node) {
      if (n) discard(p, *n);
      return slot::node_in(s);
    }
    if (slot::being_made(s)) {
      real_memory::pause();
      s = at.load(std::memory_order_acquire);
      continue;
    }
    if (!n) n = &make(p, i, inputs);
    n->waits_for.store(static_cast<std::uint32_t>(inputs) + 1, std::memory_order_relaxed);
    if (!at.compare_exchange_weak(s, slot::of(*n), std::memory_order_acq_rel, std::memory_order_acquire)) continue;
    if (inputs == 0) return *n;  // the cursor will come to it
    engine_.tell(*n, task_event::step::submitted);
    if (s & slot::poisoned) n->add(node::poisoned);
    const auto done = static_cast<std::uint32_t>(1 + (s == 0 ? 0 : inputs - slot::left(s)));
    if (n->waits_for.fetch_sub(done, std::memory_order_acq_rel) == done) {
      fill(p, i, *n);
      begin_limits(*n);
      engine_.make_ready(*n);
    }
    return *n;
  }
}

/// The node of a task without inputs; only the cursor comes here.
node& layer_run::root(layer_part& p, std::size_t i) {
  std::atomic<std::uint64_t>& at = p.slot_of(i);
  std::uint64_t s = at.load(std::memory_order_acquire);
  node* n = nullptr;
  if (s == 0) {
    n = &make(p, i, 0);
    if (!p.is_result(i)) {
      at.store(slot::of(*n), std::memory_order_release);
    } else if (!at.compare_exchange_strong(s, slot::of(*n), std::memory_order_acq_rel, std::memory_order_acquire)) {
      discard(p, *n);
      n = &slot::node_in(s);
    }
  } else {
    n = &slot::node_in(s);
  }
  introduce(*n);
  return *n;
}

void layer_run::start() { engine_.make_ready(make_layer_cursor(*this)); }

// ---- values that were given --------------------------------------------------------------------------------------

struct layer_run::given_wait : waiter {
  given_wait(layer_part& p, std::size_t i) noexcept : waiter(&given_wait::on_end), part(p), index(i) {}
  static void on_end(waiter& w) noexcept {
    const std::unique_ptr<given_wait> self(static_cast<given_wait*>(&w));
    layer_run& r = self->part.run;
    r.tell_given(self->part, self->index);
    r.drop();
  }
  layer_part& part;
  std::size_t index;
};

void layer_run::give(layer_part& p, std::size_t i) {
  node& n = *p.spec->given[i];
  n.counts.fetch_add(p.share_count(i) * share, std::memory_order_relaxed);
  auto wait = std::make_unique<given_wait>(p, i);
  hold();
  if (add_waiter(n, *wait)) {
    static_cast<void>(wait.release());
  } else {
    tell_given(p, i);
    drop();
  }
}

void layer_run::tell_given(layer_part& p, std::size_t i) {
  node& n = *p.spec->given[i];
  const bool done = n.is(node_state::done);
  if (!done && finish_) note_failure(n);
  if (done && n.stored) {
    intervals room;
    for (const layer_part::taker& t : p.takers)
      for (const interval& in : t.link->dependents(i, room))
        for (std::size_t j = in.first; j <= in.last; ++j)
          if (t.part->needed.has(j)) engine_.store_->add_use(*n.stored, rank(*t.part, j));
  }
  ready_sink ready(engine_, nullptr);
  tell(p, i, !done, ready);
  if (ready.best)
    engine_.make_ready(*ready.best);
  else if (ready.pushed)
    engine_.wake_runner();
  if (p.given_left.fetch_sub(1, std::memory_order_acq_rel) == 1) page_released();
}

// ---- the end of a task -------------------------------------------------------------------------------------------

template <class Ready>
void layer_run::tell(layer_part& p, std::size_t i, bool poison, Ready& ready) {
  intervals room;
  for (const layer_part::taker& t : p.takers) {
    const auto all = t.link->dependents(i, room);
    std::size_t many = 0;
    for (const interval& in : all) many += in.last - in.first + 1;
    if (many > told_at_once) {
      ready(make_layer_cursor(*this, p, i, t, poison));
      continue;
    }
    const bool whole = t.part->needed.whole();
    for (const interval& in : all)
      for (std::size_t j = in.first; j <= in.last; ++j)
        if (whole || t.part->needed.has(j))
          if (node* n = count_down(*t.part, j, poison)) ready(*n);
  }
}

/// After those who wait for it were told; the tasks that take its value do not wait in its list.
node* layer_run::ended(node& n, node* best) noexcept {
  const layer_place place = place_of(n);
  auto& p = static_cast<layer_part&>(*place.seat);
  const bool poison = !n.is(node_state::done);
  if (poison && finish_) [[unlikely]]
    note_failure(n);
  if (p.is_result(place.index) && results_open_.fetch_sub(1, std::memory_order_acq_rel) == 1) abandon();
  ready_sink ready(engine_, best);
  tell(p, place.index, poison, ready);
  if (ready.pushed) engine_.wake_runner();
  return ready.best;
}

/// Its memory has gone. The engine may have, too.
void layer_run::released(layer_part& p, std::size_t i) noexcept {
  slot_page& page = p.page(i);
  if (page.left.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  delete &page;
  page_released();
}

void layer_run::page_released() noexcept {
  if (pages_left_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  all_released();
  drop();
}

node* layer_node_closed(node& n, node* best) noexcept {
  layer_place& place = place_of(n);
  if (std::atomic_ref(place.told).exchange(true, std::memory_order_relaxed)) return best;  // it was run again
  return static_cast<layer_part*>(place.seat)->run.ended(n, best);
}

void layer_node_uses(const node& n, std::vector<std::uint64_t>& ranks) {
  const layer_place& place = place_of(n);
  if (place.told) return;
  const auto& p = static_cast<const layer_part&>(*place.seat);
  intervals room;
  for (const layer_part::taker& t : p.takers)
    for (const interval& in : t.link->dependents(place.index, room))
      for (std::size_t j = in.first; j <= in.last; ++j)
        if (t.part->needed.has(j)) ranks.push_back(p.run.rank(*t.part, j));
}

void layer_node_released(const layer_place& place) noexcept {
  if (!place.seat) return;
  auto& p = static_cast<layer_part&>(*place.seat);
  p.run.released(p, place.index);
}

// ---- the end of all ----------------------------------------------------------------------------------------------

/// Ends when all tasks have gone. Its input is what failed first, if anything did.
struct layer_run::finish_node final : layer_end {
  explicit finish_node(layer_run& r) : layer_end(type, r.engine_), run(r) {
    has_arguments = false;
    consumed = true;  // it cannot be run again
    inputs = &failure_edge;
    r.hold();
  }
  static run_result end(node&, bool, std::exception_ptr&) noexcept { return run_result::value; }
  static void release(node& n) noexcept {
    auto* self = static_cast<finish_node*>(&n);
    layer_run& r = self->run;
    delete self;
    r.drop();
  }
  static std::string name(const node& n) {
    return "all of " + static_cast<const finish_node&>(n).run.parts_.back()->spec->function_name();
  }
  static node* closed(node& n, node* best) noexcept {
    static_cast<finish_node&>(n).run.abandon();
    return best;
  }
  static constexpr node_type type{.run = &finish_node::end,
                                  .end_arguments = nullptr,
                                  .release = &finish_node::release,
                                  .stop = nullptr,
                                  .settle = nullptr,
                                  .function_name = &finish_node::name,
                                  .value = &layer_end::nothing,
                                  .repeatable = false,
                                  .closed = &finish_node::closed};

  layer_run& run;
  edge failure_edge;
};

namespace {

/// Has failed, or was cancelled, like another node, but does not keep it.
struct stand_in final : value_node<void> {
  explicit stand_in(node& n) : value_node<void>(type, *n.home) {
    has_arguments = false;
    rank = n.rank;
    number = n.number;
    counts.store(share, std::memory_order_relaxed);
    if (n.is(node_state::failed)) {
      why = n.why;
      why->references.fetch_add(1, std::memory_order_relaxed);
      state.store(node_state::failed, std::memory_order_relaxed);
    } else {
      if (n.timed_out()) {
        time_out();
        details = renamed(n.details, key_of(n));  // what it says of that
      }
      state.store(node_state::cancelled, std::memory_order_relaxed);
    }
    dependents.store(closed, std::memory_order_release);
  }
  static void release(node& n) noexcept { delete static_cast<stand_in*>(&n); }
  static std::string name(const node&) { return "task"; }
  static constexpr node_type type{.run = nullptr,
                                  .end_arguments = nullptr,
                                  .release = &stand_in::release,
                                  .stop = nullptr,
                                  .settle = nullptr,
                                  .function_name = &stand_in::name,
                                  .value = &value_functions<void>::type,
                                  .repeatable = false};
};

}  // namespace

void layer_run::note_failure(node& n) {
  if (first_failure_.load(std::memory_order_relaxed)) return;
  auto made = std::make_unique<stand_in>(n);
  node* none = nullptr;
  if (first_failure_.compare_exchange_strong(none, made.get(), std::memory_order_acq_rel))
    static_cast<void>(made.release());
  else
    drop_handle(*made.release());
}

node& layer_run::run_all() {
  parts_.back()->needed.add_all();
  prepare();
  finish_ = new finish_node(*this);
  node& n = *finish_;
  n.number = first_place_;
  n.rank = rank_of(how_.priority, how_.within ? how_.within : first_place_);
  n.counts.store(node::one_reference + share, std::memory_order_relaxed);
  if (result_details_ && !result_details_->name.empty()) n.details = renamed(nullptr, result_details_->name);
  engine_.note(engine_.own_lane().submitted);
  engine_.tell(n, task_event::step::submitted);
  if (pages_left_.load(std::memory_order_relaxed) == 0)
    all_released();
  else
    start();
  return n;
}

void layer_run::all_released() noexcept {
  if (!finish_) return;
  if (node* f = first_failure_.load(std::memory_order_acquire)) {
    finish_->failure_edge.from = f;
    finish_->input_count = 1;
    finish_->add(node::poisoned);
  }
  engine_.make_ready(*finish_);
}

}  // namespace weft::detail

namespace weft {

void client::compute_layer(detail::layer_spec* wanted, std::size_t first, std::span<detail::node*> results) const {
  check_open();
  if (!wanted) detail::throw_empty_layer();
  if (first > wanted->count || results.size() > wanted->count - first)
    throw misuse("weft: task " + std::to_string(first) + " of a layer of " + std::to_string(wanted->count) +
                 " tasks");
  if (results.empty()) return;
  if (engine_->cluster()) {
    const auto nodes = detail::submit_layers(*engine_, *wanted, first, results.size(),
                                             {priority_, retries_, within_, details_.get()});
    std::copy(nodes.begin(), nodes.end(), results.begin());
    return;
  }
  auto run = detail::layer_run::make(*engine_, *wanted, {priority_, retries_, within_, details_.get()});
  run->compute(first, results);
}

detail::node* client::run_layer(detail::layer_spec* wanted) const {
  check_open();
  if (!wanted) detail::throw_empty_layer();
  if (engine_->cluster())
    return detail::run_layers(*engine_, *wanted, {priority_, retries_, within_, details_.get()});
  auto run = detail::layer_run::make(*engine_, *wanted, {priority_, retries_, within_, details_.get()});
  return &run->run_all();
}

}  // namespace weft
