#include "array/zarr.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <system_error>

#include "array/file_box.hpp"
#include "weft/blocking.hpp"
#include "weft/errors.hpp"
#include "weft/file.hpp"

namespace weft::detail::arrays {

namespace {

/// A chunk as its file holds it, without its compression.
file_layout layout_of(const zarr_array& z) {
  file_layout l{.offset = 0, .item = z.type.size, .shape = z.chunk};
  l.steps.resize(z.chunk.size());
  std::uint64_t step = z.type.size;
  for (std::size_t i = z.order.size(); i-- > 0;) {
    l.steps[z.order[i]] = step;
    step *= z.chunk[z.order[i]];
  }
  return l;
}

std::vector<std::ptrdiff_t> signed_steps(const file_layout& l) { return {l.steps.begin(), l.steps.end()}; }

std::size_t chunk_bytes(const zarr_array& z) { return bytes_of(z.chunk, z.type.size).value(); }

std::vector<std::byte> fill_element(const zarr_array& z) {
  return z.fill.value_or(std::vector<std::byte>(z.type.size));
}

bool is_missing(const std::system_error& e) {
  return e.code() == std::errc::no_such_file_or_directory || e.code() == std::errc::not_a_directory;
}

/// The file, not open where there is none.
task<file> open_if_there(std::string path) {
  try {
    co_return co_await file::open(std::move(path));
  } catch (const std::system_error& e) {
    if (!is_missing(e)) throw;
  }
  co_return file();
}

/// All of a file that may have `most` bytes. `what` is said of a larger one.
task<std::vector<std::byte>> read_all(file& f, std::uint64_t most, const char* what) {
  const std::uint64_t size = co_await f.size();
  if (size > most)
    throw std::runtime_error("weft: " + f.path() + " has " + std::to_string(size) + " bytes: " + what + " at most " +
                             std::to_string(most));
  std::vector<std::byte> all(size);
  const std::size_t n = co_await f.read_full_at(0, all);
  all.resize(n);
  co_return all;
}

/// Opens a new file beside `path`, under a name that nobody else writes to.
task<file> open_beside(const std::string& path) {
  constexpr unsigned most = 1000;  // writers at once, and rests of those that were ended
  for (unsigned i = 0;; ++i) {
    try {
      co_return co_await file::open(path + ".new" + std::to_string(i),
                                    {.mode = access::write, .create = true, .exclusive = true});
    } catch (const std::system_error& e) {
      if (e.code() != std::errc::file_exists || i == most) throw;
    }
  }
}

/// Makes the folders that the key names within a store's, which must be there itself: a writer that is late does not
/// make it anew when it has been renamed.
void make_folders(const std::string& folder, const std::string& key) {
  for (std::size_t at = key.find('/'); at != std::string::npos; at = key.find('/', at + 1))
    std::filesystem::create_directory(folder + "/" + key.substr(0, at));
}

/// A file's whole content, at once: whoever opens it meanwhile has the old or the new one. Its folder must be there.
task<> replace_file(std::string path, std::span<const std::byte> content) {
  file f = co_await open_beside(path);
  const std::string name = f.path();
  const auto rename = [&name, &path] { std::filesystem::rename(name, path); };
  std::exception_ptr error;
  try {
    co_await f.write_full_at(0, content);
    co_await f.close();
    co_await blocking(rename);
  } catch (...) { error = std::current_exception(); }
  if (error) {
    std::error_code ignored;
    std::filesystem::remove(name, ignored);
    std::rethrow_exception(error);
  }
}

/// Throws where a chunk is not there because its whole store is not: moved, removed, or on another machine.
task<> require_store(std::string folder, const zarr_array& z) {
  const std::string metadata = folder + "/" + zarr_metadata_name(z);
  const auto look = [&metadata] { return std::filesystem::exists(metadata); };
  const bool there = co_await blocking(look);
  if (!there)
    throw std::runtime_error("weft: " + metadata +
                             " is not there, nor is a chunk of the store: it was moved or "
                             "removed after it was opened, or this machine does not have its file system");
}

/// Reads a part of the chunk with this key: `first` and `extents` are within it.
task<> read_part(std::string folder, std::string key, const zarr_array& z, std::span<const std::size_t> first,
                 std::span<const std::size_t> extents, std::byte* to, byte_steps to_steps) {
  const file_layout layout = layout_of(z);
  const std::string path = folder + "/" + key;
  file f = co_await open_if_there(path);
  if (!f.is_open()) {
    co_await require_store(folder, z);
    const std::vector<std::byte> element = fill_element(z);
    fill_box(to, to_steps, extents, element);
    co_return;
  }
  const std::size_t size = chunk_bytes(z);
  if (z.codec.of == zarr_codec::kind::none && !z.codec.crc) {
    const std::uint64_t there = co_await f.size();
    if (there != size)
      throw std::runtime_error("weft: " + path + " is no chunk of " + std::to_string(size) + " bytes: it has " +
                               std::to_string(there));
    co_await read_file_box(f, layout, z.type, first, extents, to, to_steps);
    co_return;
  }
  // Compressors do not make anything twice as large, but for some bytes.
  const std::vector<std::byte> data = co_await read_all(f, 2 * size + 4096, "a compressed chunk has here");
  const std::unique_ptr<std::byte[]> chunk = std::make_unique_for_overwrite<std::byte[]>(size);
  decode_zarr_chunk(z, data, {chunk.get(), size}, path);
  make_native({chunk.get(), size}, z.type);
  const std::byte* from = chunk.get();
  for (std::size_t a = 0; a < first.size(); ++a) from += first[a] * layout.steps[a];
  copy_box(to, to_steps, from, signed_steps(layout), extents, z.type.size);
}

}  // namespace

task<zarr_array> open_zarr(std::string folder) {
  file f = co_await open_if_there(folder + "/zarr.json");
  if (!f.is_open()) f = co_await file::open(folder + "/.zarray");
  const std::vector<std::byte> text = co_await read_all(f, most_zarr_metadata, "metadata may have");
  co_return parse_zarr({reinterpret_cast<const char*>(text.data()), text.size()}, f.path());
}

task<zarr_notes> read_zarr_notes(std::string folder, const zarr_array& z) {
  const std::string path = folder + "/" + (z.version == 2 ? zarr_attributes_name : zarr_metadata_name(z));
  file f = co_await open_if_there(path);
  if (!f.is_open()) co_return zarr_notes();
  const std::uint64_t size = co_await f.size();
  if (z.version == 2 && size > most_zarr_metadata) co_return zarr_notes();
  const std::vector<std::byte> all = co_await read_all(f, most_zarr_metadata, "metadata may have");
  const std::string_view text(reinterpret_cast<const char*>(all.data()), all.size());
  co_return z.version == 2 ? read_zarr_attributes(text) : parse_zarr_notes(text, path);
}

task<> create_zarr(std::string folder, const zarr_array& z, const zarr_notes& notes) {
  const std::string text = make_zarr(z, notes);
  const auto make_folder = [&folder] { std::filesystem::create_directories(folder); };
  co_await blocking(make_folder);
  co_await replace_file(folder + "/" + zarr_metadata_name(z), std::as_bytes(std::span(text)));
  if (z.version == 2 && !notes.attributes.empty())
    co_await replace_file(folder + "/" + zarr_attributes_name, std::as_bytes(std::span(notes.attributes)));
}

task<> read_zarr_box(std::string folder, const zarr_array& z, std::span<const std::size_t> first,
                     std::span<const std::size_t> extents, std::byte* to, byte_steps to_steps) {
  const std::size_t rank = z.shape.size();
  if (first.size() != rank || extents.size() != rank || to_steps.size() != rank)
    throw misuse("weft: the array in " + folder + " has " + std::to_string(rank) + " axes, and the box " +
                 std::to_string(extents.size()) + ": give a begin, an extent and a step for each");
  for (std::size_t a = 0; a < rank; ++a) {
    if (first[a] > z.shape[a] || extents[a] > z.shape[a] - first[a])
      throw misuse("weft: axis " + std::to_string(a) + " of the array in " + folder + " has " +
                   std::to_string(z.shape[a]) + " elements, and the box " + std::to_string(extents[a]) + " from " +
                   std::to_string(first[a]) + " on: ask for what is there");
  }
  for (const std::size_t n : extents)
    if (n == 0) co_return;
  std::vector<std::size_t> place(rank), begin(rank), size(rank);
  for (std::size_t a = 0; a < rank; ++a) place[a] = first[a] / z.chunk[a];
  for (;;) {
    std::byte* part = to;
    for (std::size_t a = 0; a < rank; ++a) {
      const std::size_t chunk_first = place[a] * z.chunk[a], from = std::max(first[a], chunk_first);
      begin[a] = from - chunk_first;
      size[a] = std::min(z.chunk[a] - begin[a], first[a] + extents[a] - from);
      part += static_cast<std::ptrdiff_t>(from - first[a]) * to_steps[a];
    }
    co_await read_part(folder, zarr_key(z, place), z, begin, size, part, to_steps);
    std::size_t a = rank;
    while (a-- > 0) {
      if (++place[a] <= (first[a] + extents[a] - 1) / z.chunk[a]) break;
      place[a] = first[a] / z.chunk[a];
    }
    if (a == std::size_t(-1)) co_return;  // counted past the outermost axis
  }
}

task<> write_zarr_chunk(std::string folder, const zarr_array& z, std::span<const std::size_t> place,
                        const std::byte* from, byte_steps from_steps) {
  const std::size_t rank = z.shape.size();
  if (place.size() != rank || from_steps.size() != rank)
    throw misuse("weft: the array in " + folder + " has " + std::to_string(rank) + " axes, and the chunk's place " +
                 std::to_string(place.size()) + ": give a coordinate and a step for each");
  std::vector<std::size_t> extents(rank);
  bool whole = true;
  for (std::size_t a = 0; a < rank; ++a) {
    if (place[a] >= zarr_chunks(z, a))
      throw misuse("weft: the array in " + folder + " has " + std::to_string(zarr_chunks(z, a)) +
                   " chunks along axis " + std::to_string(a) + ": there is no chunk " + std::to_string(place[a]));
    extents[a] = std::min(z.chunk[a], z.shape[a] - place[a] * z.chunk[a]);
    whole = whole && extents[a] == z.chunk[a];
  }
  const file_layout layout = layout_of(z);
  const std::vector<std::ptrdiff_t> steps = signed_steps(layout);
  const std::size_t size = chunk_bytes(z);
  std::unique_ptr<std::byte[]> chunk = std::make_unique_for_overwrite<std::byte[]>(size);
  if (!whole) {
    const std::vector<std::byte> element = fill_element(z);
    fill_box(chunk.get(), steps, z.chunk, element);
  }
  copy_box(chunk.get(), steps, from, from_steps, extents, z.type.size);
  const std::span<std::byte> raw(chunk.get(), size);
  swap_if_needed(raw, z.type);
  const std::string key = zarr_key(z, place), path = folder + "/" + key;
  std::vector<std::byte> data;
  if (z.codec.of != zarr_codec::kind::none || z.codec.crc) {
    data = encode_zarr_chunk(z, raw);
    chunk.reset();
  }
  const auto make = [&folder, &key] { make_folders(folder, key); };
  co_await blocking(make);
  const std::span<const std::byte> content = chunk ? raw : std::span<std::byte>(data);
  co_await replace_file(path, content);
}

}  // namespace weft::detail::arrays
