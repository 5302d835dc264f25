#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <system_error>
#include <utility>

namespace weft::detail {

/// A file that this process writes from its beginning. Processes that it starts meanwhile do not have it (what
/// std::ofstream opens they do): a program that any process may still write to cannot be executed (ETXTBSY).
class new_file {
 public:
  /// Of this user alone; it must not exist. Throws std::system_error.
  explicit new_file(const std::string& path);
  new_file(new_file&& o) noexcept : fd_(std::exchange(o.fd_, -1)) {}
  new_file& operator=(new_file&& o) noexcept {
    std::swap(fd_, o.fd_);
    return *this;
  }
  ~new_file() { close(); }

  /// All of it, or an error.
  std::error_code write(std::span<const std::byte> bytes) noexcept;
  /// Errors that the file system has kept back until now.
  std::error_code close() noexcept;

 private:
  int fd_;
};

}  // namespace weft::detail
