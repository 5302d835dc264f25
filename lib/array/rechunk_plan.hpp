#pragma once

#include <cstddef>
#include <span>
#include <vector>

/// From old chunks to new ones: which parts of which old chunks make a new chunk, and which chunkings to go through
/// so that neither the number of parts nor the memory of a task becomes too large. Pure functions of sizes.
namespace weft::detail::arrays {

/// The sizes of an axis's chunks, in elements. A size may be 0; an axis has at least one chunk.
using axis_chunks = std::vector<std::size_t>;
/// An array's chunks: the sizes for each axis.
using chunking = std::vector<axis_chunks>;

/// A part of an old chunk along one axis; never empty.
struct axis_piece {
  std::size_t chunk;  // the old chunk's number along the axis
  std::size_t first;  // where the part begins in the old chunk, in elements
  std::size_t into;   // and in the new one
  std::size_t count;  // elements
  friend bool operator==(const axis_piece&, const axis_piece&) = default;
};

/// How an axis's new chunks are made of the old ones: each is a run of pieces, in order and without gaps.
class axis_crossing {
 public:
  /// Time and memory O(old chunks + new chunks). Throws misuse when the sums of the sizes differ.
  axis_crossing(std::span<const std::size_t> old_sizes, std::span<const std::size_t> new_sizes);

  /// Of new chunk `chunk`; empty when the chunk is.
  std::span<const axis_piece> operator[](std::size_t chunk) const noexcept {
    return {pieces_.data() + begins_[chunk], begins_[chunk + 1] - begins_[chunk]};
  }
  std::size_t chunks() const noexcept { return begins_.size() - 1; }
  /// Of all new chunks.
  std::size_t pieces() const noexcept { return pieces_.size(); }

 private:
  std::vector<axis_piece> pieces_;
  std::vector<std::size_t> begins_;
};

/// One crossing an axis. Throws misuse when the numbers of axes differ, or an axis's elements, and names both.
std::vector<axis_crossing> cross(const chunking& old_chunks, const chunking& new_chunks);

/// The pieces of one new chunk, whose coordinates are `place`: every combination of the axes' pieces, the last axis
/// the fastest. piece i of axis a is at [i * axes + a].
std::vector<axis_piece> pieces_of(std::span<const axis_crossing> crossings, std::span<const std::size_t> place);

/// When a rechunk is done in several steps.
struct rechunk_limits {
  std::size_t piece_bytes = std::size_t{16} << 10;   // a piece costs as much as copying so many bytes
  std::size_t chunk_bytes = std::size_t{128} << 20;  // of a chunk in between, at most
  std::size_t least_chunks = 64;  // such a chunk is no larger part of the array, so that there is work for many
  std::size_t input_bytes = std::size_t{512} << 20;  // of the old chunks that one new chunk needs
};

/// What a step costs. Numbers of pieces are kept as doubles: there may be more than 2^64.
struct rechunk_cost {
  double pieces = 0;       // parts of old chunks, over all new chunks
  double chunks = 0;       // old and new ones together
  double input_bytes = 0;  // of the old chunks that one new chunk needs, at most
  double piece_bytes = 0;  // of a piece, on average
};

/// The cost of going from old chunks to new ones at once. Time O(chunks along each axis). Throws misuse as cross.
rechunk_cost cost_of_rechunk(const chunking& old_chunks, const chunking& new_chunks, std::size_t item);

/// The chunkings to go through, the last of which is `new_chunks`; one that is the old one already needs none.
///
/// A step whose pieces are not small and whose inputs are within the limit is done at once. Another one is cut in two
/// at the chunking that makes both cheapest together, memory before pieces, and so are these again, as long as a cut
/// halves what was too much (or ends it): bytes of inputs, or the cost of the pieces with that of one more pass over
/// the data. A chunking in between has, along each axis, chunks of the finer side in groups, of a width between the
/// two sides'; all combinations of some widths are tried. Its chunks are as large as the limits say, or as the
/// largest old or new one. There are seldom more than two steps, and never more than eight.
///
/// The idea, to merge some axes and split others under a limit of memory, is that of Dask's planner (Rocklin and
/// others); the search is our own. Throws misuse as cross. Time: some 10^5 combinations, and O(chunks) along each
/// axis.
std::vector<chunking> plan_rechunk(const chunking& old_chunks, const chunking& new_chunks, std::size_t item,
                                   const rechunk_limits& limits = {});

}  // namespace weft::detail::arrays
