#include <blosc.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <memory>
#include <stdexcept>

#include "array/zarr.hpp"

namespace weft::detail::arrays {

namespace {

struct free_context {
  void operator()(ZSTD_CCtx* c) const noexcept { ZSTD_freeCCtx(c); }
};

std::vector<std::byte> compress_zstd(const zarr_codec& codec, std::span<const std::byte> chunk) {
  const std::unique_ptr<ZSTD_CCtx, free_context> context(ZSTD_createCCtx());
  if (!context) throw std::bad_alloc();
  std::vector<std::byte> out(ZSTD_compressBound(chunk.size()));
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, codec.level);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, codec.checksum ? 1 : 0);
  const std::size_t n = ZSTD_compress2(context.get(), out.data(), out.size(), chunk.data(), chunk.size());
  if (ZSTD_isError(n) != 0)
    throw std::runtime_error(std::string("weft: Zstandard cannot compress a chunk: ") + ZSTD_getErrorName(n));
  out.resize(n);
  return out;
}

std::vector<std::byte> compress_blosc(const zarr_codec& codec, std::size_t item, std::span<const std::byte> chunk) {
  std::vector<std::byte> out(chunk.size() + BLOSC_MAX_OVERHEAD);
  const int n = blosc_compress_ctx(codec.level, static_cast<int>(codec.mix), item, chunk.size(), chunk.data(),
                                   out.data(), out.size(), codec.inner.c_str(), codec.block_size, 1);
  if (n <= 0)
    throw std::runtime_error("weft: Blosc cannot compress a chunk of " + std::to_string(chunk.size()) +
                             " bytes: it was perhaps built without " + codec.inner);
  out.resize(static_cast<std::size_t>(n));
  return out;
}

/// zlib's data with its own header (RFC 1950), or gzip's (RFC 1952).
constexpr int window_bits(zarr_codec::kind of) { return of == zarr_codec::kind::gzip ? 15 + 16 : 15; }

/// zlib counts in 32 bits, and chunks have less than 2^31 bytes.
uInt size_for_zlib(std::size_t n) {
  if (n > std::numeric_limits<uInt>::max()) throw std::length_error("weft: a chunk is too large for zlib");
  return static_cast<uInt>(n);
}
Bytef* bytes_for_zlib(const std::byte* from) {  // which does not write to its input
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(from));
}

std::vector<std::byte> compress_zlib(const zarr_codec& codec, std::span<const std::byte> chunk) {
  z_stream s{};
  if (deflateInit2(&s, codec.level, Z_DEFLATED, window_bits(codec.of), 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::bad_alloc();
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&s, deflateEnd);
  std::vector<std::byte> out(deflateBound(&s, static_cast<uLong>(chunk.size())));
  s.next_in = bytes_for_zlib(chunk.data());
  s.avail_in = size_for_zlib(chunk.size());
  s.next_out = reinterpret_cast<Bytef*>(out.data());
  s.avail_out = size_for_zlib(out.size());
  if (deflate(&s, Z_FINISH) != Z_STREAM_END) throw std::runtime_error("weft: zlib cannot compress a chunk");
  out.resize(s.total_out);
  return out;
}

/// Whether the data are exactly `into`, with their checksums: gzip's may be several, one behind the other.
bool decompress_zlib(zarr_codec::kind of, std::span<const std::byte> data, std::span<std::byte> into) {
  z_stream s{};
  s.next_in = bytes_for_zlib(data.data());
  s.avail_in = size_for_zlib(data.size());
  if (inflateInit2(&s, window_bits(of)) != Z_OK) throw std::bad_alloc();
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&s, inflateEnd);
  std::byte none{};  // zlib wants a place, for nothing too
  s.next_out = reinterpret_cast<Bytef*>(into.empty() ? &none : into.data());
  s.avail_out = size_for_zlib(into.size());
  while (inflate(&s, Z_FINISH) == Z_STREAM_END) {
    if (s.avail_in == 0) return s.avail_out == 0;
    if (of != zarr_codec::kind::gzip || inflateReset(&s) != Z_OK) return false;
  }
  return false;
}

