// A ring for each worker of a pool.
#include <unistd.h>

#include <mutex>
#include <system_error>

#include "base/log.hpp"
#include "exec/pool_core.hpp"
#include "uring/ring.hpp"
#include "uring/service.hpp"

namespace weft::detail {

namespace {

/// Which slots are taken, and by what. Slots are few and claimed rarely, so they are searched for in order.
class slot_table {
 public:
  explicit slot_table(std::size_t n) : slots_(n) {}

  std::int32_t claim(int fd, void* memory, std::size_t size) noexcept {
    std::lock_guard guard(lock_);
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      ring_slot& s = slots_[i];
      if (s.generation % 2 != 0) continue;
      s = {s.generation + 1, fd, memory, size};
      return static_cast<std::int32_t>(i);
    }
    return -1;
  }
  void release(std::int32_t slot) noexcept {
    std::lock_guard guard(lock_);
    ++slots_[static_cast<std::size_t>(slot)].generation;
  }
  /// A claimed slot stays as it is until its owner, who asks, releases it.
  const ring_slot* at(std::int32_t slot) noexcept {
    return slot < 0 ? nullptr : &slots_[static_cast<std::size_t>(slot)];
  }

 private:
  short_lock lock_;
  std::vector<ring_slot> slots_;
};

class ring_service final : public file_service {
 public:
  ring_service(pool_core& pool, std::shared_ptr<file_service> threads)
      : pool_(pool),
        pool_id_(pool.id()),
        threads_(std::move(threads)),
        files_(ring::file_slots),
        buffers_(ring::buffer_slots),
        without_ring_(pool.size()) {
    pool_.poll_storage_by([](void* r) noexcept { return static_cast<ring*>(r)->reap(); });
  }

  /// Throws std::system_error where the kernel refuses; false, with the reason, where it lacks an operation.
  bool probe(std::string& why) {
    ring r(8, false);
    return r.complete(why);
  }

  bool start(file_request& r) override {
    require_pool(pool_id_);
    if (r.action == file_action::size) {  // answered from memory
      if (claim(r, this)) r.result = perform(r);
      return true;
    }
    ring* own = r.action == file_action::truncate ? nullptr : ring_of(*current_worker());
    if (!own) return threads_->start(r);
    return own->start(r, files_.at(r.file_slot), buffers_.at(r.buffer_slot));
  }

  void cancel(file_request& r) noexcept override {
    void* where = stop_before_start(r);
    if (!where || where == this) return;
    if (where == threads_.get())
      threads_->cancel(r);
    else
      static_cast<ring*>(where)->cancel(r);
  }

  void close(int fd, std::int32_t slot) noexcept override {
    forget_file(slot);
    if (fd >= 0) ::close(fd);
  }
  std::int32_t claim_file(int fd) noexcept override { return files_.claim(fd, nullptr, 0); }
  std::int32_t claim_buffer(void* memory, std::size_t size) noexcept override {
    return buffers_.claim(-1, memory, size);
  }
  void release_buffer(std::int32_t slot) noexcept override {
    std::lock_guard guard(lock_);
    for (auto& r : rings_) r->forget_buffer(static_cast<std::uint32_t>(slot));
    buffers_.release(slot);
  }

 private:
  void forget_file(std::int32_t slot) noexcept {
    if (slot < 0) return;
    std::lock_guard guard(lock_);
    for (auto& r : rings_) r->forget_file(static_cast<std::uint32_t>(slot));
    files_.release(slot);
  }

  /// Null when the worker could not have one; it is not asked for again.
  ring* ring_of(worker& w) {
    if (void* r = w.storage.load(std::memory_order_relaxed)) return static_cast<ring*>(r);
    if (without_ring_[w.index]) return nullptr;
    try {
      auto made = std::make_unique<ring>(pool_.options().file_depth, true);
      ring* const r = made.get();
      std::lock_guard guard(lock_);
      rings_.reserve(rings_.size() + 1);
      pool_.events().add(r->fd(), *r);
      rings_.push_back(std::move(made));
      w.storage.store(r, std::memory_order_relaxed);
      return r;
    } catch (const std::system_error& e) {
      without_ring_[w.index] = 1;
      log_once("io_uring ring", std::string("a worker has no ring for its files (") + e.what() +
                                    "): it reads and writes them on threads");
      return nullptr;
    }
  }

  pool_core& pool_;  // may be gone before the service
  const std::uint64_t pool_id_;
  const std::shared_ptr<file_service> threads_;
  slot_table files_, buffers_;
  std::mutex lock_;
  std::vector<std::unique_ptr<ring>> rings_;
  std::vector<char> without_ring_;  // for each worker, who alone reads and writes it: it could not have one
};

}  // namespace

std::shared_ptr<file_service> make_ring_service(pool_core& pool, std::string& why) {
  auto service = std::make_shared<ring_service>(pool, make_thread_service(pool));
  try {
    return service->probe(why) ? service : nullptr;
  } catch (const std::system_error& e) {
    why = e.what();
    return nullptr;
  }
}

}  // namespace weft::detail
