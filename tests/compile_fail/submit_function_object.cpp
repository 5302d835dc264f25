// expect: weft: a field (or a base) of this function object cannot be encoded
#include <weft/client.hpp>
struct scale {
  const double* by;
  double operator()(double x) const { return x * *by; }
};
struct scale_by {
  double by;
  double operator()(double x) const { return x * by; }
};
weft::future<double> f(weft::client& c, double by) {
  auto wrong = c.submit(scale{&by}, 2.0);  // wrong
  return c.submit(scale_by{by}, 2.0);
}
