#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "weft/detail/schedule.hpp"

namespace weft::detail {

class file_service;

enum class file_action : std::uint8_t {
  open,
  read,
  write,
  read_vector,
  write_vector,
  sync,
  data_sync,
  allocate,
  truncate,
  size,
  close
};
inline constexpr unsigned file_actions = 11;

/// One operation on a file, from its start to its one completion. It lives in the operation that waits, which
/// fills in what the action needs; a work_item, so that a thread can be handed it as it is.
struct file_request : work_item {
  using function = void (*)(file_request&) noexcept;

  file_request(file_action what, function on_finished) noexcept;
  /// Before it is started.
  file_request(file_request&& o) noexcept;

  file_action action;
  bool stop_wanted = false;  // the service's, under its lock
  bool in_kernel = false;    // the service's, under its lock: submitted and not reaped
  blocking_place place = blocking_place::nowhere;  // where a thread carries it out
  int fd = -1;
  std::int32_t file_slot = -1;    // of a registered file; -1: not registered
  std::int32_t buffer_slot = -1;  // of a registered buffer
  void* address = nullptr;        // the buffer, the iovec array, or the path
  std::uint64_t length = 0;       // bytes, or entries of the iovec array; truncate and allocate: the size
  std::uint64_t offset = 0;
  int flags = 0;  // open(2)'s
  unsigned mode = 0;
  std::int64_t result = 0;  // what the system call gave, or -errno
  function finished;        // called once, on any thread, unless start_file_request() returned true
  /// The service's: where it is under way. Who stops it before it is anywhere puts the request's own address here.
  std::atomic<void*> owner{nullptr};
  file_request* next = nullptr;  // the service's
};

/// The files of a pool: its ring for each worker, or its fallback.
std::shared_ptr<file_service> file_service_of(pool_core& pool);

/// Starts it, on a worker of the service's pool. True: it is complete already, and `finished` is not called.
bool start_file_request(file_service& service, file_request& r);
/// Asks that it end soon; from any thread, while the request exists. It completes all the same, once.
void cancel_file_request(file_service& service, file_request& r) noexcept;

/// For the trace: the task that awaited it goes on.
void note_file_end(const file_request& r) noexcept;

/// Closes what nobody awaits the closing of: in destructors.
void close_file(file_service& service, int fd, std::int32_t slot) noexcept;

/// A slot for a file or for a buffer in every ring's table; -1 where there is none to be had.
std::int32_t claim_file_slot(file_service& service, int fd) noexcept;
std::int32_t claim_buffer_slot(file_service& service, void* memory, std::size_t size) noexcept;
void release_buffer_slot(file_service& service, std::int32_t slot) noexcept;

/// For a request whose result is an error: throws weft::cancelled if a stop ended it, else std::system_error, "weft:
/// cannot WHAT PATH: ...".
[[noreturn]] void throw_file_error(const file_request& r, const char* what, const std::string& path);

}  // namespace weft::detail
