#pragma once

#include <sys/uio.h>

#include <cerrno>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "weft/detail/file_request.hpp"
#include "weft/detail/leaf.hpp"
#include "weft/stop.hpp"
#include "weft/task.hpp"

/// Files for tasks: who waits for the disk holds no thread. Through io_uring, a ring for each worker; where the
/// system refuses it, through the pool's threads for blocking calls (WEFT_FILES=threads chooses these). Errors are
/// thrown as std::system_error with the path; a stop cancels what has not begun, and throws weft::cancelled.
namespace weft {

enum class access : std::uint8_t { read, write, read_write };

/// How a file is opened. Set fields by name: `co_await file::open(path, {.mode = access::write, .create = true})`.
/// (It is trivially destructible, so that g++ 12 makes it rightly beside a co_await.)
struct file_options {
  access mode = access::read;
  bool create = false;     // makes it if it is not there
  bool exclusive = false;  // with create: fails if it is there
  bool truncate = false;   // empties it
  /// Past the page cache (O_DIRECT): memory, offsets and lengths must be multiples of the device's block, 4,096
  /// bytes on nearly all; see aligned_buffer.
  bool direct = false;
  /// Takes a slot in the rings' tables of files, which saves a lookup for each operation. There are 1,024; when
  /// all are taken the file is simply not registered.
  bool registered = false;
  unsigned permissions = 0644;  // of a file that is made, less the umask
};

/// Memory for direct input and output: aligned to a page, its size rounded up to a multiple of one.
class aligned_buffer {
 public:
  static constexpr std::size_t alignment = 4096;
  explicit aligned_buffer(std::size_t size);
  aligned_buffer(aligned_buffer&& o) noexcept
      : data_(std::exchange(o.data_, nullptr)), size_(std::exchange(o.size_, 0)) {}
  aligned_buffer& operator=(aligned_buffer&& o) noexcept {
    std::swap(data_, o.data_);
    std::swap(size_, o.size_);
    return *this;
  }
  ~aligned_buffer();

  std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  operator std::span<std::byte>() const noexcept { return {data_, size_}; }
  operator std::span<const std::byte>() const noexcept { return {data_, size_}; }
  std::span<std::byte> first(std::size_t n) const noexcept { return std::span<std::byte>(data_, size_).first(n); }

 private:
  std::byte* data_;
  std::size_t size_;
};

/// An aligned buffer that the rings of a pool know (io_uring's fixed buffers): the kernel pins its pages once and
/// not for each operation. Where lockable memory is short it is a plain aligned buffer, and the log says so once.
/// There are 256 slots a pool. Make it on a worker of the pool that will use it; it must outlive its operations.
class registered_buffer : public aligned_buffer {
 public:
  /// Throws weft::misuse outside a pool.
  explicit registered_buffer(std::size_t size);
  registered_buffer(registered_buffer&& o) noexcept;
  registered_buffer& operator=(registered_buffer&& o) noexcept {
    aligned_buffer::operator=(std::move(o));
    std::swap(service_, o.service_);
    std::swap(slot_, o.slot_);
    return *this;
  }
  ~registered_buffer();
  /// -1 when no slot was to be had.
  std::int32_t slot() const noexcept { return slot_; }

 private:
  std::shared_ptr<detail::file_service> service_;
  std::int32_t slot_ = -1;
};

namespace detail {

struct open_file {
  std::shared_ptr<file_service> service;
  std::string path;
  int fd = -1;
  std::int32_t slot = -1;
};

/// An operation of a file as an awaitable; gives what the system call gives.
class file_operation : public leaf<file_operation>, public file_request {
 public:
  file_operation(const open_file& f, const char* what, file_action on_file, void* memory = nullptr,
                 std::uint64_t size = 0, std::uint64_t where = 0, std::int32_t buffer = -1) noexcept
      : file_request(on_file, &file_operation::on_finished), file_(f), what_(what) {
    fd = f.fd;
    file_slot = f.slot;
    buffer_slot = buffer;
    address = memory;
    length = size;
    offset = where;
  }

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  bool await_suspend(std::coroutine_handle<Promise> h) {
    if (!file_.service || offset > most_offset) {  // before a stop can come that looks for the service
      result = file_.service ? -EINVAL : -EBADF;
      return false;
    }
    return this->begin(h, [this] { return !start_file_request(*file_.service, *this); });
  }
  std::uint64_t await_resume() {
    this->deafen();
    if (this->stopped()) throw_cancelled();
    note_file_end(*this);
    if (result < 0) [[unlikely]]
      throw_file_error(*this, what_, file_.path);
    return static_cast<std::uint64_t>(result);
  }
  void on_stop() noexcept { cancel_file_request(*file_.service, *this); }

 private:
  static void on_finished(file_request& r) noexcept {
    static_cast<file_operation&>(r).leaf<file_operation>::resume();
  }

