// expect: weft: the function gives chunks of another number of axes
#include <weft/array.hpp>
auto f(const weft::array<double, 2>& x) {
  const auto first_row = [](const auto& a) { return xt::xtensor<double, 1>(xt::sum(a, {0})); };
  auto wrong = weft::map_blocks(first_row, x);  // wrong
  return weft::map_blocks(first_row, weft::block_shape{.drop = weft::axes(0)}, x);
}
