#include "spill/store.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/log.hpp"
#include "weft/blocking.hpp"
#include "weft/errors.hpp"

namespace weft::detail {

namespace {

constexpr std::uint64_t no_use = ~std::uint64_t{0};
constexpr std::uint64_t least_ahead_bytes = std::uint64_t{8} << 20;
constexpr std::uint64_t batch_bytes = std::uint64_t{8} << 20;

bool later(const memory_request* a, const memory_request* b) noexcept { return a->rank > b->rank; }

// A record is: the size of the message, the number of attachments, their sizes, the message, the attachments.
struct record_of {
  explicit record_of(stored_value& v) : value(&v) {}
  stored_value* value;
  encoder message;
  std::vector<std::uint64_t> header;
  std::vector<std::span<const std::byte>> pieces;
  bool encoded = false;

  void lay_out() {
    header = {message.message().size(), message.attachments().size()};
    for (const auto& a : message.attachments()) header.push_back(a.size());
    pieces.push_back(std::as_bytes(std::span(header)));
    pieces.push_back(message.message());
    pieces.insert(pieces.end(), message.attachments().begin(), message.attachments().end());
    encoded = true;
  }
};

std::span<const std::byte> cut(std::span<const std::byte>& rest, std::uint64_t bytes) {
  if (bytes > rest.size()) throw spill_corrupt("weft: a spilled value ends before it should");
  const auto front = rest.first(bytes);
  rest = rest.subspan(bytes);
  return front;
}

std::uint64_t cut_number(std::span<const std::byte>& rest) {
  std::uint64_t n = 0;
  std::memcpy(&n, cut(rest, sizeof n).data(), sizeof n);
  return n;
}

void restore_from(std::span<const std::byte> record, const stored_value::operations& does, void* owner) {
  const std::uint64_t message_bytes = cut_number(record), count = cut_number(record);
  if (count > record.size() / sizeof(std::uint64_t)) throw spill_corrupt("weft: a spilled value has a broken header");
  std::vector<std::uint64_t> sizes(count);
  for (std::uint64_t& s : sizes) s = cut_number(record);
  const auto message = cut(record, message_bytes);
  std::vector<std::span<const std::byte>> attachments;
  attachments.reserve(count);
  for (const std::uint64_t s : sizes) attachments.push_back(cut(record, s));
  decoder d(message, attachments);
  does.restore(owner, d);
  d.finish();
}

}  // namespace

store::store(store_options options, host h) : options_(std::move(options)), host_(h) {
  if (options_.budget == 0) throw misuse("weft: the memory budget is 0: give it some bytes");
}

store::~store() = default;

// ---- values ----------------------------------------------------------------------------------------------------

void store::set_next_use(stored_value& v) noexcept {
  if (options_.least_recently_used)
    v.next_use = 0;
  else
    v.next_use = v.first_use_ == v.uses_.size() ? no_use : v.uses_[v.first_use_];
}

/// Into the index it belongs to, if it may be evicted.
void store::index(stored_value& v) {
  if (v.where_ != stored_value::place_of::memory || v.pins_ != 0 || (v.unspillable_ && !v.on_disk_)) return;
  (v.on_disk_ ? clean_ : dirty_).insert(v);
  if (v.on_disk_) clean_bytes_ += v.bytes_;
}

void store::unindex(stored_value& v) noexcept {
  if (v.place == evictable::nowhere) return;
  (v.on_disk_ ? clean_ : dirty_).remove(v);
  if (v.on_disk_) clean_bytes_ -= v.bytes_;
}

void store::pin(stored_value& v) noexcept {
  unindex(v);
  ++v.pins_;
}

void store::unpin(stored_value& v) {
  if (--v.pins_ != 0) return;
  if (options_.least_recently_used) v.age = ++ages_;
  index(v);
}

/// From memory; it is on the disk.
void store::drop(stored_value& v) noexcept {
  unindex(v);
  v.does_->drop(v.owner_);
  v.where_ = stored_value::place_of::disk;
  in_memory_ -= v.bytes_;
}

void store::forget(stored_value& v) noexcept {
  if (v.on_disk_) {
    if (files_) files_->release(v.at_);
    disk_error_ = nullptr;  // there is room again
    ++releases_;
  }
  --values_;
}

stored_value* store::insert(void* owner, const stored_value::operations& does, std::uint64_t bytes,
                            memory_request* made_by) {
  auto* v = new stored_value;
  v->home_ = this;
  v->owner_ = owner;
  v->does_ = &does;
  v->bytes_ = bytes;
  v->pins_ = 1;
  std::lock_guard guard(lock_);
  v->age = ++ages_;
  if (made_by) {
    const std::uint64_t kept = std::min(made_by->charged_, bytes);
    made_by->charged_ -= kept;
    reserved_ -= kept;
  }
  in_memory_ += bytes;
  peak_ = std::max(peak_, used());
  ++values_;
  return v;
}

void store::publish(stored_value& v, std::vector<std::uint64_t> uses) {
  std::sort(uses.begin(), uses.end());
  after then;
  {
    std::lock_guard guard(lock_);
    v.uses_.insert(v.uses_.end(), uses.begin(), uses.end());
    if (v.uses_.size() != uses.size()) std::sort(v.uses_.begin(), v.uses_.end());
    set_next_use(v);
    unpin(v);
    watch(then);
  }
  run(then, false);
}

/// Whether the owner is there, and stays: for what may be called when it is ending.
bool store::hold() noexcept { return !retired_ && host_.hold(host_.context); }

bool store::erase(stored_value* v) noexcept {
  store& s = *v->home_;
  after then;
  bool last = false, held = false;
  {
    std::lock_guard guard(s.lock_);
    if (v->where_ == stored_value::place_of::writing || v->where_ == stored_value::place_of::loading) {
      v->doomed_ = true;
      return false;
    }
    s.unindex(*v);
    if (v->where_ == stored_value::place_of::memory) s.in_memory_ -= v->bytes_;
    s.forget(*v);
    held = s.hold();
    if (held) s.poll(then);
    last = s.retired_ && s.values_ == 0;
  }
  delete v;
  if (held) s.run(then, true);
  if (last) delete &s;
  return true;
}

void store::retire() noexcept {
  bool last = false;
  std::unique_ptr<segment_store> files;
  std::unique_ptr<scratch_directory> directory;
  {
    std::lock_guard guard(lock_);
    retired_ = true;
    last = values_ == 0;
    directory = std::move(directory_);
    files = std::move(files_);
  }
  // From here on the last value that is erased takes the store with it.
  files.reset();
  directory.reset();
  if (last) delete this;
}

void store::add_use(stored_value& v, std::uint64_t rank) {
  std::lock_guard guard(lock_);
  if (v.uses_.empty() || rank >= v.uses_.back())
    v.uses_.push_back(rank);
  else
    v.uses_.insert(std::upper_bound(v.uses_.begin() + static_cast<std::ptrdiff_t>(v.first_use_), v.uses_.end(), rank),
                   rank);
  set_next_use(v);
  if (v.place != evictable::nowhere) (v.on_disk_ ? clean_ : dirty_).update(v);
}

void store::drop_use(stored_value& v, std::uint64_t rank) noexcept {
  std::lock_guard guard(lock_);
  remove_use(v, rank);
}

/// Nearly always that of the first: tasks run by their ranks.
void store::remove_use(stored_value& v, std::uint64_t rank) noexcept {
  const auto begin = v.uses_.begin() + static_cast<std::ptrdiff_t>(v.first_use_);
  const auto at = std::lower_bound(begin, v.uses_.end(), rank);
  if (at == v.uses_.end() || *at != rank) return;
  if (at == begin) {
    if (++v.first_use_ * 2 > v.uses_.size()) {
      v.uses_.erase(v.uses_.begin(), v.uses_.begin() + static_cast<std::ptrdiff_t>(v.first_use_));
      v.first_use_ = 0;
    }
  } else {
    v.uses_.erase(at);
  }
  set_next_use(v);
  if (v.place != evictable::nowhere) (v.on_disk_ ? clean_ : dirty_).update(v);
}

// ---- requests --------------------------------------------------------------------------------------------------

/// Which of the two candidates should leave: the one whose next use is further away, where one that must be written
/// first counts half as far, since it costs two transfers and the other one.
bool store::clean_goes_first() const noexcept {
  if (clean_.empty()) return false;
  if (dirty_.empty() || disk_error_ || options_.least_recently_used) return true;
  const std::uint64_t clean = clean_.first().next_use, dirty = dirty_.first().next_use;
  if (clean >= dirty) return true;
  if (dirty == no_use) return false;
  const std::uint64_t to_clean = clean > front_ ? clean - front_ : 0, to_dirty = dirty > front_ ? dirty - front_ : 0;
  return to_clean != 0 && to_clean >= to_dirty - to_dirty / 2;  // what is due now stays
}

/// Drops what is on the disk too until there is room for so many bytes more.
bool store::make_room(std::uint64_t need) noexcept {
  while (used() + need > options_.budget) {
    if (!clean_goes_first()) return false;
    drop(static_cast<stored_value&>(clean_.first()));
  }
  return true;
}

/// Nothing goes on that may bring more room than there is.
bool store::nothing_under_way() const noexcept {
  return granted_ == 0 && writers_ == 0 && loads_ == 0 && (dirty_.empty() || disk_error_) && clean_.empty();
}

/// Grants the request if it can be. `then` learns of loads that it needs.
bool store::admit(memory_request& r, after& then) {
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
  const auto back_out = [&] {
    for (std::uint32_t i = 0; i < r.count; ++i) unpin(*r.inputs[i]);
  };
  if (!r.error) {
    // What is on its way takes room that nothing uses yet.
    const bool too_many = missing != 0 && on_their_way_ != 0 &&
                          (on_their_way_ >= options_.ahead ||
                           loading_bytes_ + missing > std::max(options_.budget / 64, least_ahead_bytes));
    const std::uint64_t need = missing + r.reserve;
    bool fits = !busy && !too_many && (need == 0 || make_room(need));
    if (!fits && !busy && !too_many && nothing_under_way()) {
      // It will not get better: past the budget, or, where that is the disk's fault, not at all.
      if (disk_error_ && used() + need > options_.budget)
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
  if (!r.lasting) ++granted_;
  front_ = std::max(front_, r.rank);
  r.loading_ = 0;
  r.charged_ = 0;
  if (r.error) return true;
  r.charged_ = r.reserve;
  reserved_ += r.reserve;
  for (std::uint32_t i = 0; i < r.count; ++i) {
    stored_value& v = *r.inputs[i];
    if (v.where_ == disk) {
      v.where_ = loading;
      in_memory_ += v.bytes_;
      loading_bytes_ += v.bytes_;
      ++loads_;
      then.loads.push_back(&v);
    }
    if (v.where_ == loading) {
      v.loads_for_.push_back(&r);
      ++r.loading_;
    }
  }
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
    // Not before those who wait, unless it brings no more than it takes away.
    std::uint64_t freed = 0, missing = 0;
    for (std::uint32_t i = 0; i < r.count; ++i) {
      const stored_value& v = *r.inputs[i];
      const bool there = v.where_ == stored_value::place_of::memory;
      if (there && v.first_use_ + 1 == v.uses_.size()) freed += v.bytes_;
      if (!there) missing += v.bytes_;
    }
    const bool may = waiting_.empty() || r.rank < waiting_.front()->rank || missing + r.reserve <= freed;
    if (r.state_ == memory_request::state::withdrawn) {
      r.error = std::make_exception_ptr(cancelled());
      r.count = 0;
      now = true;
    } else if (!held && missing != 0) {
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
      waiting_.push_back(&r);
      std::push_heap(waiting_.begin(), waiting_.end(), later);
    }
    if (held) watch(then);
  }
  if (held) run(then, true);
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

void store::give_back(memory_request& r) noexcept {
  for (std::uint32_t i = 0; i < r.count; ++i) {
    remove_use(*r.inputs[i], r.rank);
    unpin(*r.inputs[i]);
  }
  reserved_ -= r.charged_;
  if (!r.aside_ && !r.lasting) --granted_;
}

bool store::withdraw(memory_request& r) noexcept {
  after then;
  bool held = false;
  {
    std::lock_guard guard(lock_);
    const auto before = std::exchange(r.state_, memory_request::state::withdrawn);
    if (before == memory_request::state::waiting) {
      std::erase(waiting_, &r);
      std::make_heap(waiting_.begin(), waiting_.end(), later);
    } else if (before == memory_request::state::granted && r.loading_ != 0) {
      for (std::uint32_t i = 0; i < r.count; ++i) std::erase(r.inputs[i]->loads_for_, &r);
      --on_their_way_;
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

void store::step_aside(memory_request& r) noexcept {
  after then;
  {
    std::lock_guard guard(lock_);
    r.aside_ = true;
    if (!r.lasting) --granted_;
    poll(then);
  }
  run(then, false);
}

/// Something has changed: grants what can be granted, the first of those that wait before the others.
void store::poll(after& then) {
  while (!waiting_.empty()) {
    deficit_ = 0;
    memory_request* r = waiting_.front();
    if (!admit(*r, then)) break;
    r->state_ = memory_request::state::granted;
    std::pop_heap(waiting_.begin(), waiting_.end(), later);
    waiting_.pop_back();
    if (r->loading_ == 0) then.granted.push_back(r);
  }
  if (waiting_.empty()) deficit_ = 0;
  watch(then);
}

/// Looks whether memory is getting short, and starts to write before it is.
void store::watch(after& then) {
  peak_ = std::max(peak_, used());
  tight_.store(used() > options_.budget / 2 || !waiting_.empty(), std::memory_order_relaxed);
  if (retired_ || disk_error_ || dirty_.empty() || writers_ >= writer_limit_) return;
  const std::uint64_t ready = clean_bytes_ + writing_bytes_;
  const std::uint64_t ahead = std::min(options_.budget / 8, std::uint64_t{256} << 20);
  const bool short_of = used() + ahead > options_.budget && ready < ahead;
  const bool wanted = deficit_ != 0 && used() + deficit_ > options_.budget + writing_bytes_;
  if (!short_of && !wanted) return;
  ++writers_;
  ++then.writers;
}

/// `held`: the owner was held for this, and is let go at its end. The store may be gone afterwards.
void store::run(after& then, bool held) {
  const host h = host_;
  for (stored_value* v : then.loads) h.spawn(h.context, load(*v));
  for (unsigned i = 0; i < then.writers; ++i) h.spawn(h.context, write_behind());
  for (memory_request* r : then.granted) r->granted(*r);
  for (stored_value* v : then.orphans) {
    v->does_->let_go(v->owner_);
    delete v;
  }
  if (held) h.let_go(h.context);
}

store_counters store::counters() const {
  std::lock_guard guard(lock_);
  store_counters c = count_;
  c.in_memory = in_memory_;
  c.reserved = reserved_;
  c.peak = peak_;
  c.values = values_;
  return c;
}

spill_counters store::disk() const {
  std::lock_guard guard(lock_);
  return files_ ? files_->counters() : spill_counters{};
}

// ---- work on the disk ------------------------------------------------------------------------------------------

task<segment_store*> store::files() {
  auto making = co_await making_files_.lock();
  if (!files_) {
    spill_file_options o = options_.files;
    if (options_.own_directory) {
      // Named, and by reference: g++ 12 destroys captures twice in the expression of a co_await.
      auto make = [&o] { return std::make_unique<scratch_directory>(o.directory); };
      auto made = co_await blocking(make);
      o.directory = made->path();
      directory_ = std::move(made);
    }
    auto opened = std::make_unique<segment_store>(std::move(o));
    std::lock_guard guard(lock_);
    files_ = std::move(opened);
  }
  co_return files_.get();
}

/// Those whose next use is furthest, a batch of them; under the lock.
std::vector<stored_value*> store::choose_victims() {
  std::vector<stored_value*> victims;
  std::uint64_t bytes = 0;
  while (!dirty_.empty() && victims.size() < batch_limit_) {
    auto& v = static_cast<stored_value&>(dirty_.first());
    if (!victims.empty() && bytes + v.bytes_ > batch_bytes) break;
    pin(v);
    v.where_ = stored_value::place_of::writing;
    bytes += v.bytes_;
    victims.push_back(&v);
  }
  writing_bytes_ += bytes;
  return victims;
}

/// Writes one batch; what is to be written after it, watch() says.
task<> store::write_behind() {
  std::vector<stored_value*> victims;
  std::uint64_t releases_before = 0;
  {
    std::lock_guard guard(lock_);
    victims = choose_victims();
    releases_before = releases_;
  }
  std::vector<record_of> records;
  records.reserve(victims.size());
  std::vector<spill_record> batch;
  std::exception_ptr error;
  try {
    for (stored_value* v : victims) {
      record_of& r = records.emplace_back(*v);
      try {
        v->does_->encode(v->owner_, r.message);
        r.lay_out();
      } catch (const std::exception& e) {  // it stays in memory
        log_once("unspillable", std::string("a value could not be encoded, and stays in memory: ") + e.what());
        v->unspillable_ = true;
        continue;
      } catch (...) {
        v->unspillable_ = true;
        continue;
      }
      spill_record& s = batch.emplace_back();
      s.pieces = r.pieces;
    }
    if (!batch.empty()) {
      segment_store* disk = co_await files();
      co_await disk->write(batch);
    }
  } catch (...) { error = std::current_exception(); }

  after then;
  {
    std::lock_guard guard(lock_);
    auto written = batch.begin();
    for (std::size_t i = 0; i < victims.size(); ++i) {
      stored_value& v = *victims[i];
      v.where_ = stored_value::place_of::memory;
      writing_bytes_ -= v.bytes_;
      if (!error && i < records.size() && records[i].encoded) {
        v.at_ = (written++)->where;
        v.on_disk_ = true;
        ++count_.spilled;
        count_.spilled_bytes += v.bytes_;
      }
      if (v.doomed_) {
        in_memory_ -= v.bytes_;
        forget(v);
        then.orphans.push_back(&v);
      } else {
        unpin(v);
      }
    }
    if (!error) {
      batch_limit_ = std::min(batch_limit_ * 2, most_in_batch);
      writer_limit_ = most_writers;
      disk_error_ = nullptr;
    } else if (batch.size() > 1) {
      batch_limit_ = batch.size() / 2;  // a batch is written whole or not at all: a smaller one may fit
    } else if (writers_ == 1 && releases_ == releases_before) {
      disk_error_ = error;  // otherwise it is worth another try: some other's room may have been what was lacking
    }
    if (error) writer_limit_ = 1;
    --writers_;
    poll(then);
  }
  run(then, false);
}

task<> store::load(stored_value& v) {
  std::exception_ptr error;
  bool broken = false;
  try {
    segment_store* disk = co_await files();
    const spilled record = co_await disk->read(v.at_);
    restore_from(record.bytes(), *v.does_, v.owner_);
  } catch (const spill_corrupt&) {
    error = std::current_exception();
    broken = true;
  } catch (const codec_error&) {
    error = std::current_exception();
    broken = true;
  } catch (...) { error = std::current_exception(); }
  const bool remade = error && v.does_->remake(v.owner_);
  if (remade) error = nullptr;

  after then;
  {
    std::lock_guard guard(lock_);
    if (remade) {
      files_->release(v.at_);
      ++releases_;
      v.on_disk_ = false;
      ++count_.remade;
    }
    --loads_;
    loading_bytes_ -= v.bytes_;
    if (error) {
      in_memory_ -= v.bytes_;
      v.where_ = broken ? stored_value::place_of::lost : stored_value::place_of::disk;
      if (broken) v.error_ = error;
    } else {
      v.where_ = stored_value::place_of::memory;
      if (!remade) {
        ++count_.reloaded;
        count_.reloaded_bytes += v.bytes_;
      }
    }
    for (memory_request* r : std::exchange(v.loads_for_, {})) {
      if (error && !r->error) r->error = error;
      if (--r->loading_ != 0) continue;
      --on_their_way_;
      then.granted.push_back(r);
    }
    if (v.doomed_) {
      if (v.where_ == stored_value::place_of::memory) in_memory_ -= v.bytes_;
      forget(v);
      then.orphans.push_back(&v);
    } else if (v.pins_ == 0) {
      index(v);
    }
    poll(then);
  }
  run(then, false);
}

}  // namespace weft::detail
