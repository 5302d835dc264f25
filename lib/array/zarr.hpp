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
/// version 3" (zarr-specs.readthedocs.io). Codecs: none, Zstandard, Blosc, gzip and zlib, and CRC-32C behind them;
/// others, filters and shards are refused by name.
namespace weft::detail::arrays {

/// How a chunk is compressed.
struct zarr_codec {
  enum class kind : std::uint8_t { none, zstd, blosc, gzip, zlib };
  enum class shuffle : std::uint8_t { none, bytes, bits };
  kind of = kind::none;
  int level = 5;     // zstd: -131072 to 22; others: 0 to 9
  bool crc = false;  // version 3: four bytes of CRC-32C (RFC 3720, appendix B.4) behind what the compressor made
  bool checksum =
      false;  // zstd: a checksum at the end; in version 2 only newer readers know it, so it is not written
  std::string inner = "lz4";     // blosc: blosclz, lz4, lz4hc, zlib, zstd or snappy
  shuffle mix = shuffle::bytes;  // blosc
  std::size_t block_size = 0;    // blosc, in bytes; 0: it chooses
  friend bool operator==(const zarr_codec&, const zarr_codec&) = default;
};

/// What the metadata of an array say that is needed to read and to write chunks.
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

/// What they say beside that, which tasks need not know.
struct zarr_notes {
  std::string attributes = {};  // the text of a JSON object; none: there are no attributes
  /// One for each axis, or none at all; an axis may have no name. Version 2 has none.
  std::vector<std::optional<std::string>> names = {};
};
inline const zarr_notes no_zarr_notes;  // a default argument in a co_await expression g++ 12 destroys twice

/// The largest file of metadata that is read, and the largest chunk, in bytes.
inline constexpr std::size_t most_zarr_metadata = std::size_t{4} << 20;
inline constexpr std::size_t most_zarr_chunk =
    (std::size_t{1} << 31) - (std::size_t{1} << 16);  // Blosc's is about that

/// From the text of a `.zarray` or a `zarr.json`, which of them the text says. Throws std::runtime_error, which
/// names the file, for text that is no JSON, metadata that are incomplete or of the wrong kinds, what only later
/// versions or extensions know, elements that are no numbers, more axes than most_copied_axes and chunks above
/// most_zarr_chunk.
zarr_array parse_zarr(std::string_view text, const std::string& name);

/// What else the text of a `zarr.json` says, which parse_zarr has read already; what is of the wrong kind there is
/// none, and attributes that are no JSON (Python writes NaN, and integers of any size) are their text as it is. Of a
/// `.zattrs` the attributes are all of the text. Throws std::runtime_error for text that is no JSON, or no object.
zarr_notes parse_zarr_notes(std::string_view text, const std::string& name);
zarr_notes parse_zarr_attributes(std::string_view text, const std::string& name);
/// Of a `.zattrs` that is there: where it is no JSON, or no object, all of the text as it is.
zarr_notes read_zarr_attributes(std::string_view text);
inline constexpr const char* zarr_attributes_name = ".zattrs";  // version 2 has them in a file of their own

/// Whether the text of a `zarr.json` is that of an array, be it one that parse_zarr refuses: not of a group, and
/// JSON.
bool is_zarr_array(std::string_view text);

/// The text for the file of this name, which depends on the version. Throws misuse for what cannot be said in it, or
/// would be refused by parse_zarr. Of version 2 the attributes are another file's, which is their text.
std::string make_zarr(const zarr_array& z, const zarr_notes& notes = no_zarr_notes);
/// Throws misuse for what cannot be written with z: attributes that are no JSON object, more names than axes, or
/// any in version 2. Attributes come back without spaces, and names with those that are missing at the end.
zarr_notes checked_notes(const zarr_array& z, zarr_notes notes);
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
/// What they say beside, of an array that open_zarr has read; of a `.zattrs` above most_zarr_metadata nothing.
task<zarr_notes> read_zarr_notes(std::string folder, const zarr_array& z);
/// Makes the folder where it is not there, and writes the metadata. Throws as make_zarr.
task<> create_zarr(std::string folder, const zarr_array& z, const zarr_notes& notes = no_zarr_notes);

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
