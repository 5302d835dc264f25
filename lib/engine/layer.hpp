#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "engine/engine.hpp"
#include "engine/rank.hpp"
#include "weft/detail/layer_node.hpp"
#include "weft/detail/task_details.hpp"

namespace weft::detail {

inline constexpr std::uint64_t most_tasks = std::uint64_t{1} << 32;  // of layers that are computed together
inline constexpr std::size_t page_slots = 512;
inline constexpr std::size_t roots_at_once = 32;     // made, of tasks without inputs
inline constexpr std::size_t looked_at_once = 4096;  // tasks, in search of such
inline constexpr std::size_t told_at_once = 256;     // tasks that take one value
inline constexpr std::uint64_t share = node::one_reference | node::one_want;

struct slot_page {
  explicit slot_page(std::uint32_t n) noexcept : left(n) {}
  std::atomic<std::uint32_t> left;  // tasks that are needed and have not gone
  std::array<std::atomic<std::uint64_t>, page_slots> slots{};
};

/// What a slot holds: nothing yet; or how many inputs have not ended, and whether one has failed; or the node. A
/// count is one more than there are, so that one is left when the last has ended and the node is being made.
namespace slot {
inline constexpr std::uint64_t is_node = 1, poisoned = 2, one = 4;
inline std::uint64_t counting(std::uint64_t left, bool poison) noexcept {
  return (left + 1) * one | (poison ? poisoned : 0);
}
inline std::uint64_t left(std::uint64_t s) noexcept { return s / one - 1; }
inline bool being_made(std::uint64_t s) noexcept { return s / one == 1 && !(s & is_node); }
inline std::uint64_t of(node& n) noexcept { return reinterpret_cast<std::uintptr_t>(&n) | is_node; }
inline node& node_in(std::uint64_t s) noexcept {
  return *reinterpret_cast<node*>(static_cast<std::uintptr_t>(s & ~is_node));
}
}  // namespace slot

/// Tasks of a layer that are needed: all, or one bit each.
class needed_tasks {
 public:
  explicit needed_tasks(std::size_t n) : count_(n) {}
  bool whole() const noexcept { return whole_; }
  void add_all() noexcept {
    whole_ = true;
    bits_ = {};
  }
  void add(interval i) {
    if (whole_) return;
    if (bits_.empty()) bits_.resize((count_ + 63) / 64);
    for (std::size_t w = i.first / 64; w <= i.last / 64; ++w) {
      std::uint64_t mask = ~std::uint64_t{0};
      if (w == i.first / 64) mask &= ~std::uint64_t{0} << i.first % 64;
      if (w == i.last / 64) mask &= ~std::uint64_t{0} >> (63 - i.last % 64);
      bits_[w] |= mask;
    }
  }
  bool has(std::size_t i) const noexcept { return whole_ || (!bits_.empty() && (bits_[i / 64] >> i % 64 & 1) != 0); }
  /// In the `width` tasks from `first`, a multiple of 64.
  std::size_t count(std::size_t first, std::size_t width) const noexcept {
    const std::size_t end = std::min(count_, first + width);
    if (whole_) return end - first;
    if (bits_.empty()) return 0;
    std::size_t n = 0;
    for (std::size_t w = first / 64; w < (end + 63) / 64; ++w) n += static_cast<std::size_t>(std::popcount(bits_[w]));
    return n;
  }
  void settle() noexcept {
    if (!whole_ && count(0, count_) == count_) add_all();
  }

 private:
  std::size_t count_;
  bool whole_ = false;
  std::vector<std::uint64_t> bits_;
};

class layer_run;

/// A layer in a computation.
struct layer_part : layer_seat {
  struct taker {
    layer_part* part;
    const layer_link* link;
  };

  layer_part(layer_spec& s, layer_run& r, const std::atomic<bool>& o) : run(r), needed(s.count) {
    spec = &s;
    over = &o;
    add_reference(s);
  }
  layer_part(const layer_part&) = delete;
  layer_part& operator=(const layer_part&) = delete;
  ~layer_part() { drop_reference(const_cast<layer_spec*>(spec)); }

  std::size_t count() const noexcept { return spec->count; }
  bool is_given() const noexcept { return !spec->given.empty(); }
  std::size_t input_count(std::size_t j) const noexcept {
    std::size_t n = 0;
    for (const auto& link : spec->links) n += link->input_count(j);
    return n;
  }
  std::size_t share_count(std::size_t i) const noexcept {
    std::size_t n = 0;
    intervals room;
    for (const taker& t : takers)
      for (const interval& in : t.link->dependents(i, room)) {
        if (t.part->needed.whole())
          n += in.last - in.first + 1;
        else
          for (std::size_t j = in.first; j <= in.last; ++j) n += t.part->needed.has(j);
      }
    return n;
  }

  slot_page& page(std::size_t i) {
    std::atomic<slot_page*>& at = pages[i / page_slots];
    slot_page* p = at.load(std::memory_order_acquire);
    if (!p) [[unlikely]] {
      const std::size_t first = i / page_slots * page_slots;
      auto made = std::make_unique<slot_page>(static_cast<std::uint32_t>(needed.count(first, page_slots)));
      if (at.compare_exchange_strong(p, made.get(), std::memory_order_acq_rel, std::memory_order_acquire))
        p = made.release();
    }
    return *p;
  }
  std::atomic<std::uint64_t>& slot_of(std::size_t i) { return page(i).slots[i % page_slots]; }
  node& node_of(std::size_t i) {
    if (is_given()) return *spec->given[i];
    return slot::node_in(slot_of(i).load(std::memory_order_acquire));
  }
  bool is_result(std::size_t i) const noexcept { return i - first_result < results; }

