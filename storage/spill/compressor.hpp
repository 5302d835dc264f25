#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "spill/pieces.hpp"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace weft::detail {

/// Zstandard at level 1, with the memory that it works in: some hundred KiB, made when first needed and kept.
class compressor {
 public:
  compressor() noexcept;
  compressor(const compressor&) = delete;
  compressor& operator=(const compressor&) = delete;
  ~compressor();

  /// Compresses `length` bytes from the cursor into `to`; gives how many bytes came of it, 0 if they do not fit.
  /// Throws std::bad_alloc.
  std::size_t compress(piece_cursor from, std::size_t length, std::span<std::byte> to);
  /// Fills `to` exactly; false when `from` holds anything else. Never writes past `to`, whatever `from` is.
  bool decompress(std::span<const std::byte> from, std::span<std::byte> to);
  /// Whether a sample, four places of a record or of several, shrinks by 1.3 or more.
  bool pays(std::span<const std::byte> sample);

 private:
  struct free_contexts {
    void operator()(ZSTD_CCtx_s* c) const noexcept;
    void operator()(ZSTD_DCtx_s* d) const noexcept;
  };
  std::unique_ptr<ZSTD_CCtx_s, free_contexts> out_;
  std::unique_ptr<ZSTD_DCtx_s, free_contexts> in_;
};

}  // namespace weft::detail
