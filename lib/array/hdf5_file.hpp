#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "array/item_type.hpp"

/// Files of many arrays by the HDF group's library ("HDF5 file format specification", version 2.0), which one thread
/// may call at a time: each function here waits for the others, and blocks. All of them throw std::runtime_error with
/// what HDF5 says, and name the file and the dataset.
namespace weft::detail::arrays {

/// Another program has the file open, of those that read it or the one that writes: a moment later it may be free.
class hdf5_in_use : public std::runtime_error {
 public:
  explicit hdf5_in_use(const std::string& path);
};

/// What a chunk goes through when it is written, in this order.
enum class hdf5_filter : std::uint8_t { shuffle, deflate };

/// Tells whether a file is as it was: whoever writes to it changes these.
struct hdf5_version {
  std::uint64_t size = 0;
  std::int64_t written = 0;  // when
  friend bool operator==(const hdf5_version&, const hdf5_version&) = default;
};
/// Throws std::system_error where there is no such file.
hdf5_version version_of_hdf5(const std::string& path);

/// What a file says of one of its arrays, a dataset.
struct hdf5_dataset {
  item_type type = {};
  std::vector<std::size_t> shape = {};
  /// Extents of its chunks; none where it is not in chunks.
  std::vector<std::size_t> chunk = {};
  /// Whether what is stored of a chunk can be made elements here, by what follows; the library reads others.
  bool plain_chunks = false;
  std::vector<hdf5_filter> filters = {};
  int level = 0;  // zlib's, where deflate is one of them
  /// A bit for each filter of all of them, also of chunks that are not plain, that HDF5 itself leaves out of no
  /// chunk: others of a chunk that they would make larger.
  std::uint32_t never_skipped = 0;
  /// Whether an element that nobody has written is of zeros alone.
  bool filled_with_zeros = false;
  /// Why no part of it can be written, `is put together of other datasets`; empty where one can be.
  std::string unwritable = {};
  /// Where the elements begin in the file, row-major and in one piece; none where they do not.
  std::optional<std::uint64_t> offset = {};
  /// Whether a task may write there itself: not where that room may be another dataset's when it comes late.
  bool written_in_place = false;
  hdf5_version version = {};
  std::uint64_t device = 0, inode = 0;  // of the file
  std::uint64_t object = 0;             // where the dataset's description is in the file, by whatever name
};
/// Whether elements that were written to the one, which is in one piece, are in the other.
bool is_same_place(const hdf5_dataset& one, const hdf5_dataset& other);
/// Whether both are one dataset, and not another one of its name.
bool is_same_object(const hdf5_dataset& one, const hdf5_dataset& other);

/// What errors call a dataset.
std::string name_of_hdf5(const std::string& path, const std::string& dataset);

/// Throws where there is no such dataset, and for elements that are no numbers, which it names. A bool is what h5py
/// makes of one, an enumeration of FALSE and TRUE; a complex number a compound of r and i.
hdf5_dataset look_up_hdf5(const std::string& path, const std::string& dataset);
/// The same for one that was of that type and shape, as this process has seen it last where nobody has written to the
/// file since. Throws where it is another one now.
hdf5_dataset look_up_again(const std::string& path, const std::string& dataset, const item_type& type,
                           std::span<const std::size_t> shape);

/// Throws where the file cannot be opened to be written to, and hdf5_in_use.
void check_hdf5_is_writable(const std::string& path);

/// A chunk as it is stored, and what of it belongs to a box.
struct hdf5_chunk {
  std::vector<std::byte> stored = {};
  std::uint32_t skipped = 0;              // a bit for each filter that it has not been through
  std::vector<std::size_t> begin = {};    // of the part, in the chunk
  std::vector<std::size_t> place = {};    // in the box
  std::vector<std::size_t> extents = {};  // of the part
};
/// What is still to be done after a box has been read.
struct hdf5_rest {
  hdf5_dataset of = {};
  std::vector<hdf5_chunk> chunks = {};
};
/// Reads a box of a dataset of that type and shape to memory, row-major: elements in the machine's order of bytes,
/// bools as they are in the file. Plain chunks come as they are stored, for hdf5_decoder, which takes longer and
/// needs no library; those that nobody has written have the fill value. Throws where the dataset is another one now.
hdf5_rest read_hdf5_box(const std::string& path, const std::string& dataset, const item_type& type,
                        std::span<const std::size_t> shape, std::span<const std::size_t> first,
                        std::span<const std::size_t> extents, std::byte* to);
/// Makes chunks what is stored of them, one after the other, in memory that it keeps for the next one. Blocks nobody.
class hdf5_encoder {
 public:
  hdf5_encoder(std::span<const hdf5_filter> filters, int level, std::size_t item)
      : filters_(filters), level_(level), item_(item) {}
  /// What is there until the next call, or until `chunk` goes. No filter is left out, as HDF5 does it with deflate
  /// where that makes a chunk no smaller: 1.10 does not note it of a chunk that takes as many bytes as before.
  std::span<const std::byte> encode(std::span<const std::byte> chunk);

 private:
  const std::span<const hdf5_filter> filters_;
  const int level_;
  const std::size_t item_;
  std::vector<std::byte> rooms_[2];
};
/// Makes elements of chunks, one after the other, in memory that it keeps for the next one. Blocks nobody.
class hdf5_decoder {
 public:
  /// `name` is what errors call the dataset.
  hdf5_decoder(const hdf5_dataset& d, std::string name);
  /// Puts the chunk's part of a box of these extents there. Throws std::runtime_error for a chunk that is damaged.
  void decode(hdf5_chunk c, std::span<const std::size_t> extents, std::byte* to);

 private:
  const hdf5_dataset& of_;
  const std::string name_;
  const std::size_t size_;  // of a chunk
  std::unique_ptr<std::byte[]> rooms_[2];
};

}  // namespace weft::detail::arrays
