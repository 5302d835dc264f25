#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "weft/detail/array/node.hpp"
#include "weft/values.hpp"

namespace weft::detail::arrays {

/// So many layers a program reads.
inline constexpr std::size_t most_inputs = 8;
/// So many arguments a kernel has.
inline constexpr std::size_t most_arguments = 32;
/// So many places elements come from.
inline constexpr std::size_t most_loads = 64;
/// So many kernels run tile by tile in one task.
inline constexpr std::size_t most_steps = 16;

/// Where elements come from: blocks of another layer, or, with `input` -1, their indices.
struct load {
  std::int32_t input = -1;
  element of;
  view_map map;           // from the program's domain
  grid source;            // of blocks
  std::int64_t base = 0;  // of indices
  std::vector<std::int64_t> steps = {};
};
/// A kernel on registers: of load r where r >= 0, else of step -1 - r.
struct step {
  any_code<kernel> what;
  std::vector<std::int16_t> arguments;
  std::uint32_t item = 1;
};

/// What the tasks of a layer compute, a chunk of the domain each: kernels one after the other, tile by tile, so that
/// what is between them does not leave the cache. Immutable, and the same for all tasks.
struct program {
  grid domain;
  weft::shape first = {};   // the box of chunks that are made: where it begins,
  weft::shape counts = {};  // and how many there are; tasks are numbered within it
  std::vector<load> loads = {};
  std::vector<step> steps = {};
  std::int16_t result = 0;  // a register
  element of = {};          // of it
};

void weft_encode(encoder& e, const view_map& m);
view_map weft_decode(decoder& d, std::type_identity<view_map>);
constexpr std::string_view weft_schema(std::type_identity<view_map>) { return "weft array view 1"; }
void weft_encode(encoder& e, const program& p);
program weft_decode(decoder& d, std::type_identity<program>);
constexpr std::string_view weft_schema(std::type_identity<program>) { return "weft array program 1"; }

/// Chunks, both included.
struct chunk_range {
  std::int64_t first = 0, last = 0;
};
/// The chunks of a source's axis that a reader takes of it for `extent` elements of its own from `begin` on.
chunk_range chunks_read(const cut& source, const axis_map& map, std::int64_t begin, std::int64_t extent) noexcept;

/// The blocks of each load that has some, in the order of `input`: row-major in the box that the load reads.
using inputs = std::span<const values<block>>;
/// Those that a task has made itself, by input; null where it has not, and none where there are none of them. What is
/// in `inputs` for one of these does not count.
using own_inputs = std::span<block* const>;
/// Whether each chunk of the domain is computed from the chunk of the same number, element by element.
bool is_read_as_it_is(const load& l, const grid& domain) noexcept;

/// The bytes of chunk j of a program's box.
std::uint64_t bytes_of_chunk(const program& p, std::size_t j) noexcept;
/// A block into which chunk j may be written while it is computed, since nobody else will read it
/// (weft::values::take), and each of its elements is read for that element of the result alone. Null: there is none.
block* reusable_input(const program& p, const weft::shape& extents, inputs in, own_inputs own = {}) noexcept;

/// One chunk of a program while it is computed.
///
/// The chunk is cut into cells at the boundaries of the chunks that it reads. In a cell every load is one strided
/// piece of one block; what lies one after the other is used where it is, and the rest is laid into tiles.
class evaluation {
 public:
  evaluation(const program& p, std::size_t j, inputs in, own_inputs own = {});

  const weft::shape& extents() const noexcept { return extents_; }
  /// Writes all elements, row-major.
  void write(std::byte* out);
  /// Whether there is one cell: then tile() may be called.
  bool whole() const noexcept { return whole_; }
  /// Elements `from` to `from + n` of the chunk, of at most tile_size: they begin at a multiple of it. Valid until
  /// the next call.
  const std::byte* tile(std::size_t from, std::size_t n);

  static constexpr std::size_t tile_size = 1024;  // elements: registers stay in the first and second cache

 private:
  struct dimension {
    std::int64_t extent = 1, stride = 0;  // in bytes, of indices in what they grow by
  };
  /// A load in the current cell.
  struct place {
    std::uintptr_t at = 0;        // an address, or an index
    coordinates strides = {};     // along the axes of the domain
    std::vector<dimension> rows;  // along the axes that are run through as one, merged
    bool straight = false;        // elements lie one after the other along them
    bool constant = false;        // there is one only
    bool laid = false;            // it has been laid into its tile
    std::byte* tile = nullptr;
  };

  void enter(const coordinates& begin, const coordinates& extent);
  void run_through(std::size_t axis);
  const std::byte* fetch(std::size_t l, std::size_t from, std::size_t n, std::byte* to);
  const std::byte* compute(std::size_t from, std::size_t n, std::byte* out);
  void write_cell(const coordinates& begin, std::byte* out);
  void make_tiles();

  const program& program_;
  inputs in_;
  own_inputs own_;
  coordinates begin_{};  // the chunk's first element
  weft::shape extents_;
  coordinates cell_{};  // extents of the current one
  bool whole_ = true;
  std::vector<place> places_;
  std::vector<std::byte> room_;
  std::vector<std::byte*> registers_;  // of the steps
  bool constant_ = false;              // all elements of what is run through are the same,
  std::size_t computed_ = 0;           // and so many of them are in the last register
};

}  // namespace weft::detail::arrays
