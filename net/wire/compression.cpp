#include "wire/compression.hpp"

#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "spill/pieces.hpp"

namespace weft::net {

namespace {

constexpr double least_shrink = 1.3;
constexpr std::size_t places = 4, place_bytes = std::size_t{4} << 10;
constexpr std::size_t kept_scratch = std::size_t{1} << 20;

std::size_t compress_whole(weft::detail::compressor& codec, std::span<const std::byte> from,
                           std::span<std::byte> to) {
  const std::span<const std::byte> whole[] = {from};
  return codec.compress(weft::detail::piece_cursor(whole, 0), from.size(), to);
}

// A frame that decoders skip (RFC 8878, 3.1.2): what zeros become is padded so that it stays within the ratio.
constexpr std::uint32_t skippable_magic = 0x184D2A50;
constexpr std::size_t skippable_header = 8;

/// The window that a Zstandard frame asks for (RFC 8878, 3.1.1.1.2); 0 when it is its content.
unsigned window_log_of(std::span<const std::byte> frame) noexcept {
  constexpr std::size_t descriptor = 4, window = 5;
  if (frame.size() <= window || (std::to_integer<unsigned>(frame[descriptor]) & 0x20) != 0) return 0;
  const unsigned b = std::to_integer<unsigned>(frame[window]);
  return 10 + (b >> 3) + (b & 7 ? 1 : 0);
}

}  // namespace

void link_compressor::wrote(std::size_t bytes, time_ns taken) noexcept {
  if (taken <= 0 || bytes == 0) return;
  // Times are averaged, not rates: one write that was quick by chance must not hide many that were slow.
  const double now = static_cast<double>(taken) / 1e9 / static_cast<double>(bytes);
  const double before = rate_ == 0 ? now : 1 / rate_;
  rate_ = 1 / (before + (now - before) / 8);
}

bool link_compressor::may_pay(std::span<const std::byte> payload) {
  if (rate_ >= options_.codec_rate) return false;  // whatever the sample says
  std::array<std::byte, places * place_bytes> sample, out;
  std::span<const std::byte> tried = payload;
  if (payload.size() > sample.size()) {
    for (std::size_t i = 0; i < places; ++i) {
      const std::size_t at = (payload.size() - place_bytes) / (places - 1) * i;
      std::memcpy(sample.data() + i * place_bytes, payload.data() + at, place_bytes);
    }
    tried = sample;
  }
  const auto most = static_cast<std::size_t>(static_cast<double>(tried.size()) / least_shrink);
  const std::size_t small = compress_whole(codec_, tried, std::span(out).first(most));
  if (small == 0) return false;
  const double saved = 1 - static_cast<double>(small) / static_cast<double>(tried.size());
  return rate_ < options_.codec_rate * saved;
}

std::span<const std::byte> link_compressor::compress(std::span<const std::byte> payload,
                                                     std::unique_ptr<std::byte[]>& to) {
  if (options_.policy == compression_policy::off || !link_.compresses || !link_.between_hosts ||
      payload.size() < options_.least_bytes || payload.size() > limits_.plain)
    return {};
  if (options_.policy == compression_policy::automatic && !may_pay(payload)) return {};
  const std::size_t least = payload.size() / limits_.ratio + 1;
  const std::size_t room = payload.size() - 1;
  if (least + skippable_header > room) return {};
  if (scratch_bytes_ < room) {
    scratch_ = std::make_unique_for_overwrite<std::byte[]>(room);
    scratch_bytes_ = room;
  }
  std::byte* const made = scratch_.get();
  std::size_t bytes = compress_whole(codec_, payload, {made, room});
  if (bytes == 0) return {};
  if (bytes < least) {
    const std::uint32_t head[] = {skippable_magic, static_cast<std::uint32_t>(least - bytes)};
    std::memcpy(made + bytes, head, sizeof head);
    std::memset(made + bytes + sizeof head, 0, least - bytes);
    bytes = least + sizeof head;
  }
  to = std::make_unique_for_overwrite<std::byte[]>(bytes);
  std::memcpy(to.get(), made, bytes);
  if (scratch_bytes_ > kept_scratch) {
    scratch_.reset();
    scratch_bytes_ = 0;
  }
  return {to.get(), bytes};
}

void link_compressor::decompress(std::span<const std::byte> from, std::span<std::byte> to) {
  const auto declared = ZSTD_getFrameContentSize(from.data(), from.size());
  if (declared != to.size())
    throw protocol_error("weft: a compressed payload of " + std::to_string(from.size()) + " bytes " +
                         (declared == ZSTD_CONTENTSIZE_ERROR     ? std::string("is not Zstandard's")
                          : declared == ZSTD_CONTENTSIZE_UNKNOWN ? std::string("does not say its size")
                                                                 : "holds " + std::to_string(declared)) +
                         "; its frame says " + std::to_string(to.size()));
  if (const unsigned log = window_log_of(from); log > limits_.window_log)
    throw protocol_error("weft: a compressed payload asks for a window of 2^" + std::to_string(log) +
                         " bytes; at most 2^" + std::to_string(limits_.window_log) +
                         " is accepted (frame_limits::window_log)");
  // In one call, straight to its place: the decoder allocates no window, whatever the frame says.
  if (!codec_.decompress(from, to))
    throw protocol_error("weft: a compressed payload of " + std::to_string(from.size()) +
                         " bytes does not decompress to the " + std::to_string(to.size()) + " that its frame says");
}

}  // namespace weft::net
