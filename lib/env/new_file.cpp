#include "env/new_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace weft::detail {

namespace {

std::error_code last_error() noexcept { return {errno, std::generic_category()}; }

}  // namespace

new_file::new_file(const std::string& path)
    : fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)) {
  if (fd_ < 0) throw std::system_error(last_error(), "weft: cannot make the file " + path);
}

std::error_code new_file::write(std::span<const std::byte> bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return last_error();
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

std::error_code new_file::close() noexcept {
  if (fd_ < 0 || ::close(std::exchange(fd_, -1)) == 0) return {};
  return last_error();
}

}  // namespace weft::detail
