// Walks through many tasks of a computation of layers.
#include <algorithm>
#include <array>
#include <cstddef>
#include <exception>
#include <mutex>
#include <utility>
#include <vector>

#include "engine/layer.hpp"

namespace weft::detail {

/// Walks through many tasks, some at a time, and queues itself again between: those that begin without inputs, or
/// those that take one value. It is a node, in its place among the others, but no task: it ends without being told
/// of.
class layer_cursor final : public value_node<void> {
 public:
  /// Through the tasks without inputs.
  explicit layer_cursor(layer_run& r) : value_node<void>(type, r.engine_), run_(r) {
    for (const auto& p : run_.parts_)
      if (p->may_have_roots && p->next_root != p->count())
        roots_.push_back({run_.rank(*p, p->next_root), roots_.size(), p.get()});
    std::make_heap(roots_.begin(), roots_.end(),
                   [](const part_place& a, const part_place& b) { return b.before(a); });
    begin();
  }
  /// Through those that take the value of task i.
  layer_cursor(layer_run& r, layer_part& p, std::size_t i, const layer_part::taker& t, bool poison)
      : value_node<void>(type, r.engine_), run_(r), from_(&p), task_(i), taker_(&t), poison_(poison) {
    begin();
  }
  layer_cursor(layer_cursor&& o)
      : value_node<void>(type, o.run_.engine_),
        run_(o.run_),
        from_(o.from_),
        task_(o.task_),
        taker_(o.taker_),
        poison_(o.poison_),
        interval_(o.interval_),
        at_(o.at_),
        roots_(std::move(o.roots_)) {
    begin();
  }

  static void* operator new(std::size_t size) { return allocate_frame(size); }
  static void operator delete(void* p, std::size_t size) noexcept { release_frame(p, size); }

 private:
  struct batch {
    std::array<node*, roots_at_once> nodes;
    std::size_t size = 0;
    bool full() const noexcept { return size == nodes.size(); }
  };

  /// A part whose next task may have no inputs.
  struct part_place {
    std::uint64_t rank;  // of that task
    std::size_t number;
    layer_part* part;
    /// Of equal ranks the last part comes first: the deepest.
    bool before(const part_place& o) const noexcept { return rank != o.rank ? rank < o.rank : number > o.number; }
  };

  void begin() {
    has_arguments = false;
    run_.hold();
    find_next();
  }

  /// Where it is next: its rank, or the end.
  void find_next() {
    more_ = false;
    if (from_) {
      intervals room;
      const auto all = taker_->link->dependents(task_, room);
      if (interval_ == all.size()) return;
      more_ = true;
      rank = run_.rank(*taker_->part, all[interval_].first + at_);
      return;
    }
    if (roots_.empty()) return;
    more_ = true;
    rank = roots_.front().rank;
  }
  /// The first part has gone on to its next task.
  void sort_first_part() {
    part_place& first = roots_.front();
    if (first.part->next_root == first.part->count()) {
      first = roots_.back();
      roots_.pop_back();
    } else {
      first.rank = run_.rank(*first.part, first.part->next_root);
    }
    for (std::size_t at = 0, next; (next = 2 * at + 1) < roots_.size(); at = next) {
      if (next + 1 < roots_.size() && roots_[next + 1].before(roots_[next])) ++next;
      if (!roots_[next].before(roots_[at])) return;
      std::swap(roots_[at], roots_[next]);
    }
  }

  void advance(batch& ready) {
    if (from_)
      advance_takers(ready);
    else
      advance_roots(ready);
  }
  void advance_roots(batch& ready) {
    for (std::size_t looked = 0; more_ && looked < looked_at_once && !ready.full(); ++looked, find_next()) {
      layer_part& p = *roots_.front().part;
      const std::size_t i = p.next_root++;
      sort_first_part();
      if (!p.needed.has(i)) continue;
      if (p.is_given()) {
        run_.give(p, i);
        looked += roots_at_once;
      } else if (p.spec->links.empty() || p.input_count(i) == 0) {
        ready.nodes[ready.size++] = &run_.root(p, i);
      }
    }
  }
  void advance_takers(batch& ready) {
    intervals room;
    const auto all = taker_->link->dependents(task_, room);
    for (std::size_t told = 0; interval_ < all.size() && told < told_at_once && !ready.full(); ++told) {
      const interval in = all[interval_];
      const std::size_t j = in.first + at_;
      if (j == in.last) {
        ++interval_;
        at_ = 0;
      } else {
        ++at_;
      }
      if (!taker_->part->needed.has(j)) continue;
      if (node* n = run_.count_down(*taker_->part, j, poison_)) ready.nodes[ready.size++] = n;
    }
    find_next();
  }

  /// `again` is pushed before the nodes it has made, which come first even where all have one rank.
  static void push(engine& e, node* again, const batch& ready) {
    if (!again && ready.size == 0) return;
    {
      // All tasks of a computation have one priority; what is urgent goes where engine::push would put it.
      const std::uint64_t rank = again ? again->rank : ready.nodes[0]->rank;
      engine::lane& l = rank >> place_bits < default_urgency ? e.lanes_.back() : e.own_lane();
      std::lock_guard guard(l.lock);
      if (again) l.queue.push({again->rank, again});
      for (std::size_t i = ready.size; i-- > 0;) l.queue.push({ready.nodes[i]->rank, ready.nodes[i]});
      l.best.store(l.queue.best(), std::memory_order_relaxed);
    }
    e.wake_runner();
  }

  static run_result run(node& n, bool, std::exception_ptr&) noexcept {
    auto& self = static_cast<layer_cursor&>(n);
    engine& e = *n.home;
    batch ready;
    self.advance(ready);
    if (self.more_) {
      n.state.store(node_state::pending, std::memory_order_release);
      push(e, &n, ready);  // from here on it may run on another worker
    } else {
      push(e, nullptr, ready);
      engine::drop_reference(n);
    }
    return run_result::suspended;
  }
  /// The engine was stopped, and it has not run: all the same its tasks must come to be, to be cancelled.
  static void settle(node& n) noexcept {
    auto& self = static_cast<layer_cursor&>(n);
    engine& e = *n.home;
    e.note(e.own_lane().submitted);  // its end was counted
    batch ready;
    self.advance(ready);
    node* next = nullptr;
    if (self.more_) next = new layer_cursor(std::move(self));
    push(e, next, ready);
  }

  static void release(node& n) noexcept {
    auto* self = static_cast<layer_cursor*>(&n);
    layer_run& r = self->run_;
    delete self;
    r.drop();
  }

  static constexpr node_type type{.run = &layer_cursor::run,
                                  .end_arguments = nullptr,
                                  .release = &layer_cursor::release,
                                  .stop = nullptr,
                                  .settle = &layer_cursor::settle,
                                  .function_name = nullptr,  // no task, for observers
                                  .value = &value_functions<void>::type,
                                  .repeatable = true};

  layer_run& run_;
  layer_part* from_ = nullptr;
  std::size_t task_ = 0;
  const layer_part::taker* taker_ = nullptr;
  bool poison_ = false, more_ = false;
  std::size_t interval_ = 0, at_ = 0;
  std::vector<part_place> roots_;  // a heap
};

node& make_layer_cursor(layer_run& r) { return *new layer_cursor(r); }
node& make_layer_cursor(layer_run& r, layer_part& p, std::size_t i, const layer_part::taker& t, bool poison) {
  return *new layer_cursor(r, p, i, t, poison);
}

}  // namespace weft::detail
