// expect: weft: einsum names another number of axes than an array has
#include <weft/array.hpp>
auto f(const weft::array<double, 2>& x) {
  auto wrong = weft::einsum<"ijk,jk->i">(x, x);  // wrong
  return weft::einsum<"ij,jk->ik">(x, x);
}
