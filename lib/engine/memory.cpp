// What the engine has to do with memory: it tells the store of values, and asks it before tasks run.
#include "engine/memory.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "engine/budget.hpp"
#include "engine/engine.hpp"
#include "weft/detail/node_stop.hpp"
#include "weft/errors.hpp"
#include "weft/values.hpp"

namespace weft::detail {

namespace {

/// Smaller values are not worth an entry in the store, nor a place on the disk.
constexpr std::size_t least_stored = 1024;

/// Tells functions apart: those of one signature share a type of nodes.
const void* function_of(const node& n) noexcept {
  return n.type->function ? n.type->function(n) : static_cast<const void*>(n.type);
}

}  // namespace

const stored_value::operations engine::value_operations{
    .encode =
        [](void* owner, encoder& into) {
          const node& n = *static_cast<const node*>(owner);
          n.type->value->encode(n, into);
        },
    .drop =
        [](void* owner) noexcept {
          node& n = *static_cast<node*>(owner);
          n.type->value->end(n);
          n.has_value = false;
        },
    .restore =
        [](void* owner, decoder& from) {
          node& n = *static_cast<node*>(owner);
          n.type->value->decode(n, from);
          n.has_value = true;
        },
    .remake =
        [](void* owner) noexcept {
          node& n = *static_cast<node*>(owner);
          if (!n.has_arguments) return false;
          if (n.has_value) {  // it was read, and was not what had been written
            n.type->value->end(n);
            n.has_value = false;
          }
          std::exception_ptr error;
          n.has_value = n.type->run(n, false, error) == run_result::value;
          return bool(n.has_value);
        },
    .let_go = &engine::let_value_go,
    .maker = [](const void* owner) -> std::string {
      const node& n = *static_cast<const node*>(owner);
      return n.type->function_name ? n.type->function_name(n) : "a value";
    },
    .lost = [](void* owner) noexcept { return engine::value_lost(*static_cast<node*>(owner)); },
    .fetch = [](void* owner) -> task<> { return engine::fetch_value(*static_cast<node*>(owner)); },
    .remakable = [](const void* owner) noexcept { return bool(static_cast<const node*>(owner)->has_arguments); },
};

/// Whether somebody else is told, who has it made again. The store is at work with the value, so the node is there.
bool engine::value_lost(node& n) noexcept { return n.home->tracker_ && n.home->tracker_->lost(n); }

/// The store was at work with the value when its node was to be destroyed.
void engine::let_value_go(void* owner) noexcept {
  node& n = *static_cast<node*>(owner);
  n.stored = nullptr;
  destroy(n);
}

/// After a node's value has come to be, and before those who wait are told.
void engine::count_value(node& n, node_request* asked) {
  n.stored = nullptr;
  n.has_value = true;
  const std::size_t bytes = counted_bytes(n);
  if (bytes >= least_stored) n.stored = store_->insert(&n, value_operations, bytes, asked);
}

/// What the store is to know of.
std::size_t engine::counted_bytes(node& n) {
  if (n.type->value->small) return 0;
  std::size_t bytes = 0;
  try {
    bytes = n.type->value->bytes(n);
  } catch (...) {  // weft_owned_bytes of its type: then it counts as nothing, and stays in memory
    return 0;
  }
  if (!n.type->result_bytes) sizes_.learn(function_of(n), bytes);
  return bytes;
}

/// Tells the store who will use the value: those that wait for it. Others come by submit().
void engine::publish_value(node& n, dependent* uses) {
  std::vector<std::uint64_t> ranks;
  for (dependent* d = uses; d; d = d->next)
    if (d->to) ranks.push_back(d->to->rank);
  if (n.type->uses) n.type->uses(n, ranks);
  store_->publish(*n.stored, std::move(ranks));
}

void engine::adopt_value(node& n) {
  count_value(n, nullptr);
  if (n.stored) publish_value(n, nullptr);
}

void engine::expect_value(node& n, std::uint64_t bytes) {
  if (!n.stored && bytes >= least_stored) n.stored = store_->insert_coming(&n, value_operations, bytes);
}

void engine::adopt_expected(node& n) {
  if (!n.stored) return adopt_value(n);
  n.has_value = true;
  const std::size_t bytes = counted_bytes(n);
  if (bytes < least_stored) {
    store::erase(std::exchange(n.stored, nullptr));
    return;
  }
  store_->resize(*n.stored, bytes);
  publish_value(n, nullptr);
}

void engine::keep_value(node& n, bool scattered) {
  n.state.store(node_state::done, std::memory_order_relaxed);
  n.dependents.store(node::closed, std::memory_order_release);
  n.counts.store(node::one_reference | node::one_want, std::memory_order_relaxed);
  bool adopted = false;  // since it was to be there for others before this returns
  if (cluster()) try {
      adopted = share_value(n, scattered);
    } catch (...) {
      drop_handle(n);
      throw;
    }
  if (!adopted) adopt_value(n);
}

/// Before a node runs: sees to it that its inputs are in memory, and that there is room for its result. False: the
/// store will say when.
bool engine::ask_memory(node& n) {
  node_request* r = n.request;
  if (!r) {
    // What waits leaves its thread to the next: without room for their results all of them would begin at once.
    bool asks = store_->tight() || (n.type->stop && n.type->result_bytes && n.type->result_bytes(n) >= least_stored);
    for (std::uint32_t i = 0; !asks && i < n.input_count; ++i) asks = n.inputs[i].from->stored != nullptr;
    if (!asks) return true;
    auto made = std::make_unique<node_request>(n);
    for (std::uint32_t i = 0; i < n.input_count; ++i)
      if (stored_value* v = n.inputs[i].from->stored) made->values.push_back(v);
    made->rank = n.rank;
    made->inputs = made->values.data();
    made->count = static_cast<std::uint32_t>(made->values.size());
    made->reserve = n.details && n.details->memory ? n.details->memory
                    : n.type->result_bytes         ? n.type->result_bytes(n)
                                                   : sizes_.expected(function_of(n));
    made->produces = !n.type->value->small;
    if (made->count == 0 && made->reserve < least_stored && !(made->produces && store_->paused())) return true;
    made->granted = [](memory_request& granted) noexcept {
      node& own = static_cast<node_request&>(granted).of;
      own.home->memory_granted(own);
    };
    made->over = [](const memory_request& asked) noexcept {
      const node& own = static_cast<const node_request&>(asked).of;
      return !own.is(node_state::pending) || own.home->is_over(own);
    };
    r = made.release();
    std::atomic_ref(n.request).store(r, std::memory_order_release);  // who cancels the node finds it (stop_waiting)
    real_memory::full_fence();
    became_active();  // until it is granted: nothing else may be under way here
    if (!store_->ask(*r)) return false;
    active_.fetch_sub(1, std::memory_order_relaxed);  // the runner is active still
  }
  return true;
}

/// The node will not use its inputs after all.
void engine::forget_uses(node& n) noexcept {
  for (std::uint32_t i = 0; i < n.input_count; ++i)
    if (const node* from = n.inputs[i].from)
      if (from->ended() && from->is(node_state::done) && from->stored) store_->drop_use(*from->stored, n.rank);
}

namespace {

/// Against whoever asks the tracker for the value meanwhile (take_handle): one of the two comes first. Nobody reads
/// it then: who did would have a handle.
bool take_lent(node& from, const node& to) noexcept {
  if (!from.has(node::lent) || !to.has(node::may_take) || to.stop_asked()) return false;
  if (!from.stored->home().may_take(*from.stored)) return false;
  std::uint64_t counts = from.counts.load(std::memory_order_acquire);
  while (counts >> 32 == 2)
    if (from.counts.compare_exchange_weak(counts, counts | node::taken, std::memory_order_acq_rel,
                                          std::memory_order_acquire))
      return true;
  return false;
}

}  // namespace

/// The counts say who might look at the value still, and nobody gets a handle of a node of which there is none. Of a
/// value that a failed task has given up they say so too. Called by the task that runs.
bool take_input(const edge& e) noexcept {
  node& from = *e.from;
  node* const to = e.to;
  if (!to || to->retries != 0 || !to->request || !from.stored) return false;
  const bool alone = from.counts.load(std::memory_order_acquire) >> 32 == 1;
  if (!alone && !take_lent(from, *to)) return false;
  if (!from.stored->home().take(*from.stored, *to->request)) {
    if (!alone) from.counts.fetch_and(~node::taken, std::memory_order_acq_rel);
    return false;
  }
  to->consumed = true;
  if (!alone) from.home->tracker()->taken(from);
  return true;
}

void engine::finish_request(node_request* r) noexcept {
  if (!r) return;
  store_->finish(*r);
  delete r;
}

/// Whether its arguments are to be kept when it has run: they are beside the budget, for as long as the value is
/// there. What takes resources is not run beside those that have them.
bool engine::can_remake(const node& n) noexcept {
  if (!n.type->kept_bytes || n.consumed || (n.details && !n.details->resources.empty())) return false;
  try {
    return n.type->kept_bytes(n) <= std::max<std::uint64_t>(n.stored->bytes() / 64, 256);
  } catch (...) { return false; }  // weft_owned_bytes of a type
}

std::uint64_t budget_here(engine& e) noexcept { return e.cluster() ? 0 : e.memory().options().budget; }

// ---- coroutines that wait ----------------------------------------------------------------------------------------

/// A cluster's task keeps its engine. Of another the address alone is wanted.
const stop_state* state_around(const node& n) noexcept {
  return n.has(node::remote) ? &n.home->works_for().stop() : &n.home->stop();
}

/// There is a state around.
node_request* begin_node_wait(const stop_state* engines, const stop_state* around) noexcept {
  for (const stop_state* above = around->parent(); above != engines; above = around->parent()) {
    if (!above) return nullptr;
    around = above;
  }
  node& n = *static_cast<const node_stop*>(around)->of;
  if (n.request) n.home->memory().begins_to_wait(*n.request);
  return n.request;
}

void end_node_wait(node_request& r) noexcept { r.of.home->memory().goes_on(r); }

// ---- readers ---------------------------------------------------------------------------------------------------

class value_access : public memory_request {
 public:
  stored_value* value = nullptr;
  waiter* reader = nullptr;
};

bool begin_access(node& n, bool exclusive, waiter& w, std::atomic<value_access*>& out,
                  const std::atomic<bool>& stopped) {
  if (!n.stored) return true;
  auto a = std::make_unique<value_access>();
  a->value = n.stored;
  a->inputs = &a->value;
  a->count = 1;
  a->exclusive = exclusive;
  a->lasting = true;
  a->reader = &w;
  a->granted = [](memory_request& r) noexcept {
    waiter& reader = *static_cast<value_access&>(r).reader;
    reader.wake(reader);
  };
  store& s = n.stored->home();
  value_access& asked = *a;
  out.store(a.release(), std::memory_order_seq_cst);  // a stop that comes from now on finds it
  if (stopped.load(std::memory_order_seq_cst)) s.withdraw(asked);
  return s.ask(asked);  // granted or not, it may be gone with the reader
}

void end_access(value_access* a) noexcept {
  if (!a) return;
  a->value->home().finish(*a);
  delete a;
}

std::exception_ptr error_of(const value_access* a) noexcept { return a ? a->error : nullptr; }

bool withdraw_access(value_access& a) noexcept { return a.value->home().withdraw(a); }

}  // namespace weft::detail
