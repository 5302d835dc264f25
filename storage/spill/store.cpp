// The values that a store looks after: they come, are used, and go. Who gets memory for them is in
// store_requests.cpp, how they get to the disk and back in store_transfers.cpp.
#include "spill/store.hpp"

#include <algorithm>
#include <utility>

#include "weft/errors.hpp"

namespace weft::detail {

store::store(store_options options, host h) : options_(std::move(options)), host_(h), budget_(options_.budget) {
  if (options_.budget == 0) throw misuse("weft: the memory budget is 0: give it some bytes");
}

store::~store() = default;

void store::set_next_use(stored_value& v) noexcept {
  if (options_.least_recently_used)
    v.next_use = 0;
  else
    v.next_use = v.first_use_ == v.uses_.size() ? stored_value::no_use : v.uses_[v.first_use_];
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
  to_shed_ -= std::min(to_shed_, v.bytes_);
}

void store::forget(stored_value& v) noexcept {
  if (v.on_disk_ && !v.elsewhere_) {
    if (files_) files_->release(v.at_);
    disk_error_ = nullptr;  // there is room again
    ++releases_;
  }
  --values_;
}

stored_value* store::insert(void* owner, const stored_value::operations& does, std::uint64_t bytes,
                            memory_request* made_by) {
  look();
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

stored_value* store::insert_elsewhere(void* owner, const stored_value::operations& does, std::uint64_t bytes) {
  auto* v = new stored_value;
  v->home_ = this;
  v->owner_ = owner;
  v->does_ = &does;
  v->bytes_ = bytes;
  v->where_ = stored_value::place_of::disk;
  v->on_disk_ = v->elsewhere_ = true;
  v->pins_ = 1;
  std::lock_guard guard(lock_);
  v->age = ++ages_;
  ++values_;
  return v;
}

stored_value* store::insert_coming(void* owner, const stored_value::operations& does, std::uint64_t bytes) {
  stored_value* const v = insert(owner, does, bytes, nullptr);
  after then;
  bool held = false;
  {
    std::lock_guard guard(lock_);
    make_room(0);
    if ((held = hold())) poll(then);
  }
  if (held) run(then, true);
  return v;
}

void store::resize(stored_value& v, std::uint64_t bytes) noexcept {
  std::lock_guard guard(lock_);
  in_memory_ += bytes - v.bytes_;
  v.bytes_ = bytes;
  peak_ = std::max(peak_, used());
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
    if (v->where_ == stored_value::place_of::memory) {
      s.in_memory_ -= v->bytes_;
      s.to_shed_ -= std::min(s.to_shed_, v->bytes_);
    }
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

}  // namespace weft::detail
