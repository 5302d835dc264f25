#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "weft/client.hpp"
#include "weft/detail/array/block.hpp"
#include "weft/detail/array/code.hpp"
#include "weft/detail/array/grid.hpp"
#include "weft/drawing.hpp"
#include "weft/future.hpp"

// What arrays are made of, without their static types: implemented in lib/array.
namespace weft::detail::arrays {

/// Where an index along an axis of a view's source comes from: `start + step * (the index along axis `axis` of the
/// view)`; `axis` -1: always `start`.
struct axis_map {
  std::int32_t axis = -1;
  std::int64_t start = 0, step = 0;
  friend bool operator==(const axis_map&, const axis_map&) = default;
};
/// One for each axis of the source.
struct view_map {
  std::uint32_t rank = 0;
  std::array<axis_map, most_axes> axes = {};
  friend bool operator==(const view_map& a, const view_map& b) noexcept {
    if (a.rank != b.rank) return false;
    for (std::uint32_t i = 0; i < a.rank; ++i)
      if (a.axes[i] != b.axes[i]) return false;
    return true;
  }
};

class array_node;
/// An array as it was described: immutable, and counted.
using array_ref = std::shared_ptr<const array_node>;

const client& owner_of(const array_node& x) noexcept;
const grid& grid_of(const array_node& x) noexcept;
element element_of_node(const array_node& x) noexcept;

/// int64: `base` and `steps[a]` for each index along axis a.
array_ref make_index(client c, const grid& chunks, std::int64_t base, const coordinates& steps);
/// A kernel on the elements of operands that broadcast to `chunks`. `cheap`: to be computed again wherever it is
/// read.
array_ref make_elementwise(client c, element e, const grid& chunks, std::vector<array_ref> operands,
                           any_code<kernel> what, bool cheap = false);
/// The same elements in another arrangement.
array_ref make_view(array_ref x, const view_map& map, const grid& chunks);
/// How many chunks a task of a reduction's tree combines, where nobody says.
inline constexpr std::int64_t usual_fan_in = 8;
/// Reduces the axes whose bits are set in `axes`; they stay, with one element each, where `keep` is set. Throws
/// misuse for a fan-in below 2.
array_ref make_reduction(array_ref x, element e, std::uint32_t axes, bool keep, any_code<reducer> what,
                         std::int64_t fan_in = usual_fan_in);
/// Chunks that are there, or under way.
array_ref make_stored(client c, element e, const grid& chunks, std::vector<future<block>> parts);

[[noreturn]] void throw_creation(const char* why);
[[noreturn]] void throw_does_not_fit(const std::string& value, dtype t);
/// How many elements `first`, `first + step`, ... there are before `last`, and how many steps over a distance above 0
/// begin in it. Throw misuse where these are too many.
std::int64_t count_of_steps(double first, double last, double step);
std::int64_t count_of_steps(std::uint64_t distance, std::uint64_t step);
/// Bits of the axes; all when none is named. Throws misuse for an axis that is not there, or named twice.
std::uint32_t axes_mask(const grid& g, const std::int64_t* named, std::size_t n);
/// The only one of them.
std::size_t axis_of_mask(std::uint32_t axes) noexcept;
/// How many elements become one.
double count_reduced(const grid& g, std::uint32_t axes);
/// Throws misuse when nothing would be reduced to something.
void check_not_empty(const grid& g, std::uint32_t axes, const char* what);

/// The numbers of elements, as argmin and argmax give them: along the axis, or of the whole array.
coordinates place_steps(const grid& g, std::uint32_t axes);

/// Throws misuse when they belong to different clients.
const client& common_client(const client& a, const client& b);

/// Starts the tasks of all its chunks, and gives their futures in order.
std::vector<future<block>> start(const array_node& x);
/// The same for several arrays of one client, whose tasks are shared where they are the same.
std::vector<std::vector<future<block>>> start_all(std::span<const array_ref> xs);
/// Runs them, and lets each chunk go as it ends: for what is done by computing alone, and for measurements.
future<> run(const array_node& x);
/// The number of tasks that start() would make.
std::size_t count_tasks(const array_node& x);
/// Copies chunk number j to its place in the whole array, which is row-major.
void put_chunk(std::byte* whole, const grid& chunks, std::size_t j, const block& b);
/// Takes chunk number j out of one.
block take_chunk(const std::byte* whole, element e, const grid& chunks, std::size_t j);
/// `weft::array of float64, shape (1000, 200) in chunks of (100, 200), 1.53 MiB: 10 chunks, 20 tasks`
std::string describe(const array_node& x);
/// Its tasks, and its chunks: lib/array/draw.cpp.
std::string draw_tasks(const array_node& x, const drawing_options& how, drawing_form form);
std::string draw_chunks(const array_node& x);

}  // namespace weft::detail::arrays
