#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "spill/compressor.hpp"
#include "wire/frame.hpp"
#include "wire/ids.hpp"

namespace weft::net {

enum class compression_policy : std::uint8_t {
  off,
  automatic,  // where it pays
  always      // whatever shrinks, on links between hosts; still nothing under least_bytes
};

/// What a connection is. Loopback, Unix sockets and memory are not between hosts.
struct link_traits {
  bool between_hosts = false;
  bool encrypted = false;   // TLS: damage is found there
  bool compresses = false;  // both sides have capability::zstd
  bool checksums() const noexcept { return between_hosts && !encrypted; }
};

struct compression_options {
  compression_policy policy = compression_policy::automatic;
  std::size_t least_bytes = std::size_t{4} << 10;
  /// Bytes a second that Zstandard at level 1 takes in: 170 to 1350 MB by content (tests/wire/times_test.cpp).
  double codec_rate = 400e6;
};

/// Compresses payloads of one connection where that pays: a sample of them shrinks by 1.3 or more, and the link takes
/// longer for what is saved than the codec for the whole. A link whose rate nobody has told is taken to be slow.
class link_compressor {
 public:
  explicit link_compressor(const compression_options& options, const frame_limits& limits) noexcept
      : options_(options), limits_(limits) {}

  /// A connection begins.
  void connected(const link_traits& link) noexcept {
    link_ = link;
    rate_ = 0;
  }
  /// Writing `bytes` took so long. Only writes that had to wait tell the link's rate.
  void wrote(std::size_t bytes, time_ns taken) noexcept;
  /// Bytes a second, averaged over the last eight writes or so; 0: not known.
  double rate() const noexcept { return rate_; }

  /// The compressed payload, which may be sent within the limits: `to` is made to hold it. Empty: send it as it is.
  std::span<const std::byte> compress(std::span<const std::byte> payload, std::unique_ptr<std::byte[]>& to);

  /// Fills `to`, of the size that the header declares. Throws protocol_error when `from` is something else, before
  /// any work is done where its own header tells.
  void decompress(std::span<const std::byte> from, std::span<std::byte> to);

 private:
  bool may_pay(std::span<const std::byte> payload);

  compression_options options_;
  frame_limits limits_;
  link_traits link_;
  double rate_ = 0;
  weft::detail::compressor codec_;
  std::unique_ptr<std::byte[]> scratch_;
  std::size_t scratch_bytes_ = 0;
};

}  // namespace weft::net
