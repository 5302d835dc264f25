#pragma once

#include <optional>
#include <string>

#include "env/scratch.hpp"

namespace weft::detail {

/// The directory of this process for what need not outlive it: `UNDER/weft-spill-PID-xxxxxx`, made when this object
/// is, removed with all that is in it when this object ends. What processes that died have left in UNDER is removed
/// first.
///
/// A process lives while it holds the lock of the file `lock` in its directory: the system gives it back however the
/// process ends, and a process id that is used again deceives nobody. While it is made, until it is locked, and while
/// it goes, once its lock file has gone, a directory would look dead; so both happen, and the dead are looked for,
/// under one lock, `UNDER/weft-spill-UID.lock`. Who finds a dead one takes its lock there and then, and removes what
/// is in it when others may start again: that may take long.
class scratch_directory {
 public:
  /// Throws std::system_error. Blocks for a few system calls, and for the removal of what the dead have left: call
  /// it before the pool starts, or by weft::blocking.
  explicit scratch_directory(const std::string& under);
  scratch_directory(const scratch_directory&) = delete;
  scratch_directory& operator=(const scratch_directory&) = delete;
  ~scratch_directory();

  const std::string& path() const noexcept { return path_; }
  /// How many directories of dead processes were removed at the start.
  std::size_t removed() const noexcept { return removed_; }

 private:
  std::string under_, path_;
  std::optional<file_lock> lock_;
  std::size_t removed_ = 0;
};

}  // namespace weft::detail
