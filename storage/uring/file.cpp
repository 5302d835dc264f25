#include "weft/file.hpp"

#include <fcntl.h>

#include <cerrno>
#include <new>
#include <system_error>

#include "weft/errors.hpp"

namespace weft {

// ---- buffers -------------------------------------------------------------------------------------------

aligned_buffer::aligned_buffer(std::size_t size) : size_((size + alignment - 1) / alignment * alignment) {
  data_ = static_cast<std::byte*>(::operator new(size_ ? size_ : alignment, std::align_val_t{alignment}));
}

aligned_buffer::~aligned_buffer() { ::operator delete(data_, std::align_val_t{alignment}); }

registered_buffer::registered_buffer(std::size_t size) : aligned_buffer(size) {
  detail::pool_core* pool = detail::current_pool();
  if (!pool) throw misuse("weft: a registered buffer is made on a worker of the pool that will use it");
  service_ = detail::file_service_of(*pool);
  slot_ = detail::claim_buffer_slot(*service_, data(), this->size());
}

registered_buffer::registered_buffer(registered_buffer&& o) noexcept
    : aligned_buffer(std::move(o)), service_(std::move(o.service_)), slot_(std::exchange(o.slot_, -1)) {}

registered_buffer::~registered_buffer() {
  if (slot_ >= 0) detail::release_buffer_slot(*service_, slot_);
}

// ---- files ---------------------------------------------------------------------------------------------

namespace {

int flags_of(const file_options& o) noexcept {
  int flags = O_CLOEXEC;
  switch (o.mode) {
    case access::read:
      flags |= O_RDONLY;
      break;
    case access::write:
      flags |= O_WRONLY;
      break;
    case access::read_write:
      flags |= O_RDWR;
      break;
  }
  if (o.create) flags |= O_CREAT;
  if (o.exclusive) flags |= O_EXCL;
  if (o.truncate) flags |= O_TRUNC;
  if (o.direct) flags |= O_DIRECT;
  return flags;
}

}  // namespace

task<file> file::open(std::string path, file_options options) {
  detail::open_file f;
  f.service = detail::file_service_of(*detail::current_pool());
  f.path = std::move(path);
  detail::file_operation op(f, "open", detail::file_action::open, f.path.data());
  op.flags = flags_of(options);
  op.mode = options.permissions;
  f.fd = static_cast<int>(co_await std::move(op));
  file opened(std::move(f));
  if (options.registered) opened.open_.slot = detail::claim_file_slot(*opened.open_.service, opened.open_.fd);
  co_return opened;
}

file::~file() {
  if (open_.fd >= 0) detail::close_file(*open_.service, open_.fd, open_.slot);
}

task<> file::close_now(file f) {
  if (!f.is_open()) co_return;
  if (f.open_.slot >= 0) detail::close_file(*f.open_.service, -1, std::exchange(f.open_.slot, -1));
  detail::file_operation op(f.open_, "close", detail::file_action::close);
  try {
    co_await std::move(op);  // awaited where it is: it is not moved
  } catch (...) {
    if (op.owner.load(std::memory_order_relaxed)) f.open_.fd = -1;  // the system has closed it, whatever it says
    throw;                                                          // else it has not begun, and ~file closes it
  }
  f.open_.fd = -1;
}

task<std::size_t> file::read_full_at(std::uint64_t offset, std::span<std::byte> into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const std::size_t n = co_await read_at(offset + done, into.subspan(done));
    if (n == 0) break;
    done += n;
  }
  co_return done;
}

task<> file::write_full_at(std::uint64_t offset, std::span<const std::byte> from) {
  std::size_t done = 0;
  while (done < from.size()) {
    const std::size_t n = co_await write_at(offset + done, from.subspan(done));
    if (n == 0)
      throw std::system_error(EIO, std::system_category(),
                              "weft: cannot write to " + open_.path + ": it takes no more");
    done += n;
  }
}

}  // namespace weft