  layer_run& run;
  needed_tasks needed;
  std::vector<layer_part*> from;  // of the links
  std::vector<taker> takers;
  std::unique_ptr<std::atomic<slot_page*>[]> pages;
  std::atomic<std::size_t> given_left{0};     // values that have not ended; together they count as a page
  std::size_t first_result = 0, results = 0;  // that have futures
  task_details* details = nullptr;
  std::uint32_t depth = 0;
  std::uint64_t first_number = 0;
  double scale = 0;             // of a place in the layer to one in the block of ranks
  std::size_t reached = 0;      // 1: a task's rank is that of the end of its share of the layer, 0: of its beginning
  bool may_have_roots = false;  // tasks without inputs
  std::size_t next_root = 0;    // where to look for one
};

class layer_run {
 public:
  struct request {
    std::int16_t priority;
    std::uint16_t retries;
    std::uint64_t within;
    task_details* details;
  };

  struct letting_go {
    void operator()(layer_run* r) const noexcept { r->drop(); }
  };
  using handle = std::unique_ptr<layer_run, letting_go>;
  static handle make(engine& e, layer_spec& wanted, const request& how) {
    return handle(new layer_run(e, wanted, how));
  }

  layer_run(engine& e, layer_spec& wanted, const request& how) : engine_(e), how_(how) {
    find_parts(wanted);
    std::uint64_t total = 0;
    for (const auto& p : parts_) total += p->count();
    if (total >= most_tasks)
      throw misuse("weft: layers of " + std::to_string(total) + " tasks in all; they may have 4294967295 at most");
    total_ = total;
    for (const auto& p : parts_)
      for (const node* n : p->spec->given) check_home(*n);
    if (how.details) engine_.check_resources(how.details->resources);
  }
  layer_run(const layer_run&) = delete;
  layer_run& operator=(const layer_run&) = delete;

  /// Futures of the tasks from `first`.
  void compute(std::size_t first, std::span<node*> results) {
    layer_part& p = *parts_.back();
    p.first_result = first;
    p.results = results.size();
    results_open_.store(results.size(), std::memory_order_relaxed);
    if (results.size() == p.count())
      p.needed.add_all();
    else
      p.needed.add({first, first + results.size() - 1});
    prepare();
    start();
    for (std::size_t i = 0; i < results.size(); ++i)
      results[i] = p.is_given() ? &hold(*p.spec->given[first + i]) : &collect(p, first + i);
  }
  /// A future of the end of all tasks.
  node& run_all();

  void hold() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  void drop() noexcept {
    if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  node* ended(node& n, node* best) noexcept;
  void released(layer_part& p, std::size_t i) noexcept;
  std::uint64_t rank(const layer_part& p, std::size_t i) const noexcept {
    if (how_.within) return rank_of(how_.priority, how_.within);
    const auto place = static_cast<std::uint64_t>(static_cast<double>(p.spec->turn_of(i) + p.reached) * p.scale);
    return rank_of(how_.priority, first_place_ + place - p.depth);
  }
  void abandon() noexcept { over_.store(true, std::memory_order_relaxed); }

 private:
  friend class layer_cursor;
  struct ready_sink;
  struct given_wait;
  static constexpr std::uint64_t rank_distance = 4;  // of the depths; ranks are rounded

  ~layer_run() {
    drop_details(result_details_);
    drop_details(limits_);
  }

  void find_parts(layer_spec& wanted);
  void check_home(const node& n) const;
  void prepare();
  void find_needed();
  void start();
  static node& hold(node& n) noexcept {
    add_handle(n);
    return n;
  }

  node& make(layer_part& p, std::size_t j, std::size_t inputs);
  static void discard(const layer_part& p, node& n) noexcept;
  void introduce(node& n);
  void begin_limits(node& n);
  void fill(layer_part& p, std::size_t j, node& n) noexcept;
  node& make_filled(layer_part& p, std::size_t j, std::size_t inputs, bool poison);
  node* count_down(layer_part& p, std::size_t j, bool poison);
  node& collect(layer_part& p, std::size_t i);
  node& root(layer_part& p, std::size_t i);
  template <class Ready>
  void tell(layer_part& p, std::size_t i, bool poison, Ready& ready);
  void give(layer_part& p, std::size_t i);
  void tell_given(layer_part& p, std::size_t i);
  void page_released() noexcept;
  void all_released() noexcept;
  void note_failure(node& n);

  engine& engine_;
  const request how_;
  task_details *result_details_ = nullptr, *limits_ = nullptr;
  std::vector<std::unique_ptr<layer_part>> parts_;  // each after those it takes from; the wanted one is the last
  std::uint64_t total_ = 0, first_place_ = 0;
  std::atomic<bool> over_{false};
  std::atomic<std::size_t> results_open_{0};
  std::atomic<std::uint32_t> references_{1};  // the caller; the pages together; cursors; waits; the finish
  std::atomic<std::size_t> pages_left_{0};
  struct finish_node;
  finish_node* finish_ = nullptr;
  std::atomic<node*> first_failure_{nullptr};
};

/// A node that walks through the tasks without inputs; through those that take the value of task i of `p`.
node& make_layer_cursor(layer_run& r);
node& make_layer_cursor(layer_run& r, layer_part& p, std::size_t i, const layer_part::taker& t, bool poison);

/// Takes nodes that became ready: keeps the best, which the runner goes on with, and queues the others.
struct layer_run::ready_sink {
  ready_sink(engine& e, node* first) noexcept : of(e), best(first) {}
  void operator()(node& n) noexcept {
    if (!best) {
      best = &n;
      return;
    }
    node* other = &n;
    if (n.rank < best->rank) std::swap(best, other);
    of.push(of.own_lane(), *other);
    pushed = true;
  }
  engine& of;
  node* best;
  bool pushed = false;
};

}  // namespace weft::detail
