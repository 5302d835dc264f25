#pragma once

/// The limits that the group `cluster` is measured against: sockets and OpenSSL, and nothing else.
#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace bench {

/// A file descriptor, closed at the end.
class descriptor {
 public:
  explicit descriptor(int fd = -1) noexcept : fd_(fd) {}
  descriptor(descriptor&& o) noexcept : fd_(std::exchange(o.fd_, -1)) {}
  descriptor& operator=(descriptor&& o) noexcept {
    std::swap(fd_, o.fd_);
    return *this;
  }
  ~descriptor();
  int get() const noexcept { return fd_; }

 private:
  int fd_;
};

struct socket_pair {
  descriptor near, far;
};
/// Connected over loopback, without Nagle's delay.
socket_pair tcp_pair();
socket_pair unix_pair();

/// All of it, or throws.
void write_all(int fd, const void* data, std::size_t size);
void read_all(int fd, void* data, std::size_t size);

/// A process that is forked off, runs `f`, and is killed at the end, or with this one. In it only what a forked
/// thread may use.
class forked_process {
 public:
  explicit forked_process(const std::function<void()>& f);
  ~forked_process();
  forked_process(const forked_process&) = delete;
  forked_process& operator=(const forked_process&) = delete;
  /// Lets it end by itself.
  void wait() noexcept;

 private:
  pid_t id_;
};

/// A process sends 64 bytes, and reads 64: from its peer, or through a third one that passes them on. `apart`: from a
/// peer on another processor, where the kernel would put both on one now and then.
class raw_round_trip {
 public:
  enum class route { direct, apart, relayed };
  explicit raw_round_trip(route by);
  /// Seconds of each of n.
  std::vector<double> sample(std::size_t n);

 private:
  socket_pair to_next_, to_last_;
  std::unique_ptr<forked_process> relay_, last_;
  const bool apart_;
};

/// Another process sends so many bytes, when it is asked to.
class raw_transfer {
 public:
  enum class kind { tcp, unix_socket, tls };
  raw_transfer(kind by, std::size_t bytes);
  ~raw_transfer();
  /// Seconds; into memory that was used before, or that the system has to give first.
  double run(bool new_memory = false);

 private:
  struct tls;
  void receive(std::byte* to);

  const kind by_;
  const std::size_t bytes_;
  socket_pair sockets_;
  std::unique_ptr<tls> tls_;
  std::unique_ptr<forked_process> sender_;
  std::unique_ptr<std::byte[]> memory_;
};

}  // namespace bench
