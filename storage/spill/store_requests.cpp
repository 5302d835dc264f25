// Who may work with values: requests, the order in which they are granted, and what is dropped for them.
#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/log.hpp"
#include "spill/store.hpp"
#include "weft/errors.hpp"
#include "weft/sleep.hpp"

namespace weft::detail {

namespace {

constexpr std::uint64_t least_ahead_bytes = std::uint64_t{8} << 20;

/// How much may be on its way. Enough to keep the disk at work: while a thread runs a task it does not see that what
/// it reads has come. Not more, since it takes room from what is needed soon.
std::uint64_t ahead_bytes(std::uint64_t budget, unsigned threads) noexcept {
  return std::max({least_ahead_bytes, budget / 64, std::min(threads * least_ahead_bytes, budget / 16)});
}

}  // namespace

/// From where the tasks of its priority are; from their first place when none was there yet.
std::uint64_t store::distance_to(std::uint64_t rank) const noexcept {
  const auto front = fronts_.find(priority_of(rank));
  if (front != fronts_.end()) return rank - std::min(rank, front->second);
  return options_.place_bits < 64 ? rank - (priority_of(rank) << options_.place_bits) : rank;
}

/// Which of the two candidates should leave: the one whose next use is further away, where one that must be written
/// first counts half as far, since it costs two transfers and the other one.
bool store::clean_goes_first() const noexcept {
  if (clean_.empty()) return false;
  if (dirty_.empty() || disk_error_ || options_.least_recently_used) return true;
  const std::uint64_t clean = clean_.first().next_use, dirty = dirty_.first().next_use;
  if (clean >= dirty) return true;
  if (dirty == stored_value::no_use) return false;
  if (priority_of(clean) != priority_of(dirty)) return false;
  const std::uint64_t to_clean = distance_to(clean), to_dirty = distance_to(dirty);
  return to_clean != 0 && to_clean >= to_dirty - to_dirty / 2;  // what is due now stays
}

/// Drops what is on the disk too until there is room for so many bytes more.
bool store::make_room(std::uint64_t need) noexcept {
  while (used() + need > budget_) {
    if (!clean_goes_first()) return false;
    drop(static_cast<stored_value&>(clean_.first()));
  }
  return true;
}

/// Of what was granted nothing goes on but transfers from other processes, which may wait for this one.
bool store::only_fetches() const noexcept { return fetching_ != 0 && loads_ == fetches_ && granted_ == fetching_; }

/// Nothing brings more room than there is, but the ends of what was granted.
bool store::no_room_to_come(const memory_request& r, bool beyond) const noexcept {
  const bool none_on_the_way = loads_ == 0 || goes_past_fetches(r, beyond);
  return writers_ == 0 && none_on_the_way && (dirty_.empty() || disk_error_) && clean_.empty();
}

/// Requests wait, and of what was granted nothing goes on but waits for what is outside, and beside these perhaps
/// transfers from other processes, which may wait for this one.
bool store::stalled() const noexcept {
  return !waiting_.empty() && outside_ != 0 && granted_ == outside_ + (loads_ == fetches_ ? fetching_ : 0);
}

/// Whether it is granted though values are on their way, since these may wait for it.
bool store::goes_past_fetches(const memory_request& r, bool beyond) const noexcept {
  return (r.lasting && only_fetches()) || (beyond && loads_ == fetches_);
}

/// What it takes, as far as it is known, and what its end gives back. A value that is being written is to leave: to
/// let those go first that keep it cost half a hundredth more transfers.
store::balance store::balance_of(const memory_request& r) const noexcept {
  balance b{.taken = r.reserve};
  for (std::uint32_t i = 0; i < r.count; ++i) {
    const stored_value& v = *r.inputs[i];
    const bool there = v.where_ == stored_value::place_of::memory;
    if (there && v.first_use_ + 1 == v.uses_.size()) b.freed += v.bytes_;
    if (!there) b.taken += v.bytes_;
  }
  return b;
}

/// Whether it is held back since the process takes too much memory, while something else is under way.
bool store::pauses(const memory_request& r) const noexcept {
  if (!paused() || r.lasting || (granted_ == 0 && writers_ == 0 && loads_ == 0)) return false;
  const balance b = balance_of(r);
  return b.taken > b.freed || (b.freed == 0 && r.produces);
}

/// Grants the request if it can be, or, `beyond` the budget, if it must be. `then` learns of loads that it needs.
bool store::admit(memory_request& r, after& then, bool beyond) {
  using enum stored_value::place_of;
  std::uint64_t missing = 0;
  bool busy = false;
  for (std::uint32_t i = 0; i < r.count; ++i) {
    stored_value& v = *r.inputs[i];
    if (v.where_ == lost && !r.error) r.error = v.error_;
    if (v.where_ == disk && v.pins_ == 0) missing += v.bytes_;
    busy = busy || (r.exclusive && v.where_ == writing);
    pin(v);
  }
  if (r.over && r.over(r)) r.error = std::make_exception_ptr(cancelled());
  const auto back_out = [&] {
    for (std::uint32_t i = 0; i < r.count; ++i) unpin(*r.inputs[i]);
  };
  if (!r.error && !beyond && pauses(r)) {
    back_out();
    return false;
  }
  if (!r.error) {
    // What is on its way takes room that nothing uses yet.
    const bool too_many =
        missing != 0 && on_their_way_ != 0 && !goes_past_fetches(r, beyond) &&
        (on_their_way_ >= options_.ahead || loading_bytes_ + missing > ahead_bytes(budget_, options_.threads));
    const std::uint64_t need = missing + r.reserve;
    bool fits = !busy && !too_many && (need == 0 || make_room(need));
    const bool alone = granted_ == 0 || (r.lasting && only_fetches());
    if (!fits && !busy && !too_many && no_room_to_come(r, beyond) && (alone || beyond)) {
      // It will not get better: past the budget, or, where that is the disk's fault, not at all.
      if (disk_error_ && used() + need > budget_)
        r.error = std::exchange(disk_error_, nullptr);  // who comes next tries the disk again
      else
        fits = true;
    }
    if (!fits && !r.error) {
      deficit_ = std::max(deficit_, need);
      back_out();
      return false;
    }
  }
  if (!r.lasting) {
    ++granted_;
    ++changes_;
  }
  r.loading_ = r.fetching_ = 0;
  r.charged_ = r.taken_ = 0;
  if (r.error) return true;
  if (!r.lasting) {
    std::uint64_t& front = fronts_[priority_of(r.rank)];
    front = std::max(front, r.rank);
  }
  r.charged_ = r.reserve;
  reserved_ += r.reserve;
  for (std::uint32_t i = 0; i < r.count; ++i) {
    stored_value& v = *r.inputs[i];
    if (v.where_ == disk) {
      v.where_ = loading;
      in_memory_ += v.bytes_;
      loading_bytes_ += v.bytes_;
      ++loads_;
      fetches_ += v.elsewhere_;
      then.loads.push_back(&v);
    }
    if (v.where_ == loading) {
      v.loads_for_.push_back(&r);
      ++r.loading_;
      r.fetching_ += v.elsewhere_;
    }
  }
  if (r.fetching_ != 0 && !r.lasting) ++fetching_;
  if (r.loading_ != 0) ++on_their_way_;
  peak_ = std::max(peak_, used());
  return true;
}

bool store::ask(memory_request& r) {
  after then;
  bool now = false, held = false;
  {
    std::lock_guard guard(lock_);
    held = hold();
    r.reserve = std::min(r.reserve, options_.budget);
    const balance b = balance_of(r);
    const bool missing = std::any_of(r.inputs, r.inputs + r.count, [](const stored_value* v) {
      return v->where_ != stored_value::place_of::memory && v->where_ != stored_value::place_of::writing;
    });
    // Not before those who wait, unless it brings no more than it takes away, or nothing at all.
    const bool may =
        waiting_.empty() || r.rank < waiting_.first().rank || b.taken <= b.freed || (r.over && r.over(r));
    if (r.state_ == memory_request::state::withdrawn) {
      r.error = std::make_exception_ptr(cancelled());
      r.count = 0;
      now = true;
    } else if (!held && missing) {
      r.error = std::make_exception_ptr(misuse("weft: this value was on the disk when its client ended"));
      r.count = 0;
      now = true;
    } else if (may && admit(r, then)) {
      r.state_ = memory_request::state::granted;
      now = r.loading_ == 0;
      if (!now) ++count_.waits;
    } else {
      ++count_.waits;
      r.state_ = memory_request::state::waiting;
      waiting_.insert(r);
    }
    if (held) watch(then);
  }
  if (held) {
    look();
    run(then, true);
  }
  return now;
}

void store::finish(memory_request& r) noexcept {
  after then;
  bool held = false;
  {
    std::lock_guard guard(lock_);
    if (r.state_ != memory_request::state::granted) return;
    give_back(r);
    held = hold();
    if (held) poll(then);
  }
  if (held) run(then, true);
}

bool store::may_take(const stored_value& v) noexcept {
  std::lock_guard guard(lock_);
  return v.pins_ == 1 && v.where_ == stored_value::place_of::memory;
}

bool store::take(stored_value& v, memory_request& r) noexcept {
  after then;
  bool held = false;
  {
    std::lock_guard guard(lock_);
    if (r.state_ != memory_request::state::granted || v.pins_ != 1 || v.where_ != stored_value::place_of::memory)
      return false;
    r.taken_ += v.bytes_;
    const std::uint64_t more = r.taken_ - std::min(r.taken_, r.charged_);
    in_memory_ -= v.bytes_;
    reserved_ += more;
    r.charged_ += more;
    v.bytes_ = 0;
    v.unspillable_ = true;  // there is nothing left to write
    held = hold();
    if (held) poll(then);
  }
  if (held) run(then, true);
  return true;
}

void store::give_back(memory_request& r) noexcept {
  for (std::uint32_t i = 0; i < r.count; ++i) {
    remove_use(*r.inputs[i], r.rank);
    unpin(*r.inputs[i]);
  }
  reserved_ -= r.charged_;
  if (r.lasting) return;
  ++changes_;
  if (r.waits_ != 0) return;
  --granted_;
  if (r.left_) --outside_;
}

void store::stop_waiting(memory_request& r) noexcept {
  after then;
  bool held = false;
  {
    std::lock_guard guard(lock_);
    if (r.state_ != memory_request::state::waiting || !(held = hold())) return;
    if (admit(r, then)) grant(r, then);
    poll(then);
  }
  run(then, true);
}

bool store::withdraw(memory_request& r) noexcept {
  after then;
  bool held = false;
  {
    std::lock_guard guard(lock_);
    const auto before = std::exchange(r.state_, memory_request::state::withdrawn);
    if (before == memory_request::state::waiting) {
      waiting_.remove(r);
    } else if (before == memory_request::state::granted && r.loading_ != 0) {
      for (std::uint32_t i = 0; i < r.count; ++i) std::erase(r.inputs[i]->loads_for_, &r);
      --on_their_way_;
      if (std::exchange(r.fetching_, 0) != 0 && !r.lasting) --fetching_;
      give_back(r);
    } else {
      if (before != memory_request::state::made) r.state_ = before;  // it has what it asked for
      return false;
    }
    r.error = std::make_exception_ptr(cancelled());
    held = hold();
    if (held) poll(then);
  }
  if (held) run(then, true);
  return true;
}

void store::begins_to_wait(memory_request& r) noexcept {
  after then;
  {
    std::lock_guard guard(lock_);
    if (r.waits_++ != 0) return;
    ++changes_;
    --granted_;
    if (r.left_) --outside_;
    poll(then);
  }
  run(then, false);
}

void store::goes_on(memory_request& r) noexcept {
  after then;
  {
    std::lock_guard guard(lock_);
    if (--r.waits_ != 0) return;
    ++changes_;
    ++granted_;
    if (r.left_) ++outside_;
    watch(then);
  }
  run(then, false);
}

void store::left(memory_request& r) noexcept {
  after then;
  {
    std::lock_guard guard(lock_);
    r.left_ = true;
    if (r.waits_ != 0) return;
    ++changes_;
    ++outside_;
    watch(then);
  }
  run(then, false);
}

/// Lets one request go on, past the budget if need be, each time that nothing but waits for what is outside was under
/// way for as long as the store has patience. There is one of these while requests wait, from the first such moment,
/// or since the process takes too much memory: then it looks whether that has changed.
task<> store::wait_out(stop_source over) {
  const auto wait = [](std::chrono::nanoseconds time) -> task<> { co_await sleep_for(time); };
  std::uint64_t seen = 0;
  std::chrono::nanoseconds quiet{0}, nap{0};
  for (;;) {
    look();
    after then;
    {
      std::lock_guard guard(lock_);
      if (!waiting_out_ || &waiting_out_->state() != &over.state()) co_return;  // it was stopped
      quiet = seen == changes_ && stalled() ? quiet + nap : std::chrono::nanoseconds(0);
      if (quiet >= options_.patience && grant_first(then, true)) {
        log_once("outside",
                 "tasks that hold memory wait for something outside, while others wait for the memory: some "
                 "of these begin beyond the budget");
        quiet = std::chrono::nanoseconds(0);
        watch(then);
      }
      seen = changes_;
      nap = paused() ? std::min(options_.patience, options_.resident.interval) : options_.patience;
    }
    run(then, false);
    try {
      co_await with_stop(over, wait(nap));
    } catch (const cancelled&) { co_return; }
  }
}

/// One of those that wait, which has been admitted.
void store::grant(memory_request& r, after& then) {
  waiting_.remove(r);
  r.state_ = memory_request::state::granted;
  if (r.loading_ == 0) then.granted.push_back(&r);
}

/// The first of those that wait. False: it must wait on.
bool store::grant_first(after& then, bool beyond) {
  memory_request& r = waiting_.first();
  if (!admit(r, then, beyond)) return false;
  grant(r, then);
  return true;
}

/// While the process takes too much memory: of the others that wait those that make it less.
void store::grant_what_frees(after& then) {
  std::array<memory_request*, 64> looked_at;
  std::size_t n = 0;
  for (; n < looked_at.size() && n + 1 < waiting_.size(); ++n) looked_at[n] = &waiting_.at(n + 1);
  for (memory_request* r : std::span(looked_at).first(n))
    if (balance_of(*r).freed != 0 && admit(*r, then)) grant(*r, then);
}

/// Something has changed: grants what can be granted, the first of those that wait before the others.
void store::poll(after& then) {
  while (!waiting_.empty()) {
    deficit_ = 0;
    if (!grant_first(then)) break;
  }
  if (paused()) grant_what_frees(then);
  if (waiting_.empty()) deficit_ = 0;
  watch(then);
}

/// Looks whether memory is getting short, and starts to write before it is.
void store::watch(after& then) {
  peak_ = std::max(peak_, used());
  tight_.store(used() > budget_ / 2 || !waiting_.empty() || paused(), std::memory_order_relaxed);
  if (waiting_.empty()) {
    if (waiting_out_) then.hush = std::exchange(waiting_out_, std::nullopt);
  } else if (!waiting_out_ && (stalled() || paused())) {
    then.wait_out = waiting_out_.emplace();
  }
  if (retired_ || disk_error_ || dirty_.empty() || writers_ >= writer_limit_) return;
  const std::uint64_t ready = clean_bytes_ + writing_bytes_;
  const std::uint64_t ahead = std::min(budget_ / 8, std::uint64_t{256} << 20);
  const bool short_of = used() + ahead > budget_ && ready < ahead;
  const bool wanted = deficit_ != 0 && used() + deficit_ > budget_ + writing_bytes_;
  const bool sheds = to_shed_ > writing_bytes_;
  if (!short_of && !wanted && !sheds) return;
  ++writers_;
  ++then.writers;
}

/// `held`: the owner was held for this, and is let go at its end. The store may be gone afterwards.
void store::run(after& then, bool held) {
  const host h = host_;
  for (stored_value* v : then.loads) h.spawn(h.context, load(*v));
  for (unsigned i = 0; i < then.writers; ++i) h.spawn(h.context, write_behind());
  if (then.wait_out) h.spawn(h.context, wait_out(*then.wait_out));
  if (then.hush) then.hush->request_stop();
  for (memory_request* r : then.granted) r->granted(*r);
  for (stored_value* v : then.orphans) {
    v->does_->let_go(v->owner_);
    delete v;
  }
  if (held) h.let_go(h.context);
}

}  // namespace weft::detail
