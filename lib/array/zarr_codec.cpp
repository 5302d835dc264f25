#include <blosc.h>
#include <zstd.h>

#include <cstring>
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

[[noreturn]] void damaged(const std::string& name, std::size_t size, const std::string& what) {
  throw std::runtime_error("weft: " + name + " is no chunk of " + std::to_string(size) + " bytes: " + what);
}

}  // namespace

std::vector<std::byte> encode_zarr_chunk(const zarr_array& z, std::span<const std::byte> chunk) {
  switch (z.codec.of) {
    case zarr_codec::kind::zstd:
      return compress_zstd(z.codec, chunk);
    case zarr_codec::kind::blosc:
      return compress_blosc(z.codec, z.type.size, chunk);
    case zarr_codec::kind::none:
      break;
  }
  return {chunk.begin(), chunk.end()};
}

void decode_zarr_chunk(const zarr_array& z, std::span<const std::byte> data, std::span<std::byte> into,
                       const std::string& name) {
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
    case zarr_codec::kind::none:
      if (data.size() != into.size()) damaged(name, into.size(), "it has " + std::to_string(data.size()));
      if (!data.empty()) std::memcpy(into.data(), data.data(), data.size());
  }
}

}  // namespace weft::detail::arrays
