// Arrays in files without a header: as in npy files, but that nothing says what they are.
#include "weft/array/raw.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include "array/file_chunks.hpp"
#include "array/npy_array.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

constexpr std::uint64_t most_bytes = std::uint64_t{1} << 62;

/// Where the elements end in the file. Throws misuse where no file is so large.
std::uint64_t end_of(const std::string& path, const std::vector<std::size_t>& extents, std::size_t item,
                     std::uint64_t offset) {
  const std::optional<std::uint64_t> bytes = bytes_of(extents, item);
  if (!bytes || offset > most_bytes || offset + *bytes > most_bytes)
    throw misuse("weft: " + path + " cannot hold an array from byte " + std::to_string(offset) +
                 " on: it would have more than 2^62 bytes");
  std::uint64_t held = *bytes;
  for (const std::size_t n : extents)
    if (n == 0) held = 0;
  return offset + held;
}

[[noreturn]] void throw_short(const std::string& path, std::uint64_t size, element e, const weft::shape& extents,
                              std::uint64_t offset, std::uint64_t end) {
  throw std::runtime_error("weft: " + path + " has " + std::to_string(size) + " bytes, and an array of " +
                           weft::to_string(e.type) + " of shape " + weft::to_string(extents) + " from byte " +
                           std::to_string(offset) + " on ends at byte " + std::to_string(end));
}

class raw_format final : public file_format {
 public:
  raw_format(const raw_layout& l, const weft::shape& whole) : layout_(l), whole_(whole) {}
  npy_header header_for(const array_node& x, const std::string& path) const override {
    if (whole_.size() != 0 && whole_ != x.chunks.whole())
      throw misuse("weft: an array of shape " + weft::to_string(x.chunks.whole()) + " for " + path +
                   ", which is said to have the shape " + weft::to_string(whole_) +
                   ": say by .region(...) which part of it that is, or name no shape to replace the file");
    npy_header h = laid_out(x, path);
    h.shape = extents_of(x.chunks);
    end_of(path, h.shape, h.type.size, h.data_offset);
    return h;
  }
  task<file> create(std::string path, npy_header& h) const override {
    const std::uint64_t end = end_of(path, h.shape, h.type.size, h.data_offset);
    file f = co_await file::open(std::move(path), {.mode = access::read_write, .create = true, .truncate = true});
    co_await f.truncate(end);
    co_return f;
  }
  task<npy_header> look(file& f, const array_node& x) const override {
    npy_header h = laid_out(x, f.path());
    h.shape.assign(whole_.begin(), whole_.end());
    const std::uint64_t end = end_of(f.path(), h.shape, h.type.size, h.data_offset), size = co_await f.size();
    if (size < end) throw_short(f.path(), size, x.of, whole_, h.data_offset, end);
    co_return h;
  }
  void check_part() const override {
    if (whole_.size() == 0)
      throw misuse("weft: a region of a file that does not say its shape: raw_file takes it behind the layout");
  }

 private:
  npy_header laid_out(const array_node& x, const std::string& path) const {
    npy_header h;
    h.type = type_to_write(x, path);
    h.type.swapped = layout_.order != std::endian::native;
    h.fortran_order = layout_.first_axis_fastest;
    h.data_offset = layout_.offset;
    return h;
  }

  const raw_layout layout_;
  const weft::shape whole_;
};

}  // namespace

task<array_ref> open_raw(client c, std::string path, element e, weft::shape extents, raw_layout layout,
                         creation how) {
  if (!item_type_of(e, false))
    throw misuse("weft: " + path + " is read as an array whose elements are no numbers: read their fields apart");
  npy_place where{std::filesystem::absolute(path).string(), make_grid(extents, how.chunk, how.bytes, e.item)};
  where.offset = layout.offset;
  where.of = e;
  where.fortran_order = layout.first_axis_fastest;
  where.swapped = layout.order != std::endian::native;
  const std::uint64_t end = end_of(path, extents_of(where.chunks), e.item, layout.offset);
  file f = co_await file::open(path);
  const std::uint64_t size = co_await f.size();
  if (size < end) throw_short(path, size, e, extents, layout.offset, end);
  co_return array_in_file(std::move(c), std::move(where));
}

target_ref raw_target(std::string path, raw_layout layout, weft::shape whole) {
  return file_target(std::move(path), std::make_shared<const raw_format>(layout, whole));
}

}  // namespace weft::detail::arrays
