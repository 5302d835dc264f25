// Arrays that linear algebra makes of nothing, and of elements alone.
#include <algorithm>
#include <array>
#include <complex>
#include <cstring>

#include "array/linear.hpp"
#include "weft/array/functions.hpp"

namespace weft::detail::arrays {

namespace {

weft::shape extents_of(const grid& g, std::size_t j) { return g.chunk(place_of(j, g.counts(), g.rank)); }

/// The bytes of 1, of any elements that are numbers.
std::array<std::byte, 16> one_of(element of) {
  std::array<std::byte, 16> bytes{std::byte{1}};  // integers', whose lowest byte comes first
  const auto put = [&](auto one) { std::memcpy(bytes.data(), &one, sizeof one); };
  if (real_element(of).type == dtype::f32) put(1.0f);
  if (real_element(of).type == dtype::f64) put(1.0);
  return bytes;
}

struct ones_task {
  grid chunks;
  element of;
  block operator()(std::size_t j) const {
    demand_given(is_number(of), "elements that are no numbers");
    block b(of, extents_of(chunks, j));
    const auto one = one_of(of);
    for (std::size_t i = 0; i < b.bytes().size(); i += of.item)
      std::memcpy(b.bytes().data() + i, one.data(), of.item);
    return b;
  }
  std::string task_name() const { return "ones"; }
  std::string task_subject(std::size_t j) const {
    const coordinates counts = chunks.counts();
    weft::shape all = weft::shape::of_rank(chunks.rank);
    for (std::size_t a = 0; a < chunks.rank; ++a) all[a] = counts[a];
    return name_of_chunk(j, weft::shape::of_rank(chunks.rank), all);
  }
};

struct identity_task {
  grid chunks;
  element of;
  block operator()(std::size_t j) const {
    demand_given(is_number(of) && chunks.rank == 2, "an identity that is none");
    block b(of, extents_of(chunks, j));
    if (b.count() == 0) return b;
    std::memset(b.bytes().data(), 0, b.bytes().size());
    const coordinates at = place_of(j, chunks.counts(), 2);
    const std::int64_t row = chunks.axes[0].first(at[0]), column = chunks.axes[1].first(at[1]);
    const std::int64_t end = std::min(row + b.extents()[0], column + b.extents()[1]);
    const auto one = one_of(of);
    for (std::int64_t d = std::max(row, column); d < end; ++d)
      std::memcpy(b.bytes().data() + static_cast<std::size_t>((d - row) * b.extents()[1] + d - column) * of.item,
                  one.data(), of.item);
    return b;
  }
  std::string task_name() const { return "identity"; }
  std::string task_subject(std::size_t j) const { return ones_task{chunks, of}.task_subject(j); }
};

}  // namespace

array_ref identity_of(const client& c, const grid& chunks, element e) {
  const std::size_t n = chunks.tasks();
  return make_layered(c, e, chunks, {}, recipe(n, [=](std::span<const layer<block>>) {
                        return layer_of(n, identity_task{chunks, e});
                      }));
}

array_ref ones_of(const client& c, const grid& chunks, element e) {
  const std::size_t n = chunks.tasks();
  return make_layered(c, e, chunks, {},
                      recipe(n, [=](std::span<const layer<block>>) { return layer_of(n, ones_task{chunks, e}); }));
}

array_ref conjugated(array_ref x) {
  return with_inexact(x->of, [&](auto zero) -> array_ref {
    using T = decltype(zero);
    if constexpr (is_complex<T>)
      return array<T, dynamic_rank>(conj(array<T, dynamic_rank>(x))).node();
    else
      return x;
  });
}

}  // namespace weft::detail::arrays
