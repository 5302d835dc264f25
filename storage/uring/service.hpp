#pragma once

#include "weft/detail/file_request.hpp"

namespace weft::detail {

/// Carries out the file requests of a pool. There are three: rings, threads, and the simulated disk.
class file_service {
 public:
  virtual ~file_service() = default;
  /// On a worker of its pool. True: complete already.
  virtual bool start(file_request& r) = 0;
  /// From any thread, while `r` exists.
  virtual void cancel(file_request& r) noexcept = 0;
  virtual void close(int fd, std::int32_t file_slot) noexcept = 0;
  virtual std::int32_t claim_file(int) noexcept { return -1; }
  virtual std::int32_t claim_buffer(void*, std::size_t) noexcept { return -1; }
  virtual void release_buffer(std::int32_t) noexcept {}
};

/// For start(): says where `r` is under way. False when it was stopped before: it is complete then.
bool claim(file_request& r, void* where) noexcept;
/// For cancel(): where it is under way; null when it is nowhere yet, and will not begin.
void* stop_before_start(file_request& r) noexcept;

/// Carries out a request by the system call that blocks.
std::int64_t perform(const file_request& r) noexcept;

/// For start(), before it touches its pool, which may have ended: throws misuse unless called on a worker of the pool
/// with that pool_core::id().
void require_pool(std::uint64_t id);

/// Makes `service` that of a pool which has none yet.
void adopt_file_service(pool_core& pool, std::shared_ptr<file_service> service);

/// On the pool's threads for blocking calls: where io_uring is refused.
std::shared_ptr<file_service> make_thread_service(pool_core& pool);
/// On a ring for each worker of the pool; null, with the reason in `why`, where the system refuses.
std::shared_ptr<file_service> make_ring_service(pool_core& pool, std::string& why);

}  // namespace weft::detail