  static constexpr std::uint64_t most_offset = ~std::uint64_t{0} >> 1;  // -1 is "here" to io_uring

  const open_file& file_;
  const char* what_;
};

}  // namespace detail

/// An open file. Operations name their offset, so that many may be under way at once; each is awaited by a task of
/// the pool on which the file was opened. Its end closes it; close() does too, and says what went wrong.
class file {
 public:
  file() noexcept = default;
  file(file&& o) noexcept : open_(std::exchange(o.open_, {})) {}
  file& operator=(file&& o) noexcept {
    std::swap(open_, o.open_);
    return *this;
  }
  ~file();

  /// Throws std::system_error when it cannot be opened.
  static task<file> open(std::string path, file_options options = {});

  /// Reads at most into.size() bytes from `offset`; gives how many, 0 at the end of the file. Like read(2), it may
  /// give fewer than there are: read_full_at() does not. The buffer must live until the await returns.
  [[nodiscard("weft: co_await it")]] auto read_at(std::uint64_t offset, std::span<std::byte> into) noexcept {
    return reads(detail::file_action::read, into.data(), into.size(), offset, -1);
  }
  [[nodiscard("weft: co_await it")]] auto write_at(std::uint64_t offset, std::span<const std::byte> from) noexcept {
    return writes(detail::file_action::write, from.data(), from.size(), offset, -1);
  }

  /// The same with (part of) a registered buffer: `begin` and `length` are within it.
  [[nodiscard("weft: co_await it")]] auto read_at(std::uint64_t offset, const registered_buffer& into,
                                                  std::size_t begin, std::size_t length) noexcept {
    return reads(detail::file_action::read, into.data() + begin, length, offset, into.slot());
  }
  [[nodiscard("weft: co_await it")]] auto write_at(std::uint64_t offset, const registered_buffer& from,
                                                   std::size_t begin, std::size_t length) noexcept {
    return writes(detail::file_action::write, from.data() + begin, length, offset, from.slot());
  }

  /// Scatters into, or gathers from, several buffers in one operation; at most 1,024 (IOV_MAX).
  [[nodiscard("weft: co_await it")]] auto read_at(std::uint64_t offset, std::span<const iovec> into) noexcept {
    return reads(detail::file_action::read_vector, const_cast<iovec*>(into.data()), into.size(), offset, -1);
  }
  [[nodiscard("weft: co_await it")]] auto write_at(std::uint64_t offset, std::span<const iovec> from) noexcept {
    return writes(detail::file_action::write_vector, from.data(), from.size(), offset, -1);
  }

  /// Reads until `into` is full or the file ends; gives how many bytes.
  task<std::size_t> read_full_at(std::uint64_t offset, std::span<std::byte> into);
  /// Writes all of `from`.
  task<> write_full_at(std::uint64_t offset, std::span<const std::byte> from);

  /// Waits until what was written is on the device (fsync); `data_only` leaves out times and the like.
  [[nodiscard("weft: co_await it")]] auto sync(bool data_only = false) noexcept {
    return detail::file_operation(open_, "sync",
                                  data_only ? detail::file_action::data_sync : detail::file_action::sync);
  }
  /// Reserves room on the device for `length` bytes from `offset` (fallocate); the file grows to hold them.
  [[nodiscard("weft: co_await it")]] auto allocate(std::uint64_t offset, std::uint64_t length) noexcept {
    return detail::file_operation(open_, "allocate room in", detail::file_action::allocate, nullptr, length, offset);
  }
  [[nodiscard("weft: co_await it")]] auto truncate(std::uint64_t length) noexcept {
    return detail::file_operation(open_, "truncate", detail::file_action::truncate, nullptr, length);
  }
  /// In bytes.
  [[nodiscard("weft: co_await it")]] auto size() noexcept {
    return detail::file_operation(open_, "ask the size of", detail::file_action::size);
  }
  /// Closes it, and throws what the system has to say (a full disk may be told only now); a stop does not reach
  /// it. No operation may be under way. Does nothing when it is not open. `co_await f.close();`
  [[nodiscard("weft: co_await it")]] auto close() { return shield(close_now(std::move(*this))); }

  bool is_open() const noexcept { return open_.fd >= 0; }
  const std::string& path() const noexcept { return open_.path; }

 private:
  explicit file(detail::open_file o) noexcept : open_(std::move(o)) {}
  static task<> close_now(file f);
  detail::file_operation reads(detail::file_action action, void* address, std::size_t length, std::uint64_t offset,
                               std::int32_t buffer) const noexcept {
    return detail::file_operation(open_, "read", action, address, length, offset, buffer);
  }
  detail::file_operation writes(detail::file_action action, const void* address, std::size_t length,
                                std::uint64_t offset, std::int32_t buffer) const noexcept {
    return detail::file_operation(open_, "write to", action, const_cast<void*>(address), length, offset, buffer);
  }

  detail::open_file open_;
};

}  // namespace weft
