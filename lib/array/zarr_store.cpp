// Zarr stores as arrays, and arrays as Zarr stores.
#include "array/zarr_store.hpp"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <functional>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "array/file_chunks.hpp"
#include "array/layered.hpp"
#include "array/unfinished.hpp"
#include "array/writers.hpp"
#include "array/zarr_folder.hpp"
#include "weft/array/zarr.hpp"
#include "weft/blocking.hpp"
#include "weft/detail/array/gathers.hpp"
#include "weft/errors.hpp"
#include "weft/stop.hpp"

namespace weft::detail::arrays {

namespace {

namespace fs = std::filesystem;

struct zarr_node final : layered_node {
  zarr_node(client c, zarr_place p) : layered_node(std::move(c), p.of, p.chunks, {}), where(std::move(p)) {}
  box reads(std::size_t, const box&) const override { return {}; }
  layer<block> lay(const box& tasks, std::span<const layer<block>>, std::span<const box>) const override {
    zarr_place own = where;
    own.first = tasks.first;
    own.counts = tasks.counts;
    return layer_of(tasks.tasks(), read_zarr_task{shared<zarr_place>(std::move(own))});
  }
  const zarr_place where;
};

/// The store's chunks, or multiples of them.
grid grid_to_read(const zarr_array& z, const std::string& path, const creation& how) {
  const weft::shape whole = extents_from(z.shape), stored = extents_from(z.chunk);
  if (how.chunk.size() == 0) return make_grid(whole, stored, how.bytes, z.type.size);
  return grid_of_stored(whole, stored, path, how, z.type.size);
}

zarr_codec codec_of(const zarr_options& how) {
  zarr_codec c;
  c.level = how.level;
  if (how.compression == zarr_compression::off) return c;
  c.of = how.compression == zarr_compression::zstd ? zarr_codec::kind::zstd : zarr_codec::kind::blosc;
  if (how.compression == zarr_compression::blosc_zstd) c.inner = "zstd";
  return c;
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

/// Whether an axis is cut where the store's chunks end, so that each of these is one task's.
bool is_cut_there(const cut& c, std::int64_t chunk) {
  for (std::int64_t i = 1; c.table && i < c.count(); ++i)
    if (c.first(i) % chunk != 0) return false;
  if (c.count() > 1 && c.lead % chunk != 0) return false;
  return c.table != nullptr || c.count() <= 2 || c.chunk % chunk == 0;
}

task<> finish(fs::path unfinished, fs::path folder, bool overwrite) {
  const auto put = [&] { put_in_place(unfinished, folder, overwrite); };
  co_await blocking(put);
}

/// x in chunks that are made of whole ones of the store: x itself where it has such.
array_ref in_chunks_of(array_ref x, const zarr_array& z) {
  const grid& g = x->chunks;
  const weft::shape stored = extents_from(z.chunk);
  bool fits = true;
  for (std::uint32_t a = 0; a < g.rank; ++a) fits = fits && is_cut_there(g.axes[a], stored[a]);
  if (fits) return x;
  const weft::shape chunk = chunk_to_write(g, stored, x->of.item);
  return rechunked(std::move(x), chunk, creation().bytes);
}

}  // namespace

weft::shape chunk_to_write(const grid& x, const weft::shape& stored, std::size_t item) {
  const auto bytes_in = [item](const weft::shape& s) {
    return std::accumulate(s.begin(), s.end(), static_cast<std::int64_t>(item), std::multiplies<>());
  };
  const std::int64_t most = std::max({bytes_in(x.largest()), bytes_in(stored), creation().bytes});
  return multiple_of_stored(x.whole(), stored, most, item);
}

task<block> read_zarr_part(shared<zarr_place> where, std::size_t j) {
  const coordinates at = place_in_box(j, where->first, where->counts);
  const chunk_box b = box_of(where->chunks, at, where->of.item);
  block result(where->of, where->chunks.chunk(at));
  if (result.count() == 0) co_return result;
  co_await read_zarr_box(where->path, where->store, b.first, b.extents, result.bytes().data(), b.steps);
  co_return result;
}

task<> write_zarr_part(shared<zarr_place> where, std::size_t j, const block& from) {
  const coordinates at = place_in_box(j, where->first, where->counts);
  const chunk_box b = box_of(where->chunks, at, where->of.item);
  check_own(from, where->of, where->chunks.chunk(at));
  if (from.count() == 0) co_return;
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

task<> write_zarr_store(array_ref x, std::string path, zarr_options how) {
  zarr_place where{"", store_for(*x, path, how)};
  const auto prepare = [&] {
    fs::path folder = place_of_store(path);
    prepare_place(folder, how.overwrite);
    return folder;
  };
  const fs::path folder = co_await blocking(prepare);
  const std::uint64_t number = where.writing = number_of_writing();
  const std::string unfinished = where.path = unfinished_beside(folder, number);
  x = in_chunks_of(std::move(x), where.store);
  const box all = box::all_of(x->chunks);
  where.chunks = x->chunks;
  where.first = all.first;
  where.counts = all.counts;
  where.of = x->of;
  std::exception_ptr failure;
  try {
    co_await create_zarr(where.path, where.store);
    layer<> writes = layer_of(x->chunks.tasks(), write_zarr_task{shared<zarr_place>(std::move(where))},
                              weft::from(layer_of_blocks(*x), one_to_one{}));
    const writing_end end = co_await run_writers(x->owner, std::move(writes), number);
    if (end.failure) std::rethrow_exception(end.failure);
    task<> finishing = finish(unfinished, folder, how.overwrite);
    co_await shield(std::move(finishing));  // it is in place or not, and no stop says otherwise
  } catch (...) { failure = std::current_exception(); }
  if (!failure) co_return;
  try {
    remove_store(unfinished);
  } catch (const fs::filesystem_error&) {}  // that it cannot be removed is less than what has happened
  std::rethrow_exception(failure);
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
  if (p.store.fill && p.store.fill->size() != p.store.type.size) d.fail(what, "its fill value is no element");
  if (p.of.item != p.store.type.size || extents_of(p.chunks) != p.store.shape)
    d.fail(what, "its chunks are those of another array");
  if (!is_box_of(p.chunks, p.first, p.counts)) d.fail(what, "its box is not in its chunks");
  return p;
}

}  // namespace weft::detail::arrays
