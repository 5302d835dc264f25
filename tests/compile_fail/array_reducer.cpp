// expect: weft: what chunk() gives cannot be encoded
#include <weft/array.hpp>
struct right {
  auto chunk(const weft::chunk_view<double, 2>& a) const { return xt::xtensor<double, 1>(xt::sum(a, {0})); }
  void merge(xt::xtensor<double, 1>& a, const xt::xtensor<double, 1>& after) const { a += after; }
  auto finish(const xt::xtensor<double, 1>& a) const { return a * 2.0; }
};
struct lazy : right {
  auto chunk(const weft::chunk_view<double, 2>& a) const { return xt::sum(a, {0}); }
};
auto f(const weft::array<double, 2>& x) {
  auto wrong = weft::reduce_blocks(x, lazy{}, 0);  // wrong
  return weft::reduce_blocks(x, right{}, 0);
}
