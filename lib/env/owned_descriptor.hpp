#pragma once

#include <unistd.h>

#include <utility>

namespace weft::detail {

/// A file descriptor that is closed with this; negative: none.
class owned_descriptor {
 public:
  explicit owned_descriptor(int fd = -1) noexcept : fd_(fd) {}
  owned_descriptor(owned_descriptor&& o) noexcept : fd_(std::exchange(o.fd_, -1)) {}
  owned_descriptor& operator=(owned_descriptor&& o) noexcept {
    std::swap(fd_, o.fd_);
    return *this;
  }
  ~owned_descriptor() { close(); }
  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  void close() noexcept {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

}  // namespace weft::detail
