#include "uring/ring.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <system_error>

#include "base/log.hpp"
#include "uring/service.hpp"

namespace weft::detail {

namespace {

constexpr unsigned most_bytes = 0x7ffff000;  // what one read or write transfers at the most (read(2))

std::uint8_t opcode(const file_request& r, bool fixed) noexcept {
  switch (r.action) {
    case file_action::open:
      return IORING_OP_OPENAT;
    case file_action::read:
      return fixed ? IORING_OP_READ_FIXED : IORING_OP_READ;
    case file_action::write:
      return fixed ? IORING_OP_WRITE_FIXED : IORING_OP_WRITE;
    case file_action::read_vector:
      return IORING_OP_READV;
    case file_action::write_vector:
      return IORING_OP_WRITEV;
    case file_action::sync:
    case file_action::data_sync:
      return IORING_OP_FSYNC;
    case file_action::allocate:
      return IORING_OP_FALLOCATE;
    case file_action::close:
      return IORING_OP_CLOSE;
    case file_action::truncate:
    case file_action::size:
      break;  // done by the system call: see ring_service
  }
  return IORING_OP_NOP;
}

/// Tells the completed requests, linked by `next`, but `own`; returns whether that one is among them.
bool finish(file_request* done, const file_request* own) noexcept {
  bool met = false;
  while (done) {
    file_request* next = done->next;
    if (done == own)
      met = true;
    else
      done->finished(*done);
    done = next;
  }
  return met;
}

}  // namespace

ring::ring(unsigned depth, bool tables) : depth_(depth) {
  io_uring_params parameters{};
  parameters.flags = IORING_SETUP_CLAMP;
  const int error = io_uring_queue_init_params(depth, &ring_, &parameters);
  // since Linux 6.14 a ring itself is counted as locked memory, of all processes of this user together
  if (error < 0)
    throw std::system_error(
        -error, std::system_category(),
        error == -ENOMEM ? "lockable memory is short (ulimit -l): io_uring_setup" : "io_uring_setup");
  depth_ = std::min(depth, parameters.sq_entries);
  if (!tables) return;
  file_table_ = io_uring_register_files_sparse(&ring_, file_slots) == 0;
  buffer_table_ = io_uring_register_buffers_sparse(&ring_, buffer_slots) == 0;
  if (file_table_) file_generation_.resize(file_slots);
  if (buffer_table_) {
    buffer_generation_.resize(buffer_slots);
    buffer_refused_.resize(buffer_slots);
  }
}

ring::~ring() { io_uring_queue_exit(&ring_); }

bool ring::complete(std::string& missing) noexcept {
  struct needed {
    int code;
    const char* name;
  };
  constexpr needed all[] = {
      {IORING_OP_OPENAT, "open"},         {IORING_OP_READ, "read"},     {IORING_OP_WRITE, "write"},
      {IORING_OP_READV, "readv"},         {IORING_OP_WRITEV, "writev"}, {IORING_OP_FSYNC, "fsync"},
      {IORING_OP_FALLOCATE, "fallocate"}, {IORING_OP_CLOSE, "close"},   {IORING_OP_ASYNC_CANCEL, "cancel"}};
  io_uring_probe* probe = io_uring_get_probe_ring(&ring_);
  if (!probe) {
    missing = "it cannot be probed";
    return false;
  }
  bool whole = true;
  for (const needed& n : all)
    if (!io_uring_opcode_supported(probe, n.code)) {
      missing = std::string("it has no ") + n.name;
      whole = false;
    }
  io_uring_free_probe(probe);
  return whole;
}

// ---- tables --------------------------------------------------------------------------------------------

bool ring::register_file(std::uint32_t slot, const ring_slot& s) noexcept {
  if (!file_table_) return false;
  if (file_generation_[slot] == s.generation) return true;
  int fd = s.fd;
  if (io_uring_register_files_update(&ring_, slot, &fd, 1) != 1) return false;
  file_generation_[slot] = s.generation;
  return true;
}

bool ring::register_buffer(std::uint32_t slot, const ring_slot& s) noexcept {
  if (!buffer_table_) return false;
  if (buffer_generation_[slot] == s.generation) return !buffer_refused_[slot];
  iovec v{s.memory, s.size};
  __u64 tag = 0;
  const int answer = io_uring_register_buffers_update_tag(&ring_, slot, &v, &tag, 1);
  if (answer == -ENOMEM || answer == -EPERM)
    log_once("memlock",
             "lockable memory is short (ulimit -l): buffers are not registered, and direct input and "
             "output costs a little more");
  buffer_generation_[slot] = s.generation;
  buffer_refused_[slot] = answer != 1;
  return answer == 1;
}

void ring::forget_file(std::uint32_t slot) noexcept {
  std::lock_guard guard(lock_);
  if (!file_table_ || file_generation_[slot] == 0) return;
  int none = -1;
  io_uring_register_files_update(&ring_, slot, &none, 1);
  file_generation_[slot] = 0;
}

void ring::forget_buffer(std::uint32_t slot) noexcept {
  std::lock_guard guard(lock_);
  if (!buffer_table_ || buffer_generation_[slot] == 0) return;
  iovec none{nullptr, 0};
  __u64 tag = 0;
  io_uring_register_buffers_update_tag(&ring_, slot, &none, &tag, 1);
  buffer_generation_[slot] = 0;
  buffer_refused_[slot] = false;
}

// ---- requests ------------------------------------------------------------------------------------------

bool ring::start(file_request& r, const ring_slot* file, const ring_slot* buffer) {
  if (!claim(r, this)) return true;
  r.next = nullptr;
  file_request* done = nullptr;
  {
    std::lock_guard guard(lock_);
    if (r.stop_wanted) {  // it came between the claim and the lock
      r.result = -ECANCELED;
      return true;
    }
    if (!file || !register_file(static_cast<std::uint32_t>(r.file_slot), *file)) r.file_slot = -1;
    if (!buffer || !register_buffer(static_cast<std::uint32_t>(r.buffer_slot), *buffer)) r.buffer_slot = -1;
    if (in_flight_ == depth_) {
      *waiting_end_ = &r;
      waiting_end_ = &r.next;
      return false;
    }
    submit(r);
    done = collect();
  }
  return finish(done, &r);
}

/// Under the lock: puts `r` in the submission queue, which has room, and hands it to the kernel.
void ring::submit(file_request& r) noexcept {
  io_uring_sqe* e = io_uring_get_sqe(&ring_);
  std::memset(e, 0, sizeof *e);
  e->opcode = opcode(r, r.buffer_slot >= 0);
  e->fd = r.fd;
  e->user_data = reinterpret_cast<std::uintptr_t>(&r);
  e->off = r.offset;
  e->addr = reinterpret_cast<std::uintptr_t>(r.address);
  e->len = static_cast<std::uint32_t>(r.length < most_bytes ? r.length : most_bytes);
  if (r.buffer_slot >= 0) e->buf_index = static_cast<std::uint16_t>(r.buffer_slot);
  switch (r.action) {
    case file_action::open:
      e->fd = AT_FDCWD;
      e->len = r.mode;
      e->off = 0;
      e->open_flags = static_cast<std::uint32_t>(r.flags);
      break;
    case file_action::data_sync:
      e->fsync_flags = IORING_FSYNC_DATASYNC;
      break;
    case file_action::allocate:
      e->addr = r.length;
      e->len = 0;
      break;
    default:
      break;
  }
  if (r.file_slot >= 0) {
    e->flags |= IOSQE_FIXED_FILE;
    e->fd = r.file_slot;
  }
  r.in_kernel = true;
  ++in_flight_;
  enter();
}

/// Under the lock. The kernel refuses for a moment only: when it is out of memory for requests (EAGAIN), or wants
/// completions taken first (EBUSY). What is in the queue then stays there, and is tried again.
void ring::enter() noexcept {
  for (int round = 0; io_uring_sq_ready(&ring_) != 0; ++round) {
    const int n = io_uring_submit(&ring_);
    if (n >= 0 && io_uring_sq_ready(&ring_) == 0) return;
    real_memory::relax(round);
  }
}

void ring::cancel(file_request& r) noexcept {
  file_request* done = nullptr;
  {
    std::lock_guard guard(lock_);
    r.stop_wanted = true;
    if (r.in_kernel) {
      io_uring_sqe* e = io_uring_get_sqe(&ring_);
      io_uring_prep_cancel(e, &r, 0);
      e->user_data = 0;
      enter();  // who reaps is a worker: this thread may be any, and what it submitted would end with it
    } else {
      for (file_request** at = &waiting_; *at; at = &(*at)->next)
        if (*at == &r) {
          *at = r.next;
          if (!*at) waiting_end_ = at;
          r.result = -ECANCELED;
          r.next = nullptr;
          done = &r;
          break;
        }
    }
  }
  finish(done, nullptr);
}

/// Under the lock: takes completions, and submits what waits in their place. Gives the completed, linked by `next`.
file_request* ring::collect() noexcept {
  file_request* first = nullptr;
  file_request** last = &first;
  io_uring_cqe* entries[32];
  unsigned n = 0;
  while ((n = io_uring_peek_batch_cqe(&ring_, entries, 32)) != 0) {
    for (unsigned i = 0; i < n; ++i) {
      auto* r = reinterpret_cast<file_request*>(static_cast<std::uintptr_t>(entries[i]->user_data));
      if (!r) continue;  // a cancel's own
      r->result = entries[i]->res;
      r->in_kernel = false;
      r->next = nullptr;
      *last = r;
      last = &r->next;
      --in_flight_;
    }
    io_uring_cq_advance(&ring_, n);
    while (waiting_ && in_flight_ < depth_) {
      file_request* r = waiting_;
      waiting_ = r->next;
      if (!waiting_) waiting_end_ = &waiting_;
      submit(*r);
    }
  }
  return first;
}

bool ring::reap() noexcept {
  // Without the lock: another may be moving the head.
  const unsigned tail = __atomic_load_n(ring_.cq.ktail, __ATOMIC_ACQUIRE);
  if (tail == __atomic_load_n(ring_.cq.khead, __ATOMIC_RELAXED) && !io_uring_cq_has_overflow(&ring_)) return false;
  file_request* done = nullptr;
  {
    std::lock_guard guard(lock_);
    done = collect();
  }
  finish(done, nullptr);
  return done != nullptr;
}

}  // namespace weft::detail
