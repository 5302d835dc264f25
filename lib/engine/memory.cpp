// What the engine has to do with memory: it tells the store of values, and asks it before tasks run.
#include "engine/memory.hpp"

#include <algorithm>
#include <utility>

#include "engine/engine.hpp"
#include "weft/errors.hpp"

namespace weft::detail {

namespace {

/// Smaller values are not worth an entry in the store, nor a place on the disk.
constexpr std::size_t least_stored = 1024;

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
    .let_go = &engine::let_value_go,
};

/// The store was at work with the value when its node was to be destroyed.
void engine::let_value_go(void* owner) noexcept {
  node& n = *static_cast<node*>(owner);
  n.stored = nullptr;
  destroy(n);
}

/// After a node's value has come to be, and before those who wait are told.
void engine::count_value(node& n) {
  n.stored = nullptr;
  n.has_value = true;
  if (n.type->value->small) return;
  const std::size_t bytes = n.type->value->bytes(n);
  sizes_.learn(*n.type, bytes);
  if (bytes >= least_stored) n.stored = store_->insert(&n, value_operations, bytes);
}

/// Tells the store who will use the value: those that wait for it. Others come by submit().
void engine::publish_value(node& n, dependent* uses) {
  std::vector<std::uint64_t> ranks;
  for (dependent* d = uses; d; d = d->next)
    if (d->to) ranks.push_back(d->to->rank);
  store_->publish(*n.stored, std::move(ranks));
}

void engine::adopt_value(node& n) {
  count_value(n);
  if (n.stored) publish_value(n, nullptr);
}

/// Before a node runs: sees to it that its inputs are in memory, and that there is room for its result. False: the
/// store will say when.
bool engine::ask_memory(node& n) {
  node_request* r = n.request;
  if (!r) {
    bool asks = store_->tight();
    for (std::uint32_t i = 0; !asks && i < n.input_count; ++i) asks = n.inputs[i].from->stored != nullptr;
    if (!asks) return true;
    auto made = std::make_unique<node_request>(n);
    for (std::uint32_t i = 0; i < n.input_count; ++i)
      if (stored_value* v = n.inputs[i].from->stored) made->values.push_back(v);
    made->rank = n.rank;
    made->inputs = made->values.data();
    made->count = static_cast<std::uint32_t>(made->values.size());
    made->reserve = n.details && n.details->memory ? n.details->memory : sizes_.expected(*n.type);
    if (made->count == 0 && made->reserve < least_stored) return true;
    made->granted = [](memory_request& granted) noexcept {
      auto& own = static_cast<node_request&>(granted);
      own.there = true;
      own.of.home->memory_granted(own.of);
    };
    r = n.request = made.release();
    if (!store_->ask(*r)) return false;
    r->there = true;
  }
  return true;
}

void engine::finish_request(node_request* r) noexcept {
  if (!r) return;
  store_->finish(*r);
  delete r;
}

// ---- readers ---------------------------------------------------------------------------------------------------

class value_access : public memory_request {
 public:
  stored_value* value = nullptr;
  waiter* reader = nullptr;
};

bool begin_access(node& n, bool exclusive, waiter& w, value_access*& out) {
  out = nullptr;
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
  out = a.release();  // before it can be granted
  return n.stored->home().ask(*out);
}

void end_access(value_access* a) noexcept {
  if (!a) return;
  a->value->home().finish(*a);
  delete a;
}

void check_access(const value_access* a) {
  if (a && a->error) std::rethrow_exception(a->error);
}

}  // namespace weft::detail
