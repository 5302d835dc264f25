// Zarr stores as arrays, and arrays as Zarr stores.
#include "array/zarr_store.hpp"

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "array/file_chunks.hpp"
#include "array/layered.hpp"
#include "array/npy_array.hpp"
#include "array/source.hpp"
#include "array/unfinished.hpp"
#include "array/writers.hpp"
#include "array/zarr_folder.hpp"
#include "weft/array/zarr.hpp"
#include "weft/blocking.hpp"
#include "weft/errors.hpp"

namespace weft::detail::arrays {

namespace {

namespace fs = std::filesystem;

struct zarr_node final : layered_node, reads_place, has_source {
  zarr_node(client c, zarr_place p) : layered_node(std::move(c), p.of, p.chunks, {}), where(std::move(p)) {}
  box reads(std::size_t, const box&) const override { return {}; }
  any_code<chunk_source> source() const override { return source_of<read_zarr_task>::code_of(where); }
  bool spell(encoder& e) const override {
    weft::encode(e, where);
    return true;
  }
  std::string place_read() const override { return spelled_alike(where.path); }
  std::vector<std::string> things_read() const override { return {to_string(number_of_file(where.path))}; }
  layer<block> lay(const box& tasks, std::span<const layer<block>>, std::span<const box>) const override {
    zarr_place own = where;
    own.first = tasks.first;
    own.counts = tasks.counts;
    return layer_of(tasks.tasks(), read_zarr_task{shared<zarr_place>(std::move(own))});
  }
  const zarr_place where;
};

/// Multiples of the store's chunks.
grid grid_to_read(const zarr_array& z, const std::string& path, const creation& how) {
  const weft::shape whole = extents_from(z.shape), stored = extents_from(z.chunk);
  if (how.chunk.size() != 0) return grid_of_stored(whole, stored, path, how, z.type.size);
  return make_grid(whole, multiple_of_stored(whole, stored, how.bytes, z.type.size), how.bytes, z.type.size);
}

zarr_codec codec_of(const zarr_options& how) {
  zarr_codec c;
  c.level = how.level;
  c.crc = how.checksum;
  switch (how.compression) {
    case zarr_compression::off:
      break;
    case zarr_compression::zstd:
      c.of = zarr_codec::kind::zstd;
      break;
    case zarr_compression::blosc_zstd:
      c.inner = "zstd";
      [[fallthrough]];
    case zarr_compression::blosc_lz4:
      c.of = zarr_codec::kind::blosc;
      break;
    case zarr_compression::gzip:
      c.of = zarr_codec::kind::gzip;
      break;
    case zarr_compression::zlib:
      c.of = zarr_codec::kind::zlib;
      break;
  }
  return c;
}

/// Names up to the last one that was given.
zarr_notes notes_of(const zarr_options& how) {
  zarr_notes notes{.attributes = std::string(how.attributes)};
  std::size_t n = how.dimension_names.size();
  while (n > 0 && how.dimension_names[n - 1].data() == nullptr) --n;
  for (std::size_t a = 0; a < n; ++a) {
    const std::string_view name = how.dimension_names[a];
    notes.names.push_back(name.data() != nullptr ? std::optional<std::string>(name) : std::nullopt);
  }
  return notes;
}

/// The store for an array. Throws misuse for what cannot be one.
zarr_array store_for(const array_node& x, const std::string& path, const zarr_options& how) {
  const std::optional<item_type> type = item_type_of(x.of, false);
  if (!type)
    throw misuse("weft: " + path + " cannot hold an array whose elements are no numbers: write their fields apart");
  weft::shape chunk = how.chunk;
  if (chunk.size() == 0) {
    chunk = x.chunks.largest();
    for (std::size_t a = 0; a < chunk.size(); ++a) chunk[a] = std::max<std::int64_t>(chunk[a], 1);
  }
  const grid g = make_grid(x.chunks.whole(), chunk, creation().bytes, x.of.item);
  zarr_array z{.version = how.version, .type = *type, .shape = extents_of(g)};
  for (std::uint32_t a = 0; a < g.rank; ++a) z.chunk.push_back(static_cast<std::size_t>(g.axes[a].chunk));
  z.order.resize(g.rank);
  std::iota(z.order.begin(), z.order.end(), std::size_t{0});
  z.fill = std::vector<std::byte>(type->size);
  z.codec = codec_of(how);
  z.prefixed = how.version == 3;
  z.separator = how.version == 3 ? '/' : '.';
  make_zarr(z);  // which refuses what cannot be said
  return z;
}

zarr_place place_in_store(const std::string& path, const zarr_array& z, const array_node& x) {
  zarr_place where{path, z};
  where.chunks = x.chunks;
  where.of = x.of;
  return where;
}
layer<nothing> writes_to_store(zarr_place where, layer<block> chunks, const std::string& name) {
  return writes_of_all<write_zarr_task>(std::move(where), std::move(chunks), name);
}

class new_store_job final : public storing_job {
 public:
  new_store_job(array_ref x, const std::string& path, const zarr_options& how, zarr_notes notes)
      : storing_job(std::move(x), path),
        store_(store_for(*x_, path, how)),
        notes_(checked_notes(store_, std::move(notes))),
        overwrite_(how.overwrite) {
    make_zarr(store_, notes_);  // which refuses what could not be read again
    x_ = in_chunks_of(std::move(x_), extents_from(store_.chunk));
  }

