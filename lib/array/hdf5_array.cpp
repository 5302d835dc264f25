// Datasets of HDF5 files as arrays.
#include "array/hdf5_array.hpp"

#include <filesystem>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "array/file_chunks.hpp"
#include "array/hdf5_file.hpp"
#include "array/hdf5_room.hpp"
#include "array/layered.hpp"
#include "array/npy_array.hpp"
#include "array/source.hpp"
#include "array/storing.hpp"
#include "weft/array/hdf5.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

struct hdf5_node final : layered_node, reads_place, has_source {
  hdf5_node(client c, hdf5_place p) : layered_node(std::move(c), p.of, p.chunks, {}), where(std::move(p)) {}
  box reads(std::size_t, const box&) const override { return {}; }
  any_code<chunk_source> source() const override { return source_of<read_hdf5_task>::code_of(where); }
  bool spell(encoder& e) const override {
    weft::encode(e, where);
    return true;
  }
  std::string place_read() const override { return place_of_dataset(where.path, where.dataset); }
  std::vector<std::string> things_read() const override { return {where.thing}; }
  layer<block> lay(const box& tasks, std::span<const layer<block>>, std::span<const box>) const override {
    hdf5_place own = where;
    own.first = tasks.first;
    own.counts = tasks.counts;
    return layer_of(tasks.tasks(), read_hdf5_task{shared<hdf5_place>(std::move(own))});
  }
  const hdf5_place where;
};

/// Of a dataset in chunks, multiples of these.
grid grid_of_dataset(const hdf5_dataset& d, const std::string& name, const creation& how) {
  const weft::shape whole = extents_from(d.shape);
  if (d.chunk.empty()) return make_grid(whole, how.chunk, how.bytes, d.type.size);
  const weft::shape stored = extents_from(d.chunk);
  if (how.chunk.size() != 0) return grid_of_stored(whole, stored, name, how, d.type.size);
  return make_grid(whole, multiple_of_stored(whole, stored, how.bytes, d.type.size), how.bytes, d.type.size);
}

/// Elements that are in one piece: without the library, but where the file was written to since it was opened. None
/// where they are not in one piece any more.
task<std::optional<std::uint64_t>> find_offset(const hdf5_place& where, const item_type& type) {
  const auto look = [&]() -> std::optional<std::uint64_t> {
    if (!where.offset || version_of_hdf5(where.path) == where.version) return where.offset;
    return look_up_again(where.path, where.dataset, type, extents_of(where.chunks)).offset;
  };
  co_return co_await when_free(look);
}

task<> read_in_one_piece(const hdf5_place& where, std::uint64_t offset, const item_type& type, const chunk_box& b,
                         block& to) {
  npy_header h;
  h.type = type;
  h.shape = extents_of(where.chunks);
  h.data_offset = offset;
  file f = co_await file::open(where.path);
  co_await read_npy_box(f, h, b.first, b.extents, to.bytes().data(), b.steps);
}

}  // namespace

std::string place_of_dataset(const std::string& path, const std::string& dataset) {
  return spelled_alike(path) + ": " + name_in_root(dataset);
}

std::string thing_of_dataset(const hdf5_dataset& d) {
  if (d.object == 0 || !d.unwritable.empty()) return {};  // it may be in another file
  return to_string(file_number{d.device, d.inode}) + ": " + std::to_string(d.object);
}

void check_dataset_name(const std::string& path, const std::string& dataset) {
  const std::size_t begin = dataset.find_first_not_of('/');
  if (begin == std::string::npos || dataset.ends_with('/') || dataset.ends_with("/.") || dataset == "." ||
      dataset.find('\0') != std::string::npos)
    throw misuse("weft: '" + dataset + "' is no name of a dataset of " + path + ": give one, with '/' behind groups");
}

array_ref array_in_hdf5(client c, hdf5_place where) {
  return std::make_shared<const hdf5_node>(std::move(c), std::move(where));
}

