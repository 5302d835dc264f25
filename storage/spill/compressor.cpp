#include "spill/compressor.hpp"

#include <zstd.h>

#include <array>
#include <new>

namespace weft::detail {

void compressor::free_contexts::operator()(ZSTD_CCtx_s* c) const noexcept { ZSTD_freeCCtx(c); }
void compressor::free_contexts::operator()(ZSTD_DCtx_s* d) const noexcept { ZSTD_freeDCtx(d); }

compressor::compressor() noexcept = default;
compressor::~compressor() = default;

std::size_t compressor::compress(piece_cursor from, std::size_t length, std::span<std::byte> to) {
  if (!out_) {
    out_.reset(ZSTD_createCCtx());
    if (!out_) throw std::bad_alloc();
    ZSTD_CCtx_setParameter(out_.get(), ZSTD_c_compressionLevel, 1);
  }
  ZSTD_CCtx_reset(out_.get(), ZSTD_reset_session_only);
  ZSTD_CCtx_setPledgedSrcSize(out_.get(), length);
  ZSTD_outBuffer out{to.data(), to.size(), 0};
  for (std::size_t done = 0; done < length;) {
    const std::span<const std::byte> piece = from.next(length - done);
    done += piece.size();
    const bool last = done == length;
    ZSTD_inBuffer in{piece.data(), piece.size(), 0};
    // One call does not take all of a piece when it has filled a block, or `to`.
    for (;;) {
      const std::size_t left = ZSTD_compressStream2(out_.get(), &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
      if (ZSTD_isError(left)) throw std::bad_alloc();  // the only way in which compressing can fail here
      if (last ? left == 0 : in.pos == in.size) break;
      if (out.pos == out.size) return 0;
    }
  }
  return out.pos;
}

bool compressor::decompress(std::span<const std::byte> from, std::span<std::byte> to) {
  if (!in_) {
    in_.reset(ZSTD_createDCtx());
    if (!in_) throw std::bad_alloc();
  }
  return ZSTD_decompressDCtx(in_.get(), to.data(), to.size(), from.data(), from.size()) == to.size();
}

bool compressor::pays(std::span<const std::byte> sample) {
  if (sample.empty()) return false;
  std::array<std::byte, std::size_t{16} << 10> out;
  const std::size_t most = sample.size() * 10 / 13;
  const std::span<const std::byte> whole[] = {sample};
  return compress(piece_cursor(whole, 0), sample.size(),
                  std::span(out).first(most < out.size() ? most : out.size())) != 0;
}

}  // namespace weft::detail
