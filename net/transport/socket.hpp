#pragma once

#include <memory>
#include <string>

#include "env/owned_descriptor.hpp"
#include "exec/watched_descriptor.hpp"
#include "transport/stream.hpp"
#include "weft/pool.hpp"

namespace weft::net {

/// A connected socket that a pool watches: what the streams over sockets share. It does not block.
class watched_socket {
 public:
  /// Of a socket that is connected, or connecting, and does not block.
  watched_socket(pool& p, detail::owned_descriptor socket);
  watched_socket(const watched_socket&) = delete;
  watched_socket& operator=(const watched_socket&) = delete;

  int descriptor() const noexcept { return owned_.get(); }
  /// Both return at once after cut().
  task<> readable();
  task<> writable() { return watched_.writable(); }
  /// A read that was short has taken all there was: until readable() the next says so without a system call.
  attempt read(std::span<std::byte> into) noexcept;
  attempt write(const gather& buffers) noexcept;
  void end_writing() noexcept;
  /// From any thread: what waits goes on, and every read gives the end, every write an error. The descriptor itself
  /// stays until nobody can be using it.
  void cut() noexcept;

 private:
  const detail::owned_descriptor owned_;
  detail::watched_descriptor watched_;
  bool dry_ = false;
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
