// What HDF5's filters do to a chunk, and undone.
#include <zlib.h>

#include <stdexcept>
#include <utility>

#include "array/copy.hpp"
#include "array/hdf5_file.hpp"

namespace weft::detail::arrays {

namespace {

/// The bytes of all elements lie sorted, the first of each, then the second: a matrix to be transposed.
bool transpose_bytes(std::span<std::byte> to, std::span<const std::byte> from, std::size_t item, bool to_sorted) {
  if (from.size() != to.size()) return false;
  const std::size_t n = to.size() / item, extents[] = {item, n};
  const std::ptrdiff_t elements[] = {1, static_cast<std::ptrdiff_t>(item)};
  const std::ptrdiff_t sorted[] = {static_cast<std::ptrdiff_t>(n), 1};
  copy_box(to.data(), to_sorted ? sorted : elements, from.data(), to_sorted ? elements : sorted, extents, 1);
  return true;
}

std::span<const std::byte> deflate_whole(std::vector<std::byte>& to, std::span<const std::byte> from, int level) {
  uLongf size = compressBound(static_cast<uLong>(from.size()));
  to.resize(size);
  const int result = compress2(reinterpret_cast<Bytef*>(to.data()), &size,
                               reinterpret_cast<const Bytef*>(from.data()), static_cast<uLong>(from.size()), level);
  if (result == Z_OK) return std::span(to).first(size);
  throw std::runtime_error("weft: zlib cannot deflate a chunk of " + std::to_string(from.size()) + " bytes: error " +
                           std::to_string(result));
}

bool inflate_whole(std::span<std::byte> to, std::span<const std::byte> from) {
  uLongf size = to.size();
  return uncompress(reinterpret_cast<Bytef*>(to.data()), &size, reinterpret_cast<const Bytef*>(from.data()),
                    static_cast<uLong>(from.size())) == Z_OK &&
         size == to.size();
}

}  // namespace

std::span<const std::byte> hdf5_encoder::encode(std::span<const std::byte> chunk) {
  std::size_t k = 0;
  for (const hdf5_filter f : filters_) {
    std::vector<std::byte>& room = rooms_[k];
    if (f == hdf5_filter::deflate) {
      chunk = deflate_whole(room, chunk, level_);
    } else {
      room.resize(chunk.size());
      transpose_bytes(room, chunk, item_, true);
      chunk = room;
    }
    k ^= 1;
  }
  return chunk;
}

hdf5_decoder::hdf5_decoder(const hdf5_dataset& d, std::string name)
    : of_(d),
      name_(std::move(name)),
      size_(d.plain_chunks ? bytes_of(d.chunk, d.type.size).value() : 0) {}  // less than 4 GiB, as HDF5 has it

void hdf5_decoder::decode(hdf5_chunk c, std::span<const std::size_t> extents, std::byte* to) {
  std::span<std::byte> chunk = c.stored;
  bool sound = true;
  for (std::size_t i = of_.filters.size(), k = 0; sound && i-- > 0;) {
    if (c.skipped >> i & 1) continue;
    std::unique_ptr<std::byte[]>& room = rooms_[k];
    if (!room) room = std::make_unique_for_overwrite<std::byte[]>(size_);
    const std::span<std::byte> into(room.get(), size_);
    sound = of_.filters[i] == hdf5_filter::deflate ? inflate_whole(into, chunk)
                                                   : transpose_bytes(into, chunk, of_.type.size, false);
    chunk = into;
    k ^= 1;
  }
  if (!sound || chunk.size() != size_)
    throw std::runtime_error("weft: a chunk of " + name_ + " is damaged: it does not become " +
                             std::to_string(size_) + " bytes");
  make_native(chunk, of_.type);
  const std::size_t rank = extents.size();
  std::vector<std::ptrdiff_t> steps(rank), to_steps(rank);
  row_major_steps(of_.chunk, of_.type.size, steps);
  row_major_steps(extents, of_.type.size, to_steps);
  const std::byte* from = chunk.data();
  for (std::size_t a = 0; a < rank; ++a) {
    from += static_cast<std::ptrdiff_t>(c.begin[a]) * steps[a];
    to += static_cast<std::ptrdiff_t>(c.place[a]) * to_steps[a];
  }
  copy_box(to, to_steps, from, steps, c.extents, of_.type.size);
}

}  // namespace weft::detail::arrays
