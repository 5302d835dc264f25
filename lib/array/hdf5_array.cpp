// Datasets of HDF5 files as arrays, and arrays as datasets.
#include "array/hdf5_array.hpp"

#include <exception>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "array/file_chunks.hpp"
#include "array/hdf5_file.hpp"
#include "array/layered.hpp"
#include "array/npy_array.hpp"
#include "weft/array/hdf5.hpp"
#include "weft/blocking.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

struct hdf5_node final : layered_node {
  hdf5_node(client c, hdf5_place p) : layered_node(std::move(c), p.of, p.chunks, {}), where(std::move(p)) {}
  box reads(std::size_t, const box&) const override { return {}; }
  layer<block> lay(const box& tasks, std::span<const layer<block>>, std::span<const box>) const override {
    hdf5_place own = where;
    own.first = tasks.first;
    own.counts = tasks.counts;
    return layer_of(tasks.tasks(), read_hdf5_task{shared<hdf5_place>(std::move(own))});
  }
  const hdf5_place where;
};

std::string name_of(const std::string& path, const std::string& dataset) {
  return "dataset " + dataset + " of " + path;
}

/// Of a dataset in chunks, multiples of these.
grid grid_of_dataset(const hdf5_dataset& d, const std::string& name, const creation& how) {
  const weft::shape whole = extents_from(d.shape);
  if (d.chunk.empty()) return make_grid(whole, how.chunk, how.bytes, d.type.size);
  const weft::shape stored = extents_from(d.chunk);
  if (how.chunk.size() != 0) return grid_of_stored(whole, stored, name, how, d.type.size);
  return make_grid(whole, multiple_of_stored(whole, stored, how.bytes, d.type.size), how.bytes, d.type.size);
}

void check_name(const std::string& path, const std::string& dataset) {
  const std::size_t begin = dataset.find_first_not_of('/');
  if (begin == std::string::npos || dataset.ends_with('/') || dataset.find('\0') != std::string::npos)
    throw misuse("weft: '" + dataset + "' is no name of a dataset of " + path + ": give one, with '/' behind groups");
}

}  // namespace

task<block> read_hdf5_part(shared<hdf5_place> where, std::size_t j) {
  const coordinates at = place_in_box(j, where->first, where->counts);
  const chunk_box b = box_of(where->chunks, at, where->of.item);
  block result(where->of, where->chunks.chunk(at));
  if (result.count() == 0) co_return result;
  const item_type type = item_type_of(where->of, where->swapped).value();
  hdf5_rest rest;
  const auto read = [&] {
    rest = read_hdf5_box(where->path, where->dataset, type, extents_of(where->chunks), b.first, b.extents,
                         result.bytes().data());
  };
  co_await blocking(read);
  hdf5_decoder decoder(rest.of, name_of(where->path, where->dataset));
  for (hdf5_chunk& c : rest.chunks) decoder.decode(std::move(c), b.extents, result.bytes().data());
  make_native(result.bytes(), {type.of, type.size, false});
  co_return result;
}

task<array_ref> open_hdf5(client c, std::string path, std::string dataset, element e, std::size_t rank,
                          creation how) {
  check_name(path, dataset);
  path = std::filesystem::absolute(path).string();
  { const file there = co_await file::open(path); }  // which says what is wrong with a path
  const auto look = [&] { return look_up_hdf5(path, dataset); };
  const hdf5_dataset d = co_await blocking(look);
  const std::string name = name_of(path, dataset);
  const std::optional<item_type> wanted = item_type_of(e, d.type.swapped);
  if (!wanted || !(*wanted == d.type))
    throw misuse("weft: " + name + " has elements of type " + to_string(d.type) + ", and is read as an array of " +
                 weft::to_string(e.type) + ": read it as what it is, and use astype<>");
  if (d.shape.size() > most_axes)
    throw misuse("weft: " + name + " has " + std::to_string(d.shape.size()) + " axes, of at most 8");
  if (rank != dynamic_rank && rank != d.shape.size())
    throw misuse("weft: " + name + " has " + std::to_string(d.shape.size()) + " axes, of shape " +
                 weft::to_string(extents_from(d.shape)) + ", and is read as an array of " + std::to_string(rank));
  const grid chunks = grid_of_dataset(d, name, how);
  if (d.offset) {  // as in a file that has nothing else
    npy_place where{path, chunks};
    where.offset = *d.offset;
    where.of = e;
    where.swapped = d.type.swapped;
    co_return array_in_file(std::move(c), std::move(where));
  }
  hdf5_place where{.path = path, .dataset = dataset, .chunks = chunks};
  where.of = e;
  where.swapped = d.type.swapped;
  co_return std::make_shared<const hdf5_node>(std::move(c), std::move(where));
}

task<> write_hdf5(array_ref x, std::string path, std::string dataset, hdf5_options how) {
  check_name(path, dataset);
  path = std::filesystem::absolute(path).string();
  const npy_header h = header_for(*x, path);
  const auto make_room = [&] { return make_hdf5_room(path, dataset, h.type, h.shape, how.overwrite); };
  const hdf5_room room = co_await blocking(make_room);
  std::exception_ptr failure;
  try {
    npy_place where{path, x->chunks};
    where.offset = room.offset;
    where.of = x->of;
    co_await write_chunks(x, std::move(where));
    const auto finish = [&] { put_hdf5_in_place(path, dataset, how.overwrite); };
    co_await blocking(finish);
  } catch (...) { failure = std::current_exception(); }
  if (!failure) co_return;
  try {
    give_up_hdf5_room(path, dataset, room.new_file);
  } catch (const std::runtime_error&) {}  // that it cannot be removed is less than what has happened
  std::rethrow_exception(failure);
}

void weft_encode(encoder& e, const hdf5_place& p) {
  weft::encode(e, p.path);
  weft::encode(e, p.dataset);
  weft::encode(e, p.chunks);
  weft::encode(e, p.first);
  weft::encode(e, p.counts);
  weft::encode(e, p.of);
  weft::encode(e, p.swapped);
}
hdf5_place weft_decode(decoder& d, std::type_identity<hdf5_place>) {
  constexpr const char* what = "an array's HDF5 file";
  hdf5_place p{weft::decode<std::string>(d), weft::decode<std::string>(d), weft::decode<grid>(d)};
  p.first = weft::decode<weft::shape>(d);
  p.counts = weft::decode<weft::shape>(d);
  p.of = weft::decode<element>(d);
  p.swapped = weft::decode<bool>(d);
  if (!is_box_of(p.chunks, p.first, p.counts)) d.fail(what, "its box is not in its chunks");
  if (!is_number(p.of)) d.fail(what, "its elements are no numbers");
  if (!bytes_of(extents_of(p.chunks), p.of.item)) d.fail(what, "it is too large");
  return p;
}

}  // namespace weft::detail::arrays