/// CRC-32C by tables for eight bytes at a time (Kounavis and Berry, "A Systematic Approach to Building High
/// Performance Software-based CRC Generators", 2005).
constexpr std::array<std::array<std::uint32_t, 256>, 8> crc_tables() {
  std::array<std::array<std::uint32_t, 256>, 8> t{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = c >> 1 ^ (c & 1 ? 0x82f63b78U : 0U);
    t[0][i] = c;
  }
  for (std::size_t k = 1; k < 8; ++k)
    for (std::size_t i = 0; i < 256; ++i) t[k][i] = t[k - 1][i] >> 8 ^ t[0][t[k - 1][i] & 0xff];
  return t;
}
std::uint32_t crc32c(std::span<const std::byte> data) {
  static constexpr auto tables = crc_tables();
  const auto* p = reinterpret_cast<const std::uint8_t*>(data.data());
  std::size_t n = data.size();
  std::uint32_t crc = ~0U;
  for (; n >= 8; n -= 8, p += 8) {
    std::uint32_t next = 0;
    for (std::size_t k = 0; k < 4; ++k) next ^= tables[7 - k][(crc >> 8 * k & 0xff) ^ p[k]] ^ tables[3 - k][p[k + 4]];
    crc = next;
  }
  for (; n > 0; --n, ++p) crc = crc >> 8 ^ tables[0][(crc ^ *p) & 0xff];
  return ~crc;
}
constexpr std::size_t crc_bytes = 4;  // the lowest first
std::array<std::byte, crc_bytes> bytes_of_crc(std::span<const std::byte> data) {
  const std::uint32_t crc = crc32c(data);
  std::array<std::byte, crc_bytes> b{};
  for (std::size_t k = 0; k < crc_bytes; ++k) b[k] = static_cast<std::byte>(crc >> 8 * k);
  return b;
}

[[noreturn]] void damaged(const std::string& name, std::size_t size, const std::string& what) {
  throw std::runtime_error("weft: " + name + " is no chunk of " + std::to_string(size) + " bytes: " + what);
}

std::vector<std::byte> compress(const zarr_array& z, std::span<const std::byte> chunk) {
  switch (z.codec.of) {
    case zarr_codec::kind::zstd:
      return compress_zstd(z.codec, chunk);
    case zarr_codec::kind::blosc:
      return compress_blosc(z.codec, z.type.size, chunk);
    case zarr_codec::kind::gzip:
    case zarr_codec::kind::zlib:
      return compress_zlib(z.codec, chunk);
    case zarr_codec::kind::none:
      break;
  }
  return {chunk.begin(), chunk.end()};
}

}  // namespace

std::vector<std::byte> encode_zarr_chunk(const zarr_array& z, std::span<const std::byte> chunk) {
  std::vector<std::byte> data = compress(z, chunk);
  if (!z.codec.crc) return data;
  const std::array<std::byte, crc_bytes> crc = bytes_of_crc(data);
  data.insert(data.end(), crc.begin(), crc.end());
  return data;
}

void decode_zarr_chunk(const zarr_array& z, std::span<const std::byte> data, std::span<std::byte> into,
                       const std::string& name) {
  if (z.codec.crc) {
    if (data.size() < crc_bytes) damaged(name, into.size(), "it has no checksum");
    const std::span<const std::byte> crc = data.last(crc_bytes);
    data = data.first(data.size() - crc_bytes);
    if (!std::ranges::equal(bytes_of_crc(data), crc)) damaged(name, into.size(), "its checksum is another one");
  }
  switch (z.codec.of) {
    case zarr_codec::kind::zstd: {
      const std::size_t n = ZSTD_decompress(into.data(), into.size(), data.data(), data.size());
      if (ZSTD_isError(n) != 0) damaged(name, into.size(), std::string("Zstandard says: ") + ZSTD_getErrorName(n));
      if (n != into.size()) damaged(name, into.size(), "it has " + std::to_string(n));
      return;
    }
    case zarr_codec::kind::blosc: {
      std::size_t size = 0;
      if (data.size() < BLOSC_MIN_HEADER_LENGTH || blosc_cbuffer_validate(data.data(), data.size(), &size) != 0)
        damaged(name, into.size(), "Blosc does not know it");
      if (size != into.size()) damaged(name, into.size(), "it has " + std::to_string(size));
      const int n = blosc_decompress_ctx(data.data(), into.data(), into.size(), 1);
      if (n < 0 || static_cast<std::size_t>(n) != into.size())
        damaged(name, into.size(), "Blosc cannot decompress it");
      return;
    }
    case zarr_codec::kind::gzip:
    case zarr_codec::kind::zlib:
      if (!decompress_zlib(z.codec.of, data, into)) damaged(name, into.size(), "zlib finds other data");
      return;
    case zarr_codec::kind::none:
      if (data.size() != into.size()) damaged(name, into.size(), "it has " + std::to_string(data.size()));
      if (!data.empty()) std::memcpy(into.data(), data.data(), data.size());
  }
}

}  // namespace weft::detail::arrays
