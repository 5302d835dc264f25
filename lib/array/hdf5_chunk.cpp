// What HDF5's filters do to a chunk, undone.
#include <zlib.h>

#include <stdexcept>
#include <utility>

#include "array/copy.hpp"
#include "array/hdf5_file.hpp"
#include "weft/detail/unwritten.hpp"

namespace weft::detail::arrays {

namespace {

/// The bytes of all elements lie sorted, the first of each, then the second: a matrix to be transposed.
bool unshuffle(std::span<std::byte> to, std::span<const std::byte> from, std::size_t item) {
  if (from.size() != to.size()) return false;
  const std::size_t n = to.size() / item, extents[] = {item, n};
  const std::ptrdiff_t to_steps[] = {1, static_cast<std::ptrdiff_t>(item)};
  const std::ptrdiff_t from_steps[] = {static_cast<std::ptrdiff_t>(n), 1};
  copy_box(to.data(), to_steps, from.data(), from_steps, extents, 1);
  return true;
}

bool inflate_whole(std::span<std::byte> to, std::span<const std::byte> from) {
  uLongf size = to.size();
  return uncompress(reinterpret_cast<Bytef*>(to.data()), &size, reinterpret_cast<const Bytef*>(from.data()),
                    static_cast<uLong>(from.size())) == Z_OK &&
         size == to.size();
}

[[noreturn]] void throw_damaged(const std::string& name, std::size_t size) {
  throw std::runtime_error("weft: a chunk of " + name + " is damaged: it does not become " + std::to_string(size) +
                           " bytes");
}

}  // namespace

void decode_hdf5_chunk(const hdf5_dataset& d, hdf5_chunk c, std::span<const std::size_t> extents, std::byte* to,
                       const std::string& name) {
  const std::size_t size = bytes_of(d.chunk, d.type.size).value();  // less than 4 GiB, as HDF5 has it
  std::vector<std::byte> chunk = std::move(c.stored), before;
  for (std::size_t i = d.filters.size(); i-- > 0;) {
    if (c.skipped >> i & 1) continue;
    before = std::exchange(chunk, unwritten<std::vector<std::byte>>(size));
    const bool done =
        d.filters[i] == hdf5_filter::deflate ? inflate_whole(chunk, before) : unshuffle(chunk, before, d.type.size);
    if (!done) throw_damaged(name, size);
  }
  if (chunk.size() != size) throw_damaged(name, size);
  make_native(chunk, d.type);
  const std::size_t rank = extents.size();
  std::vector<std::ptrdiff_t> steps(rank), to_steps(rank);
  row_major_steps(d.chunk, d.type.size, steps);
  row_major_steps(extents, d.type.size, to_steps);
  const std::byte* from = chunk.data();
  for (std::size_t a = 0; a < rank; ++a) {
    from += static_cast<std::ptrdiff_t>(c.begin[a]) * steps[a];
    to += static_cast<std::ptrdiff_t>(c.place[a]) * to_steps[a];
  }
  copy_box(to, to_steps, from, steps, c.extents, d.type.size);
}

}  // namespace weft::detail::arrays
