#include "spill/space.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/log.hpp"
#include "weft/stop.hpp"

namespace weft::detail {

namespace {

constexpr std::size_t segments_of_a_size = 128;
constexpr unsigned most_doublings = 10;

/// After an error that will be thrown: what fails here leaves an allocated file, which the next segment takes over.
task<> empty_if_possible(file& f) {
  try {
    co_await f.truncate(0);
  } catch (const std::system_error&) {}
}

}  // namespace

bool no_space(const std::system_error& e) noexcept {
  return e.code().value() == ENOSPC || e.code().value() == EDQUOT;
}

// ---- blocks: all under the lock ------------------------------------------------------------------------

std::optional<segment_space::room> segment_space::take_from(segment& s, std::uint32_t want,
                                                            std::uint32_t least) noexcept {
  const std::optional<block_run> run = s.blocks.take(want, least);
  if (!run) return std::nullopt;
  used_blocks_ += run->count;
  return std::optional<room>(std::in_place, *this, s, *run);
}

/// Of the current segment or of a free one; of any when more than half of the disk's blocks are free, so that a few
/// old records in each segment do not make it grow for ever.
std::optional<segment_space::room> segment_space::take_ready(std::uint32_t want) noexcept {
  if (current_)
    if (auto r = take_from(*current_, want, want)) return r;
  for (const auto& s : segments_)
    if (s->ready && s->blocks.used() == 0 && s->blocks.size() >= want) {
      current_ = s.get();
      return take_from(*s, want, want);
    }
  if (2 * used_blocks_ * block_bytes >= on_disk_) return std::nullopt;
  return take_hole(want, want);
}

std::optional<segment_space::room> segment_space::take_hole(std::uint32_t want, std::uint32_t least) noexcept {
  segment* best = nullptr;
  for (const auto& s : segments_) {
    if (!s->ready || s->blocks.longest() < least) continue;
    if (s->blocks.longest() >= want)
      if (auto r = take_from(*s, want, want)) return r;
    // longest() is exact now, or was small enough anyhow
    if (s->blocks.longest() >= least && (!best || s->blocks.longest() > best->blocks.longest())) best = s.get();
  }
  return best ? take_from(*best, want, least) : std::nullopt;
}

/// 0: the capacity leaves no room for a segment of `least` blocks.
std::uint64_t segment_space::next_segment_bytes(std::uint32_t least) const noexcept {
  const auto doublings = std::min<std::size_t>(segments_.size() / segments_of_a_size, most_doublings);
  std::uint64_t bytes = (options_.segment_bytes << doublings) / block_bytes * block_bytes;
  if (options_.capacity != 0) {
    const std::uint64_t left = options_.capacity > on_disk_ ? options_.capacity - on_disk_ : 0;
    bytes = std::min(bytes, left / block_bytes * block_bytes);
  }
  return bytes >= std::max<std::uint64_t>(least, 1) * block_bytes ? bytes : 0;
}

bool segment_space::give_back(std::uint32_t index, block_run run) noexcept {
  std::lock_guard guard(lock_);
  if (index >= segments_.size()) return false;
  block_table& blocks = segments_[index]->blocks;
  const std::uint32_t before = blocks.used();
  const bool held = blocks.give_back(run);
  used_blocks_ -= before - blocks.used();
  return held;
}

void segment_space::hand_over(std::uint32_t index, block_run run, std::span<const block_run> records) noexcept {
  {
    std::lock_guard guard(lock_);
    for (const block_run& r : records) segments_[index]->blocks.hold(r);
  }
  give_back(index, run);
}

segment* segment_space::of(std::uint32_t index, block_run run) const noexcept {
  std::lock_guard guard(lock_);
  if (index >= segments_.size() || !segments_[index]->blocks.held(run)) return nullptr;
  return segments_[index].get();
}

segment_space::counts segment_space::count() const noexcept {
  std::lock_guard guard(lock_);
  counts c;
  c.used = used_blocks_ * block_bytes;
  c.on_disk = on_disk_;
  for (const auto& s : segments_) {
    if (!s->ready) continue;
    ++c.segments;
    if (s->blocks.used() == 0 && s.get() != current_) ++c.free_segments;
  }
  return c;
}

std::string segment_space::full_message() const {
  const counts c = count();
  bool disk_full = false;
  {
    std::lock_guard guard(lock_);
    disk_full = disk_full_ || options_.capacity == 0;
  }
  return "weft: spill directory " + options_.directory + " is full (" + std::to_string(c.used) + " bytes used, " +
         std::to_string(c.on_disk) + " on disk" +
         (disk_full ? std::string(", which has no more") : " of " + std::to_string(options_.capacity)) +
         "): free space there, or set client_options.spill_directory (WEFT_SPILL)" +
         (disk_full ? "" : " or spill_capacity");
}

// ---- segments ------------------------------------------------------------------------------------------

task<std::optional<segment_space::room>> segment_space::take(std::uint32_t want, std::uint32_t least) {
  std::optional<room> found;
  bool low = false;
  {
    std::lock_guard guard(lock_);
    found = take_ready(want);
    low = found && runs_low(want);
  }
  if (found) {
    if (low && changing_.try_lock()) {
      const mutex::guard alone(changing_);
      co_await grow_ahead();
    }
    co_return found;
  }
  const mutex::guard alone = co_await changing_.lock();
  std::uint64_t bytes = 0;
  {
    std::lock_guard guard(lock_);
    if (auto r = take_ready(want)) co_return r;  // another has made a segment meanwhile
    bytes = next_segment_bytes(least);
  }
  if (bytes != 0) co_await grow(bytes);
  std::lock_guard guard(lock_);
  if (auto r = take_ready(want)) co_return r;
  co_return take_hole(want, least);
}

/// Under the lock: whether large writes will soon need a segment that is not there. Allocating one takes some
/// milliseconds; one writer sees to it while the others go on in the last quarter of this one.
bool segment_space::runs_low(std::uint32_t want) const noexcept {
  constexpr std::uint32_t large = 64;
  if (!ahead_ || want < large || !current_) return false;
  if (current_->blocks.size() - current_->blocks.used() > current_->blocks.size() / 4) return false;
  for (const auto& s : segments_)
    if (s->ready && s->blocks.used() == 0) return false;
  return true;
}

task<> segment_space::grow_ahead() {
  std::uint64_t bytes = 0;
  {
    std::lock_guard guard(lock_);
    if (runs_low(~std::uint32_t{0})) bytes = next_segment_bytes(current_->blocks.size());
  }
  if (bytes == 0) co_return;
  bool done = false;
  try {
    done = co_await grow(bytes);
  } catch (const std::system_error&) {}  // who needs the segment will be told
  if (done) co_return;
  std::lock_guard guard(lock_);
  ahead_ = false;
}

/// False: the disk is full.
task<bool> segment_space::grow(std::uint64_t bytes) {
  block_table blocks(static_cast<std::uint32_t>(bytes / block_bytes));
  segment* s = nullptr;
  {
    std::lock_guard guard(lock_);
    for (const auto& old : segments_)
      if (!old->ready) s = old.get();
    if (!s) {
      segments_.push_back(std::make_unique<segment>(static_cast<std::uint32_t>(segments_.size())));
      s = segments_.back().get();
    }
  }
  bool full = false;
  std::exception_ptr error;
  try {
    if (!s->data.is_open()) s->data = co_await open_next();
    if (preallocate_) co_await s->data.allocate(0, bytes);
  } catch (const std::system_error& e) {
    if (no_space(e)) {
      full = true;
    } else if (e.code().value() == EOPNOTSUPP && s->data.is_open()) {
      preallocate_ = false;
      log_once("spill allocate",
               "the file system of " + options_.directory +
                   " cannot allocate room for files ahead: spilling is slower, and may find it full");
    } else {
      error = std::current_exception();
    }
  } catch (...) { error = std::current_exception(); }
  if (full || error) {
    if (s->data.is_open()) co_await shield(empty_if_possible(s->data));
    if (error) std::rethrow_exception(error);
    std::lock_guard guard(lock_);
    disk_full_ = true;
    co_return false;
  }
  std::lock_guard guard(lock_);
  s->blocks = std::move(blocks);
  s->bytes = bytes;
  s->ready = true;
  on_disk_ += bytes;
  ahead_ = true;
  disk_full_ = false;
  if (!current_) current_ = s;
  co_return true;
}

/// A name is never used twice: an attempt that failed may have left a file.
task<file> segment_space::open_next() {
  const std::string path = options_.directory + "/segment-" + std::to_string(++names_);
  file_options o{.mode = access::read_write, .create = true, .exclusive = true, .registered = true};
  o.permissions = 0600;
  if (direct_) {
    o.direct = true;
    try {
      co_return co_await file::open(path, o);
    } catch (const std::system_error& e) {
      if (e.code().value() != EINVAL) throw;
    }
    direct_ = false;
    log_once("spill direct", "the file system of " + options_.directory +
                                 " refuses direct input and output: spilled data goes through the page cache");
    o.direct = false;
    o.exclusive = false;  // the refused attempt may have made it
  }
  co_return co_await file::open(path, o);
}

task<> segment_space::trim() {
  const mutex::guard alone = co_await changing_.lock();
  for (;;) {
    segment* s = nullptr;
    {
      std::lock_guard guard(lock_);
      unsigned free = 0;
      for (const auto& each : segments_)
        if (each->ready && each->blocks.used() == 0 && each.get() != current_ && ++free > options_.free_segments)
          s = each.get();
      if (!s) co_return;
      s->ready = false;  // nobody takes room in it, and nobody has any
    }
    std::exception_ptr error;
    try {
      co_await s->data.truncate(0);
    } catch (...) { error = std::current_exception(); }
    std::lock_guard guard(lock_);
    if (error) {
      s->ready = true;  // a shorter file does no harm: a write makes it longer
      std::rethrow_exception(error);
    }
    on_disk_ -= std::exchange(s->bytes, 0);
    s->blocks = block_table(0);
  }
}

}  // namespace weft::detail
