#pragma once

#include <memory>
#include <string>

#include "transport/stream.hpp"
#include "weft/pool.hpp"

namespace weft::net {

/// A connected socket that a pool watches: what the streams over sockets share. It does not block.
class watched_socket {
 public:
  /// Takes the descriptor over.
  watched_socket(pool& p, int descriptor);
  ~watched_socket();
  watched_socket(const watched_socket&) = delete;
  watched_socket& operator=(const watched_socket&) = delete;

  int descriptor() const noexcept { return descriptor_; }
  /// Both return at once after cut().
  task<> readable() { return wait(false); }
  task<> writable() { return wait(true); }
  attempt read(std::span<std::byte> into) noexcept;
  attempt write(const gather& buffers) noexcept;
  void end_writing() noexcept;
  /// From any thread: what waits goes on, and every read gives the end, every write an error. The descriptor itself
  /// stays until nobody can be using it.
  void cut() noexcept;

 private:
  task<> wait(bool for_writing);
  struct state;
  std::unique_ptr<state> state_;
  int descriptor_ = -1;
};

/// What is known of a connection when it is made.
struct connection {
  std::unique_ptr<watched_socket> socket;
  std::string local, peer;  // as addresses
  bool on_this_host = false;
};

/// Errors of TLS itself, which another try does not mend.
const std::error_category& tls_category() noexcept;

std::unique_ptr<stream> make_plain_stream(connection c);
std::unique_ptr<stream> make_tls_stream(connection c, std::shared_ptr<tls_identity> identity, bool connects);

}  // namespace weft::net
