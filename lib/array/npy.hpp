#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "array/copy.hpp"
#include "array/item_type.hpp"
#include "weft/file.hpp"
#include "weft/task.hpp"

/// NumPy's files of one array (.npy): "NEP 1: a simple file format for NumPy arrays", versions 1.0, 2.0 and 3.0. A
/// header that says what the elements are, then the elements, in C's order or in Fortran's.
namespace weft::detail::arrays {

struct npy_header {
  item_type type = {};
  bool fortran_order = false;  // the first axis is the fastest
  std::vector<std::size_t> shape = {};
  std::uint64_t data_offset = 0;  // where the elements begin in the file, in bytes
  friend bool operator==(const npy_header&, const npy_header&) = default;
};

/// The longest header that is read, in bytes; NumPy itself refuses more than 10,000 by default.
inline constexpr std::size_t most_npy_header = std::size_t{1} << 16;

/// How many bytes the header takes with all before it, from the first 12 bytes of the file; fewer where the file is
/// shorter. Throws std::runtime_error, which names the file, when this is no npy file, one of an unknown version, or
/// its header is longer than most_npy_header.
std::size_t npy_header_size(std::span<const std::byte> begin, const std::string& name);

/// From that many bytes. `file_size` is the whole file's. Throws std::runtime_error, which names the file, for a
/// header that is damaged, for elements that are no numbers (see item_type), for more axes than most_copied_axes, and
/// when the shape is larger than the file.
npy_header parse_npy_header(std::span<const std::byte> head, std::uint64_t file_size, const std::string& name);

/// The bytes before the elements, and sets h.data_offset to their number, a multiple of 64. Version 1.0 is what
/// everybody reads; 2.0 and 3.0 are for longer headers than numbers need. Throws misuse for another version.
std::vector<std::byte> make_npy_header(npy_header& h, unsigned version = 1);

/// Reads and checks the header of an open file. Throws as parse_npy_header, and what the file throws.
task<npy_header> read_npy_header(file& f);

/// Reads a box of the array to memory, elements in the machine's order of bytes. The box must be within the shape
/// (misuse). Memory as in copy_box. Throws std::runtime_error when the file has become too short.
///
/// Cost: pieces that lie in one run in the file and in memory are read straight there. Else up to 4 MiB are read at
/// once, with what is between the box's rows where that is at most 32 KiB, and copied from there.
task<> read_npy_box(file& f, const npy_header& h, std::span<const std::size_t> first,
                    std::span<const std::size_t> extents, std::byte* to, byte_steps to_steps);

/// Writes a box of the array from memory in its place. Boxes that do not overlap may be written at the same time, by
/// anybody: what is between their rows is not touched. One operation for each run in the file, of at most 4 MiB where
/// memory is in another order.
task<> write_npy_box(file& f, const npy_header& h, std::span<const std::size_t> first,
                     std::span<const std::size_t> extents, const std::byte* from, byte_steps from_steps);

/// Makes a file for an array, with its header and its full size (a hole, which reads as zeros until it is written),
/// and sets h.data_offset. Empties a file that is there. Throws what the file throws.
task<file> create_npy(std::string path, npy_header& h);

}  // namespace weft::detail::arrays