  task<> begin(std::uint64_t number, std::uint64_t own) override {
    number_ = number;
    const auto prepare = [&] {
      folder_ = place_of_store(name());
      prepare_place(folder_, overwrite_);
    };
    co_await blocking(prepare);
    unfinished_ = unfinished_beside(folder_, own);
    co_await create_zarr(unfinished_, store_, notes_);
  }
  layer<nothing> writes(layer<block> chunks) override {
    zarr_place where = place_in_store(unfinished_, store_, *x_);
    where.writing = number_;
    return writes_to_store(std::move(where), std::move(chunks), name());
  }
  task<> finish() override {
    const auto put = [&] { put_in_place(unfinished_, folder_, overwrite_); };
    co_await blocking(put);
  }
  task<> give_up(bool) override {
    if (!unfinished_.empty()) remove_store(unfinished_);
    co_return;
  }
  task<array_ref> open() const override {
    co_return std::make_shared<const zarr_node>(x_->owner, place_in_store(folder_.string(), store_, *x_));
  }

 private:
  const zarr_array store_;
  const zarr_notes notes_;
  const bool overwrite_;
  fs::path folder_;
  std::string unfinished_;
  std::uint64_t number_ = 0;
};

/// A part of a store that is there: whole chunks of it, each of which one task writes.
class store_region_job final : public storing_job {
 public:
  store_region_job(array_ref x, const std::string& path, file_region r)
      : storing_job(std::move(x), path), region_(std::move(r)) {
    type_to_write(*x_, path);
  }
  const file_region* region() const noexcept override { return &region_; }
  std::string thing() const override { return held_ ? to_string(held_->number()) : std::string(); }

  task<> begin(std::uint64_t number, std::uint64_t) override {
    number_ = number;
    held_ = co_await hold_file_beside(name());
    store_ = co_await look();
    const bool same = item_type_of(x_->of, store_.type.swapped) == store_.type;
    check_type_of_region(x_->of, to_string(store_.type), same, name());
    settle_region(region_, store_.shape, name());
    check_chunks_of_region(region_, extents_from(store_.shape), extents_from(store_.chunk), name());
    x_ = in_chunks_of(in_region(std::move(x_), region_, name()), extents_from(store_.chunk));
  }
  layer<nothing> writes(layer<block> chunks) override {
    zarr_place where = place_in_store(name(), store_, *x_);
    where.writing = number_;
    where.begin = region_.first;
    return writes_to_store(std::move(where), std::move(chunks), name());
  }
  task<> finish() override {
    const zarr_array now = co_await look();
    if (!(now == store_) || !(number_of_file(name()) == held_->number())) throw_written_anew(name());
  }
  task<> give_up(bool) override { co_return; }
  task<array_ref> open() const override {
    zarr_place where = place_in_store(name(), store_, *x_);
    where.chunks = make_grid(extents_from(store_.shape), extents_from(store_.chunk), 1, store_.type.size);
    co_return part_in_region(std::make_shared<const zarr_node>(x_->owner, std::move(where)), region_);
  }

 private:
  task<zarr_array> look() const {
    zarr_array z = co_await open_zarr(name());
    if (z.version == 2) z.codec.checksum = false;  // which its metadata cannot say: a chunk does itself
    co_return z;
  }

  file_region region_;
  zarr_array store_;
  std::shared_ptr<const held_file> held_;
  std::uint64_t number_ = 0;
};

class store_part_kind final : public target_kind {
 public:
  store_part_kind(std::string path, file_region r) : path_(std::move(path)), region_(std::move(r)) {}
  std::shared_ptr<storing_job> job_for(array_ref x) const override {
    return std::make_shared<store_region_job>(std::move(x), path_, region_);
  }
  target_ref part(std::vector<index_item>) const override { throw_part_of_part(path_); }

 private:
  const std::string path_;
  const file_region region_;
};
class store_kind final : public target_kind {
 public:
  store_kind(std::string path, const zarr_options& how) : path_(std::move(path)), notes_(notes_of(how)), how_(how) {
    how_.attributes = {};  // which the caller has: notes_ are copies
    how_.dimension_names = {};
  }
  std::shared_ptr<storing_job> job_for(array_ref x) const override {
    return std::make_shared<new_store_job>(std::move(x), path_, how_, notes_);
  }
  target_ref part(std::vector<index_item> where) const override {
    return std::make_shared<const store_part_kind>(path_, region_by(std::move(where), path_));
  }

