// Datasets of HDF5 files as arrays, and arrays as datasets.
#include "array/hdf5_array.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include "array/file_chunks.hpp"
#include "array/hdf5_file.hpp"
#include "array/hdf5_room.hpp"
#include "array/layered.hpp"
#include "array/npy_array.hpp"
#include "array/storing.hpp"
#include "weft/array/hdf5.hpp"
#include "weft/blocking.hpp"
#include "weft/errors.hpp"
#include "weft/sleep.hpp"
#include "weft/stop.hpp"

namespace weft::detail::arrays {

namespace {

using std::chrono::milliseconds;

std::string place_of_dataset(const std::string& path, const std::string& dataset) {
  return spelled_alike(path) + ": " + name_in_root(dataset);
}

struct hdf5_node final : layered_node, reads_place {
  hdf5_node(client c, hdf5_place p) : layered_node(std::move(c), p.of, p.chunks, {}), where(std::move(p)) {}
  box reads(std::size_t, const box&) const override { return {}; }
  std::string place_read() const override { return place_of_dataset(where.path, where.dataset); }
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

/// Calls what opens an HDF5 file, on a thread beside the pool; and again for half a minute where another program has
/// the file open, which takes milliseconds where that one is weft too.
template <class F>
task<std::invoke_result_t<const F&>> when_free(const F& call) {
  constexpr milliseconds longest = std::chrono::seconds(30), longest_pause{20};
  milliseconds waited{0};
  for (milliseconds pause{1};; pause = std::min(2 * pause, longest_pause)) {
    try {
      co_return co_await blocking(std::cref(call));
    } catch (const hdf5_in_use&) {
      if (waited >= longest) throw;
    }
    co_await sleep_for(pause);
    waited += pause;
  }
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

task<array_ref> open_dataset(client c, std::string path, std::string dataset, element e, creation how) {
  return open_hdf5(std::move(c), std::move(path), std::move(dataset), e, dynamic_rank, how);
}

/// A dataset under a name of its own until it is whole. No stop ends what is done to the file itself: it has been
/// done, or not.
class new_dataset_job final : public storing_job {
 public:
  new_dataset_job(array_ref x, const std::string& path, const std::string& dataset, const hdf5_options& how)
      : storing_job(std::move(x), name_of(path, dataset)),
        path_(path),
        dataset_(dataset),
        overwrite_(how.overwrite),
        type_(type_to_write(*x_, path)) {}

  std::string place() const override { return place_of_dataset(path_, dataset_); }

  task<> begin(std::uint64_t number, std::uint64_t own) override {
    number_ = number;
    task<> making = make_room(own);
    co_await shield(std::move(making));
  }
  layer<nothing> writes(layer<block> chunks) override {
    npy_place where{path_, x_->chunks};
    where.offset = room_->offset;
    where.of = x_->of;
    where.writing = number_;
    return writes_to_file(std::move(where), std::move(chunks), name());
  }
  task<> finish() override {
    const auto put = [&] { put_hdf5_in_place(path_, dataset_, *room_, overwrite_); };
    co_await when_free(put);
  }
  task<> give_up(bool certain) override {
    if (!room_) co_return;
    const auto take_away = [&] {
      // Where somebody may still write the room stays his: who comes next gets another one.
      certain ? give_up_hdf5_room(path_, dataset_, *room_) : leave_hdf5_room(path_, dataset_, *room_);
    };
    co_await when_free(take_away);
  }
  task<array_ref> open() const override {
    co_return co_await open_dataset(x_->owner, path_, dataset_, x_->of, {.chunk = x_->chunks.largest()});
  }

 private:
  task<> make_room(std::uint64_t mark) {
    const auto make = [&] {
      room_ = make_hdf5_room(path_, dataset_, type_, extents_of(x_->chunks), overwrite_, mark);
    };
    co_await when_free(make);
  }

  const std::string path_, dataset_;
  const bool overwrite_;
  const item_type type_;
  std::optional<hdf5_room> room_;
  std::uint64_t number_ = 0;
};

/// A part of a dataset that is there, in one piece.
class dataset_region_job final : public storing_job {
 public:
  dataset_region_job(array_ref x, const std::string& path, const std::string& dataset, file_region r)
      : storing_job(std::move(x), name_of(path, dataset)), path_(path), dataset_(dataset), region_(std::move(r)) {
    type_to_write(*x_, path);
  }
  const file_region* region() const noexcept override { return &region_; }
  std::string place() const override { return place_of_dataset(path_, dataset_); }

  task<> begin(std::uint64_t number, std::uint64_t) override {
    number_ = number;
    { const file there = co_await file::open(path_); }  // which says what is wrong with a path
    const auto look = [&] { found_ = look_up_hdf5(path_, dataset_); };
    co_await when_free(look);
    const bool same = item_type_of(x_->of, found_.type.swapped) == found_.type;
    check_type_of_region(x_->of, to_string(found_.type), same, name());
    settle_region(region_, found_.shape, name());
    x_ = in_region(std::move(x_), region_, name());
    if (!found_.offset)
      throw misuse("weft: a region of " + name() + ", which is " +
                   (found_.chunk.empty() ? "nowhere yet, or in another file"
                                         : "in chunks of " + weft::to_string(extents_from(found_.chunk))) +
                   ": regions are written of datasets in one piece, as to_hdf5 makes them");
  }
  layer<nothing> writes(layer<block> chunks) override {
    npy_place where{path_, x_->chunks};
    where.offset = *found_.offset;
    where.of = x_->of;
    where.swapped = found_.type.swapped;
    where.writing = number_;
    where.begin = region_.first;
    where.whole = extents_from(found_.shape);
    return writes_to_file(std::move(where), std::move(chunks), name());
  }
  task<> finish() override { co_return; }
  task<> give_up(bool) override { co_return; }
  task<array_ref> open() const override {
    const creation how{.chunk = x_->chunks.largest()};
    co_return part_in_region(co_await open_dataset(x_->owner, path_, dataset_, x_->of, how), region_);
  }

 private:
  const std::string path_, dataset_;
  file_region region_;
  hdf5_dataset found_;
  std::uint64_t number_ = 0;
};

class dataset_part_kind final : public target_kind {
 public:
  dataset_part_kind(std::string path, std::string dataset, file_region r)
      : path_(std::move(path)), dataset_(std::move(dataset)), region_(std::move(r)) {}
  std::shared_ptr<storing_job> job_for(array_ref x) const override {
    return std::make_shared<dataset_region_job>(std::move(x), path_, dataset_, region_);
  }
  target_ref part(std::vector<index_item>) const override { throw_part_of_part(name_of(path_, dataset_)); }

 private:
  const std::string path_, dataset_;
  const file_region region_;
};
class dataset_kind final : public target_kind {
 public:
  dataset_kind(std::string path, std::string dataset, const hdf5_options& how)
      : path_(std::move(path)), dataset_(std::move(dataset)), how_(how) {}
  std::shared_ptr<storing_job> job_for(array_ref x) const override {
    return std::make_shared<new_dataset_job>(std::move(x), path_, dataset_, how_);
  }
  target_ref part(std::vector<index_item> where) const override {
    return std::make_shared<const dataset_part_kind>(path_, dataset_,
                                                     region_by(std::move(where), name_of(path_, dataset_)));
  }

 private:
  const std::string path_, dataset_;
  const hdf5_options how_;
};

}  // namespace

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
  const hdf5_dataset d = co_await when_free(look);
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
  hdf5_place where{.path = path, .dataset = dataset, .chunks = grid_of_dataset(d, name, how)};
  where.of = e;
  where.swapped = d.type.swapped;
  where.offset = d.offset;
  where.version = d.version;
  co_return std::make_shared<const hdf5_node>(std::move(c), std::move(where));
}

target_ref hdf5_target(std::string path, std::string dataset, hdf5_options how) {
  check_name(path, dataset);
  path = std::filesystem::absolute(path).string();
  return std::make_shared<const dataset_kind>(std::move(path), std::move(dataset), how);
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
  check_name(path, dataset);
  { const file there = co_await file::open(path); }  // which says what is wrong with a path
  const auto look = [&] { return look_up_hdf5(path, dataset); };
  const detail::arrays::hdf5_dataset d = co_await when_free(look);
  co_return contents_from(d.type, d.shape, d.chunk, name_of(path, dataset));
}

}  // namespace weft
