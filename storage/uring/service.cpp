// Which service a pool's files get, and the one on threads.
#include "uring/service.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <system_error>

#include "base/config.hpp"
#include "base/log.hpp"
#include "exec/blocking_threads.hpp"
#include "exec/pool_core.hpp"
#include "weft/errors.hpp"

namespace weft::detail {

std::int64_t perform(const file_request& r) noexcept {
  const auto offset = static_cast<off_t>(r.offset);
  const auto count = static_cast<int>(r.length);
  const auto answer = [](auto n) { return n < 0 ? -std::int64_t{errno} : static_cast<std::int64_t>(n); };
  switch (r.action) {
    case file_action::open:
      return answer(::open(static_cast<const char*>(r.address), r.flags, r.mode));
    case file_action::read:
      return answer(::pread(r.fd, r.address, r.length, offset));
    case file_action::write:
      return answer(::pwrite(r.fd, r.address, r.length, offset));
    case file_action::read_vector:
      return answer(::preadv(r.fd, static_cast<const iovec*>(r.address), count, offset));
    case file_action::write_vector:
      return answer(::pwritev(r.fd, static_cast<const iovec*>(r.address), count, offset));
    case file_action::sync:
      return answer(::fsync(r.fd));
    case file_action::data_sync:
      return answer(::fdatasync(r.fd));
    case file_action::allocate:
      return answer(::fallocate(r.fd, 0, offset, static_cast<off_t>(r.length)));
    case file_action::truncate:
      return answer(::ftruncate(r.fd, static_cast<off_t>(r.length)));
    case file_action::size: {
      struct stat s{};
      if (::fstat(r.fd, &s) != 0) return -std::int64_t{errno};
      return s.st_size;
    }
    case file_action::close:
      return answer(::close(r.fd));
  }
  return -EINVAL;
}

bool claim(file_request& r, void* where) noexcept {
  void* nowhere = nullptr;
  if (r.owner.compare_exchange_strong(nowhere, where, std::memory_order_acq_rel)) return true;
  r.stop_wanted = true;
  r.result = -ECANCELED;
  return false;
}

void* stop_before_start(file_request& r) noexcept {
  void* where = nullptr;
  if (r.owner.compare_exchange_strong(where, &r, std::memory_order_acq_rel)) return nullptr;
  return where == &r ? nullptr : where;
}

void require_pool(std::uint64_t id) {
  const worker* w = current_worker();
  if (!w || w->pool.id() != id)
    throw misuse("weft: a file is used by tasks of the pool that it was opened on, and by no others");
}

namespace {

/// A request goes to a thread as it is. A stop ends one that has not begun; a call that is under way is awaited.
class thread_service final : public file_service {
 public:
  explicit thread_service(pool_core& pool) : pool_(pool), pool_id_(pool.id()) {}

  bool start(file_request& r) override {
    require_pool(pool_id_);
    if (!claim(r, this)) return true;
    r.resume = [](work_item* w) {
      auto& request = *static_cast<file_request*>(w);
      auto& self = *static_cast<thread_service*>(request.owner.load(std::memory_order_relaxed));
      bool stopped = false;
      {
        std::lock_guard guard(self.lock_);
        stopped = request.stop_wanted;
        request.in_kernel = true;
      }
      request.result = stopped ? -ECANCELED : perform(request);
      request.finished(request);
    };
    try {
      if (pool_.blocking().submit(&r, r.place)) return false;
    } catch (...) {
      r.owner.store(nullptr, std::memory_order_relaxed);
      throw;
    }
    r.result = -ECANCELED;  // a stop came between the claim and this
    return true;
  }
  void cancel(file_request& r) noexcept override {
    if (!stop_before_start(r)) return;
    {
      std::lock_guard guard(lock_);
      if (r.in_kernel) return;
      r.stop_wanted = true;
    }
    if (!pool_.blocking().withdraw(&r, r.place)) return;  // it has not waited: who starts it sees the wish
    r.result = -ECANCELED;
    r.finished(r);
  }
  void close(int fd, std::int32_t) noexcept override { ::close(fd); }

 private:
  pool_core& pool_;  // may be gone before the service
  const std::uint64_t pool_id_;
  short_lock lock_;
};

}  // namespace

std::shared_ptr<file_service> make_thread_service(pool_core& pool) { return std::make_shared<thread_service>(pool); }

file_request::file_request(file_action what, function on_finished) noexcept
    : work_item{nullptr, [](work_item*) {}}, action(what), finished(on_finished) {}

namespace {
constexpr char service_key = 0;
}

void adopt_file_service(pool_core& pool, std::shared_ptr<file_service> service) {
  pool.adopt_service(&service_key, std::move(service));
}

file_request::file_request(file_request&& o) noexcept
    : work_item(o),
      action(o.action),
      fd(o.fd),
      file_slot(o.file_slot),
      buffer_slot(o.buffer_slot),
      address(o.address),
      length(o.length),
      offset(o.offset),
      flags(o.flags),
      mode(o.mode),
      finished(o.finished) {}

std::shared_ptr<file_service> file_service_of(pool_core& pool) {
  return std::static_pointer_cast<file_service>(pool.service(&service_key, [](pool_core& p) -> std::shared_ptr<void> {
    if (p.stepped())
      throw misuse("weft: a simulation reads and writes its own disk only: make a simulated_disk first");
    const std::string wanted = setting("WEFT_FILES", "auto");
    if (wanted != "auto" && wanted != "threads")
      log_once("WEFT_FILES", "WEFT_FILES is '" + wanted + "', and may be 'auto' or 'threads': it is taken as 'auto'");
    if (wanted != "threads") {
      std::string why;
      if (auto rings = make_ring_service(p, why)) return rings;
      log_once("io_uring", "the system refuses io_uring (" + why + "): files are read and written on threads");
    }
    return make_thread_service(p);
  }));
}

bool start_file_request(file_service& service, file_request& r) {
  current_worker()->note(trace_kind::io_begin, reinterpret_cast<std::uintptr_t>(&r));
  return service.start(r);
}
void note_file_end(const file_request& r) noexcept {
  current_worker()->note(trace_kind::io_end, reinterpret_cast<std::uintptr_t>(&r));
}
void cancel_file_request(file_service& service, file_request& r) noexcept { service.cancel(r); }
void close_file(file_service& service, int fd, std::int32_t slot) noexcept { service.close(fd, slot); }
std::int32_t claim_file_slot(file_service& service, int fd) noexcept { return service.claim_file(fd); }
std::int32_t claim_buffer_slot(file_service& service, void* memory, std::size_t size) noexcept {
  return service.claim_buffer(memory, size);
}
void release_buffer_slot(file_service& service, std::int32_t slot) noexcept { service.release_buffer(slot); }

void throw_file_error(const file_request& r, const char* what, const std::string& path) {
  if (r.stop_wanted && (r.result == -ECANCELED || r.result == -EINTR)) throw_cancelled();
  throw std::system_error(
      static_cast<int>(-r.result), std::system_category(),
      std::string("weft: cannot ") + what + " " + (path.empty() ? "a file that is not open" : path));
}

}  // namespace weft::detail
