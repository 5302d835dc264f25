#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "wire/batch.hpp"
#include "wire/frame.hpp"
#include "wire/handshake.hpp"

/// Who speaks the protocol badly, by a socket of its own.
namespace faults {

using bytes = std::vector<std::byte>;

bytes operator+(bytes a, const bytes& b);
bytes as_bytes(std::string_view text);

/// A frame as it travels; `payload_bytes` in the header is that of the payload.
bytes frame(weft::net::frame_header h, const bytes& payload);
bytes frame(weft::net::frame_kind kind, const bytes& payload);
/// What a client says first.
weft::net::hello client_hello();
/// The frame of batch `number`.
bytes batch(std::uint64_t number, const bytes& messages);

class stranger {
 public:
  /// Connects to an address `tcp://127.0.0.1:port` or `tls://...`, by TCP.
  explicit stranger(const std::string& address);
  stranger(stranger&& o) noexcept;
  ~stranger();

  void say(const bytes& what);
  /// No more will come.
  void shut();
  /// The next frame, its payload in `payload`. Fails the test when none comes.
  weft::net::frame_header hear(bytes& payload);
  /// The next frames until one is of a kind, and its payload.
  bytes hear(weft::net::frame_kind kind);
  /// The reason of a refusal.
  std::string hear_refusal();
  /// Says hello, and is welcome.
  void enter();
  /// Reads until the other side hangs up.
  bool is_hung_up(std::chrono::seconds within = std::chrono::seconds(20));

 private:
  void read(std::byte* to, std::size_t count);
  int socket_ = -1;
};

}  // namespace faults
