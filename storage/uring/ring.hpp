#pragma once

#include <liburing.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "env/poller.hpp"
#include "weft/detail/file_request.hpp"
#include "weft/detail/memory.hpp"

namespace weft::detail {

/// What is registered in the slots of a pool, for the rings to follow: a slot's generation changes when it is
/// given to another file or buffer, so that a ring sees at its next use that its own entry is old.
struct ring_slot {
  std::uint32_t generation = 0;  // even: free
  int fd = -1;
  void* memory = nullptr;
  std::size_t size = 0;
};

/// An io_uring of one worker. The worker submits to it; whoever sees its completions reaps them: the worker itself
/// between two tasks, or the worker that sleeps in the poller, which watches the ring's descriptor. So the
/// completions of a worker that runs a long task are not held up; and a lock, nearly never contended, guards both
/// ends. That is why the kernel's single-issuer modes are not asked for.
///
/// At most `depth` requests are in the kernel's hands, so that the completion queue cannot overflow; more wait here.
class ring final : public poller::watcher {
 public:
  static constexpr unsigned file_slots = 1024, buffer_slots = 256;

  /// Throws std::system_error where the kernel refuses.
  ring(unsigned depth, bool tables);
  ~ring();
  ring(const ring&) = delete;
  ring& operator=(const ring&) = delete;

  /// Submits `r`, whose slots are described by `file` and `buffer` where it has any. True when it completed at once.
  bool start(file_request& r, const ring_slot* file, const ring_slot* buffer);
  void cancel(file_request& r) noexcept;
  /// Reaps what has completed and makes its tasks runnable; returns whether there was any. Costs one load when
  /// there is none.
  bool reap() noexcept;
  /// Takes a file or a buffer out of the tables; the kernel holds them open, and pinned, until then.
  void forget_file(std::uint32_t slot) noexcept;
  void forget_buffer(std::uint32_t slot) noexcept;

  void ready(std::uint32_t) noexcept override { reap(); }
  int fd() const noexcept { return ring_.ring_fd; }

  /// Whether the kernel knows every operation that requests are made of; else which one it lacks.
  bool complete(std::string& missing) noexcept;

 private:
  void submit(file_request& r) noexcept;
  void enter() noexcept;
  file_request* collect() noexcept;
  bool register_file(std::uint32_t slot, const ring_slot& s) noexcept;
  bool register_buffer(std::uint32_t slot, const ring_slot& s) noexcept;

  short_lock lock_;
  io_uring ring_{};
  unsigned depth_;
  unsigned in_flight_ = 0;
  file_request* waiting_ = nullptr;  // first in, first out
  file_request** waiting_end_ = &waiting_;
  bool file_table_ = false, buffer_table_ = false;
  std::vector<std::uint32_t> file_generation_, buffer_generation_;  // what each slot holds here; 0: nothing
  std::vector<bool> buffer_refused_;                                // this generation could not be registered
};

}  // namespace weft::detail
