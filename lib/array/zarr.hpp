#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "array/copy.hpp"
#include "array/item_type.hpp"
#include "weft/task.hpp"

/// Arrays in folders, a file for each chunk: "Zarr storage specification version 2" and "Zarr core specification
/// version 3" (zarr-specs.readthedocs.io). Codecs: none, Zstandard and Blosc; others, filters and shards are refused
/// by name.
namespace weft::detail::arrays {

/// How a chunk is compressed.
struct zarr_codec {
  enum class kind : std::uint8_t { none, zstd, blosc };
  enum class shuffle : std::uint8_t { none, bytes, bits };
  kind of = kind::none;
  int level = 5;  // zstd: -131072 to 22; blosc: 0 to 9
  bool checksum =
      false;  // zstd: a checksum at the end; in version 2 only newer readers know it, so it is not written
  std::string inner = "lz4";     // blosc: blosclz, lz4, lz4hc, zlib, zstd or snappy
  shuffle mix = shuffle::bytes;  // blosc
  std::size_t block_size = 0;    // blosc, in bytes; 0: it chooses
  friend bool operator==(const zarr_codec&, const zarr_codec&) = default;
};

/// What the metadata of an array say. Attributes and names of dimensions are not kept.
struct zarr_array {
  unsigned version = 3;  // 2 or 3
  item_type type = {};
  std::vector<std::size_t> shape = {};
  std::vector<std::size_t> chunk = {};  // a chunk's extents, the last ones' of an axis too: these stand over
  /// The array's axes in the order in which a chunk stores them, the last the fastest. Version 2 knows two: rising
  /// (C's) and falling (Fortran's).
  std::vector<std::size_t> order = {};
  /// The element, in the machine's order of bytes, that stands where no chunk has been written; none (null): zeros.
  std::optional<std::vector<std::byte>> fill = {};
  zarr_codec codec = {};
  char separator = '/';  // between a chunk's coordinates in its key: '/' or '.'
  bool prefixed = true;  // keys begin with "c"
  friend bool operator==(const zarr_array&, const zarr_array&) = default;
};

/// The largest file of metadata that is read, and the largest chunk, in bytes.
inline constexpr std::size_t most_zarr_metadata = std::size_t{4} << 20;
inline constexpr std::size_t most_zarr_chunk =
    (std::size_t{1} << 31) - (std::size_t{1} << 16);  // Blosc's is about that

/// From the text of a `.zarray` or a `zarr.json`, which of them the text says. Throws std::runtime_error, which
/// names the file, for text that is no JSON, metadata that are incomplete or of the wrong kinds, what only later
/// versions or extensions know, elements that are no numbers, more axes than most_copied_axes and chunks above
/// most_zarr_chunk.
zarr_array parse_zarr(std::string_view text, const std::string& name);

/// Whether the text of a `zarr.json` is that of an array, be it one that parse_zarr refuses: not of a group, and
/// JSON.
bool is_zarr_array(std::string_view text);

/// The text for the file of this name, which depends on the version. Throws misuse for what cannot be said in it, or
/// would be refused by parse_zarr.
std::string make_zarr(const zarr_array& z);
std::string zarr_metadata_name(const zarr_array& z);

/// The file of a chunk, from the array's folder.
std::string zarr_key(const zarr_array& z, std::span<const std::size_t> place);
/// How many chunks there are along axis `a`.
std::size_t zarr_chunks(const zarr_array& z, std::size_t a);

/// Compresses a whole chunk. Throws std::runtime_error when the compressor fails.
std::vector<std::byte> encode_zarr_chunk(const zarr_array& z, std::span<const std::byte> chunk);
/// Decompresses a chunk to `into`, which has its size. Throws std::runtime_error, which names the file, when the data
/// are damaged or of another size.
void decode_zarr_chunk(const zarr_array& z, std::span<const std::byte> data, std::span<std::byte> into,
                       const std::string& name);

/// Reads the metadata of the array in `folder`: `zarr.json`, or else `.zarray`. Throws as parse_zarr, and
/// std::system_error when there is neither.
task<zarr_array> open_zarr(std::string folder);
/// Makes the folder where it is not there, and writes the metadata. Throws as make_zarr.
task<> create_zarr(std::string folder, const zarr_array& z);

/// Reads a box of the array, which must be within its shape (misuse), from all chunks that it touches, one after
/// the other; chunks that are not there count as filled, and std::runtime_error is thrown where the metadata are not
/// there either, which costs a look for each of these chunks. Elements come in the machine's order of bytes. Memory
/// as in copy_box. Needs a chunk's bytes twice in memory, and without a codec only the box's own, as read_npy_box.
task<> read_zarr_box(std::string folder, const zarr_array& z, std::span<const std::size_t> first,
                     std::span<const std::size_t> extents, std::byte* to, byte_steps to_steps);

/// Writes one chunk; memory holds what of it is within the array, the rest is filled. The file appears under its name
/// at once and whole: it is written under another (the name with .new and a number) and renamed. Not synchronised to
/// the device. Throws std::system_error when `folder` is not there: create_zarr makes it, and no chunk does.
task<> write_zarr_chunk(std::string folder, const zarr_array& z, std::span<const std::size_t> place,
                        const std::byte* from, byte_steps from_steps);

}  // namespace weft::detail::arrays
