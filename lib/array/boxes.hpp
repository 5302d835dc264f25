#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "array/program.hpp"
#include "weft/dependencies.hpp"

namespace weft::detail::arrays {

/// A box of chunks: where it begins, and how many there are along each axis.
struct box {
  weft::shape first = {}, counts = {};

  static box all_of(const grid& g);
  std::size_t tasks() const noexcept { return static_cast<std::size_t>(counts.count()); }
};

/// The place of task j among all chunks, where tasks are numbered in a box of them.
coordinates place_in_box(std::size_t j, const weft::shape& first, const weft::shape& counts) noexcept;
/// Whether these are a box of g's chunks.
bool is_box_of(const grid& g, const weft::shape& first, const weft::shape& counts) noexcept;

/// Which chunks of one axis of a source each coordinate along an axis of the tasks reads, and back. Both count from
/// the beginnings of their boxes.
struct box_axis {
  std::int64_t count = 1;            // of the source's box
  std::int32_t axis = -1;            // of the tasks; -1: all of them read `of[0]`
  std::vector<chunk_range> of;       // for each coordinate of the tasks
  std::vector<chunk_range> readers;  // for each chunk; empty where last < first
};
struct box_table {
  std::uint32_t rank = 0;  // of the tasks
  coordinates counts{};
  std::vector<box_axis> axes;
  bool complete = false;  // every chunk of the source's box is read
};

void weft_encode(encoder& e, const box_table& t);
box_table weft_decode(decoder& d, std::type_identity<box_table>);
constexpr std::string_view weft_schema(std::type_identity<box_table>) { return "weft array boxes 1"; }

/// Each task of a box takes a box of another layer's.
struct boxes {
  shared<box_table> table;
  intervals of(std::size_t j) const;
  intervals dependents(std::size_t i) const;
  bool complete(std::size_t n, std::size_t m) const noexcept { return n != 0 && m != 0 && table->complete; }
};

/// The box of a source that a program reads for all of its own.
box box_read(const load& l, const grid& domain, const box& of);
/// How a box of tasks over `domain` reads the box `from` of a load's source.
boxes dependency_on(const load& l, const grid& domain, const box& of, const box& from);
/// Each task of the box `of` takes the chunk at its place and `by` further along each axis: none where there is none
/// in `from`.
boxes moved(const box& of, const box& from, const coordinates& by);
/// The turns of a box of tasks over `chunks`, by number, in which they go from chunk to chunk of `source`, by the
/// first element of each, and within one in the order of their numbers; empty where that is the order of all. O(tasks
/// log tasks).
std::vector<std::uint32_t> turns_by(const grid& source, const grid& chunks, const box& of);
/// `groups[a]` neighbours along axis a for each task.
boxes grouped(const box& from, const coordinates& groups, box& tasks);

}  // namespace weft::detail::arrays
