// Arrays that linear algebra makes of nothing.
#include <algorithm>
#include <complex>
#include <cstring>

#include "array/linear.hpp"

namespace weft::detail::arrays {

namespace {

weft::shape extents_of(const grid& g, std::size_t j) { return g.chunk(place_of(j, g.counts(), g.rank)); }

struct ones_task {
  grid chunks;
  element of;
  block operator()(std::size_t j) const {
    demand_given(is_number(of), "elements that are no numbers");
    block b(of, extents_of(chunks, j));
    const auto fill = [&]<class T>(T one) { std::fill_n(b.data<T>(), b.count(), one); };
    switch (of.type) {
      case dtype::f32:
        fill(1.0f);
        break;
      case dtype::f64:
        fill(1.0);
        break;
      case dtype::c64:
        fill(std::complex<float>(1));
        break;
      case dtype::c128:
        fill(std::complex<double>(1));
        break;
      default:  // integers, whose lowest byte comes first
        std::fill(b.bytes().begin(), b.bytes().end(), std::byte{0});
        for (std::size_t i = 0; i < b.bytes().size(); i += of.item) b.bytes()[i] = std::byte{1};
    }
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

}  // namespace

array_ref ones_of(const client& c, const grid& chunks, element e) {
  const std::size_t n = chunks.tasks();
  return make_layered(c, e, chunks, {},
                      recipe(n, [=](std::span<const layer<block>>) { return layer_of(n, ones_task{chunks, e}); }));
}

}  // namespace weft::detail::arrays