task<block> read_hdf5_part(shared<hdf5_place> where, std::size_t j) {
  const coordinates at = place_in_box(j, where->first, where->counts);
  const chunk_box b = box_of(where->chunks, at, where->of.item);
  block result(where->of, where->chunks.chunk(at));
  if (result.count() == 0) co_return result;
  const item_type type = item_type_of(where->of, where->swapped).value();
  const std::optional<std::uint64_t> offset = co_await find_offset(*where, type);
  if (offset) {
    co_await read_in_one_piece(*where, *offset, type, b, result);
    co_return result;
  }
  hdf5_rest rest;
  const auto read = [&] {
    rest = read_hdf5_box(where->path, where->dataset, type, extents_of(where->chunks), b.first, b.extents,
                         result.bytes().data());
  };
  co_await when_free(read);
  hdf5_decoder decoder(rest.of, name_of_hdf5(where->path, where->dataset));
  for (hdf5_chunk& c : rest.chunks) decoder.decode(std::move(c), b.extents, result.bytes().data());
  make_native(result.bytes(), {type.of, type.size, false});
  co_return result;
}

task<array_ref> open_hdf5(client c, std::string path, std::string dataset, element e, std::size_t rank,
                          creation how) {
  check_dataset_name(path, dataset);
  path = std::filesystem::absolute(path).string();
  { const file there = co_await file::open(path); }  // which says what is wrong with a path
  const auto look = [&] { return look_up_hdf5(path, dataset); };
  const hdf5_dataset d = co_await when_free(look);
  const std::string name = name_of_hdf5(path, dataset);
  const std::optional<item_type> wanted = item_type_of(e, d.type.swapped);
  if (!wanted || !(*wanted == d.type))
    throw misuse("weft: " + name + " has elements of type " + to_string(d.type) + ", and is read as an array of " +
                 weft::to_string(e.type) + ": read it as what it is, and use astype<>");
  if (d.shape.size() > most_axes)
    throw misuse("weft: " + name + " has " + std::to_string(d.shape.size()) + " axes, of at most 8");
  if (rank != dynamic_rank && rank != d.shape.size())
    throw misuse("weft: " + name + " has " + std::to_string(d.shape.size()) + " axes, of shape " +
                 weft::to_string(extents_from(d.shape)) + ", and is read as an array of " + std::to_string(rank));
  hdf5_place where{.path = path, .dataset = dataset, .chunks = grid_of_dataset(d, name, how)};
  where.of = e;
  where.swapped = d.type.swapped;
  where.offset = d.offset;
  where.version = d.version;
  where.thing = thing_of_dataset(d);
  co_return array_in_hdf5(std::move(c), std::move(where));
}

void weft_encode(encoder& e, const hdf5_place& p) {
  weft::encode(e, p.path);
  weft::encode(e, p.dataset);
  weft::encode(e, p.chunks);
  weft::encode(e, p.first);
  weft::encode(e, p.counts);
  weft::encode(e, p.of);
  weft::encode(e, p.swapped);
  weft::encode(e, p.offset);
  weft::encode(e, p.version);
}
hdf5_place weft_decode(decoder& d, std::type_identity<hdf5_place>) {
  constexpr const char* what = "an array's HDF5 file";
  hdf5_place p{weft::decode<std::string>(d), weft::decode<std::string>(d), weft::decode<grid>(d)};
  p.first = weft::decode<weft::shape>(d);
  p.counts = weft::decode<weft::shape>(d);
  p.of = weft::decode<element>(d);
  p.swapped = weft::decode<bool>(d);
  p.offset = weft::decode<std::optional<std::uint64_t>>(d);
  p.version = weft::decode<hdf5_version>(d);
  if (!is_box_of(p.chunks, p.first, p.counts)) d.fail(what, "its box is not in its chunks");
  if (!is_number(p.of)) d.fail(what, "its elements are no numbers");
  if (!bytes_of(extents_of(p.chunks), p.of.item)) d.fail(what, "it is too large");
  if (p.offset.value_or(0) >> 62 != 0) d.fail(what, "it is too large");
  return p;
}

}  // namespace weft::detail::arrays

namespace weft {

task<array_contents> contents_of_hdf5(std::string path, std::string dataset) {
  using namespace detail::arrays;
  check_dataset_name(path, dataset);
  { const file there = co_await file::open(path); }  // which says what is wrong with a path
  const auto look = [&] { return look_up_hdf5(path, dataset); };
  const detail::arrays::hdf5_dataset d = co_await when_free(look);
  co_return contents_from(d.type, d.shape, d.chunk, name_of_hdf5(path, dataset));
}

}  // namespace weft
