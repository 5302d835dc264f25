// expect: weft: a field (or a base) of this function object cannot be encoded
#include <weft/layer.hpp>
struct scale {
  const double* by;
  double operator()(std::size_t i) const { return static_cast<double>(i) * *by; }
};
struct scale_by {
  double by;
  double operator()(std::size_t i) const { return static_cast<double>(i) * by; }
};
weft::layer<double> f(double by) {
  auto wrong = weft::layer_of(10, scale{&by});  // wrong
  return weft::layer_of(10, scale_by{by});
}