 private:
  const std::string path_;
  const zarr_notes notes_;
  zarr_options how_;
};

}  // namespace

target_ref zarr_target(std::string path, zarr_options how) {
  return std::make_shared<const store_kind>(folder_of(path).string(), how);
}

task<block> read_zarr_part(shared<zarr_place> where, std::size_t j) {
  const coordinates at = place_in_box(j, where->first, where->counts);
  const chunk_box b = box_of(where->chunks, at, where->of.item);
  block result(where->of, where->chunks.chunk(at));
  if (result.count() == 0) co_return result;
  co_await read_zarr_box(where->path, where->store, b.first, b.extents, result.bytes().data(), b.steps);
  co_return result;
}

task<nothing> write_zarr_part(shared<zarr_place> where, std::size_t j, const block& from) {
  const coordinates at = place_in_box(j, where->first, where->counts);
  chunk_box b = box_of(where->chunks, at, where->of.item);
  for (std::size_t a = 0; a < where->begin.size(); ++a) b.first[a] += static_cast<std::size_t>(where->begin[a]);
  check_own(from, where->of, where->chunks.chunk(at));
  if (from.count() == 0) co_return nothing();
  const writing here(where->writing);
  const zarr_array& z = where->store;
  const std::size_t rank = z.chunk.size();
  std::vector<std::size_t> place(rank);
  coordinates counts{}, within{};
  for (std::size_t a = 0; a < rank; ++a) {
    if (b.first[a] % z.chunk[a] != 0)
      throw std::logic_error("weft: a task that writes to a Zarr store begins within one of its chunks");
    counts[a] = static_cast<std::int64_t>((b.extents[a] + z.chunk[a] - 1) / z.chunk[a]);
  }
  do {
    const std::byte* part = from.bytes().data();
    for (std::size_t a = 0; a < rank; ++a) {
      const auto k = static_cast<std::size_t>(within[a]);
      place[a] = b.first[a] / z.chunk[a] + k;
      part += static_cast<std::ptrdiff_t>(k * z.chunk[a]) * b.steps[a];
    }
    co_await write_zarr_chunk(where->path, z, place, part, b.steps);
  } while (advance(within, counts, rank));
  co_return nothing();
}

task<array_ref> open_zarr_store(client c, std::string path, element e, std::size_t rank, creation how) {
  const std::string folder = folder_of(path).string();
  zarr_array z = co_await open_zarr(folder);
  const std::optional<item_type> wanted = item_type_of(e, z.type.swapped);
  if (!wanted || !(*wanted == z.type))
    throw misuse("weft: " + path + " has elements of type " + to_string(z.type) + ", and is read as an array of " +
                 weft::to_string(e.type) + ": read it as what it is, and use astype<>");
  if (z.shape.size() > most_axes)
    throw misuse("weft: " + path + " has an array of " + std::to_string(z.shape.size()) + " axes, of at most 8");
  if (rank != dynamic_rank && rank != z.shape.size())
    throw misuse("weft: " + path + " has an array of " + std::to_string(z.shape.size()) + " axes, of shape " +
                 weft::to_string(extents_from(z.shape)) + ", and is read as one of " + std::to_string(rank));
  z.codec.checksum = false;  // Zstandard's chunks say themselves whether they have one
  zarr_place where{folder, std::move(z)};
  where.chunks = grid_to_read(where.store, path, how);
  where.of = e;
  co_return std::make_shared<const zarr_node>(std::move(c), std::move(where));
}

void weft_encode(encoder& e, const zarr_place& p) {
  weft::encode(e, p.path);
  weft::encode(e, make_zarr(p.store));
  weft::encode(e, p.store.fill);  // the bits of a NaN too, which the text has not
  weft::encode(e, p.chunks);
  weft::encode(e, p.first);
  weft::encode(e, p.counts);
  weft::encode(e, p.of);
  weft::encode(e, p.writing);
  weft::encode(e, p.begin);
}
zarr_place weft_decode(decoder& d, std::type_identity<zarr_place>) {
  constexpr const char* what = "an array's Zarr store";
  zarr_place p{weft::decode<std::string>(d), {}};
  const auto text = weft::decode<std::string>(d);
  try {
    p.store = parse_zarr(text, zarr_metadata_name(p.store));
  } catch (const std::runtime_error& error) { d.fail(what, error.what()); }
  p.store.fill = weft::decode<std::optional<std::vector<std::byte>>>(d);
  p.chunks = weft::decode<grid>(d);
  p.first = weft::decode<weft::shape>(d);
  p.counts = weft::decode<weft::shape>(d);
  p.of = weft::decode<element>(d);
  p.writing = weft::decode<std::uint64_t>(d);
  p.begin = weft::decode<weft::shape>(d);
  if (p.store.fill && p.store.fill->size() != p.store.type.size) d.fail(what, "its fill value is no element");
  const weft::shape whole = extents_from(p.store.shape);
  const bool is_whole = p.begin.size() == 0 && p.chunks.whole() == whole;
  if (p.of.item != p.store.type.size || !(is_whole || is_part_of(p.chunks, p.begin, whole)))
    d.fail(what, "its chunks are those of another array");
  if (!is_box_of(p.chunks, p.first, p.counts)) d.fail(what, "its box is not in its chunks");
  return p;
}

}  // namespace weft::detail::arrays
