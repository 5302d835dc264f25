#include "array/npy_array.hpp"

#include <filesystem>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "array/file_chunks.hpp"
#include "array/layered.hpp"
#include "array/npy.hpp"
#include "array/source.hpp"
#include "weft/detail/array/files.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

npy_header header_of(const npy_place& p) {
  npy_header h;
  h.type = item_type_of(p.of, p.swapped).value();
  h.fortran_order = p.fortran_order;
  if (p.whole.size() == 0)
    h.shape = extents_of(p.chunks);
  else
    h.shape.assign(p.whole.begin(), p.whole.end());
  h.data_offset = p.offset;
  return h;
}

struct npy_node final : layered_node, reads_place, has_source {
  npy_node(client c, npy_place p) : layered_node(std::move(c), p.of, p.chunks, {}), where(std::move(p)) {}
  box reads(std::size_t, const box&) const override { return {}; }
  any_code<chunk_source> source() const override { return source_of<read_npy_task>::code_of(where); }
  bool spell(encoder& e) const override {
    weft::encode(e, where);
    return true;
  }
  std::string place_read() const override { return spelled_alike(where.path); }
  std::vector<std::string> things_read() const override { return {to_string(number_of_file(where.path))}; }
  layer<block> lay(const box& tasks, std::span<const layer<block>>, std::span<const box>) const override {
    npy_place own = where;
    own.first = tasks.first;
    own.counts = tasks.counts;
    return layer_of(tasks.tasks(), read_npy_task{shared<npy_place>(std::move(own))});
  }
  const npy_place where;
};

}  // namespace

task<block> read_npy_chunk(shared<npy_place> where, std::size_t j) {
  const coordinates at = place_in_box(j, where->first, where->counts);
  const chunk_box b = box_of(where->chunks, at, where->of.item);
  block result(where->of, where->chunks.chunk(at));
  if (result.count() == 0) co_return result;
  const npy_header h = header_of(*where);
  file f = co_await file::open(where->path);
  co_await read_npy_box(f, h, b.first, b.extents, result.bytes().data(), b.steps);
  co_return result;
}

task<nothing> write_npy_chunk(shared<npy_place> where, std::size_t j, const block& from) {
  const coordinates at = place_in_box(j, where->first, where->counts);
  chunk_box b = box_of(where->chunks, at, where->of.item);
  for (std::size_t a = 0; a < where->begin.size(); ++a) b.first[a] += static_cast<std::size_t>(where->begin[a]);
  check_own(from, where->of, where->chunks.chunk(at));
  if (from.count() == 0) co_return nothing();
  const writing here(where->writing);
  const npy_header h = header_of(*where);
  file f = co_await file::open(where->path, {.mode = where->with_header ? access::read_write : access::write});
  if (where->with_header) {
    const npy_header there = co_await read_npy_header(f);
    if (!(there == h)) throw_written_anew(where->path);
  }
  co_await write_npy_box(f, h, b.first, b.extents, from.bytes().data(), b.steps);
  co_await f.close();
  co_return nothing();
}

task<array_ref> open_npy(client c, std::string path, element e, creation how) {
  file f = co_await file::open(path);
  const npy_header h = co_await read_npy_header(f);
  const std::optional<item_type> wanted = item_type_of(e, h.type.swapped);
  if (!wanted || !(*wanted == h.type))
    throw misuse("weft: " + path + " has elements of type " + to_string(h.type) + ", and is read as an array of " +
                 weft::to_string(e.type) + ": read it as what it is, and use astype<>");
  if (h.shape.size() > most_axes)
    throw misuse("weft: " + path + " has an array of " + std::to_string(h.shape.size()) + " axes, of at most 8");
  weft::shape extents = weft::shape::of_rank(h.shape.size());
  for (std::size_t a = 0; a < extents.size(); ++a) extents[a] = static_cast<std::int64_t>(h.shape[a]);
  npy_place where{std::filesystem::absolute(path).string(), make_grid(extents, how.chunk, how.bytes, e.item)};
  where.offset = h.data_offset;
  where.of = e;
  where.fortran_order = h.fortran_order;
  where.swapped = h.type.swapped;
  co_return array_in_file(std::move(c), std::move(where));
}

array_ref array_in_file(client c, npy_place where) {
  return std::make_shared<const npy_node>(std::move(c), std::move(where));
}

item_type type_to_write(const array_node& x, const std::string& path) {
  const std::optional<item_type> type = item_type_of(x.of, false);
  if (!type)
    throw misuse("weft: " + path + " cannot hold an array whose elements are no numbers: write their fields apart");
  return *type;
}

layer<nothing> writes_to_file(npy_place where, layer<block> chunks, const std::string& name) {
  return writes_of_all<write_npy_task>(std::move(where), std::move(chunks), name);
}

void weft_encode(encoder& e, const npy_place& p) {
  weft::encode(e, p.path);
  weft::encode(e, p.chunks);
  weft::encode(e, p.first);
  weft::encode(e, p.counts);
  weft::encode(e, p.offset);
  weft::encode(e, p.of);
  weft::encode(e, p.fortran_order);
  weft::encode(e, p.swapped);
  weft::encode(e, p.writing);
  weft::encode(e, p.begin);
  weft::encode(e, p.whole);
  weft::encode(e, p.with_header);
}
npy_place weft_decode(decoder& d, std::type_identity<npy_place>) {
  npy_place p{weft::decode<std::string>(d), weft::decode<grid>(d)};
  p.first = weft::decode<weft::shape>(d);
  p.counts = weft::decode<weft::shape>(d);
  p.offset = weft::decode<std::uint64_t>(d);
  p.of = weft::decode<element>(d);
  p.fortran_order = weft::decode<bool>(d);
  p.swapped = weft::decode<bool>(d);
  p.writing = weft::decode<std::uint64_t>(d);
  p.begin = weft::decode<weft::shape>(d);
  p.whole = weft::decode<weft::shape>(d);
  p.with_header = weft::decode<bool>(d);
  if (!is_part_of(p.chunks, p.begin, p.whole)) d.fail("an array's file", "its part is not in it");
  if (!is_box_of(p.chunks, p.first, p.counts)) d.fail("an array's file", "its box is not in its chunks");
  if (!is_number(p.of)) d.fail("an array's file", "its elements are no numbers");
  if (!bytes_of(header_of(p).shape, p.of.item) || p.offset >> 62 != 0) d.fail("an array's file", "it is too large");
  return p;
}

}  // namespace weft::detail::arrays
